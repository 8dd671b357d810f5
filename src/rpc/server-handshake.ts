import type { Socket } from 'node:net';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import {
  ANSWER_BYTES,
  answer,
  CHALLENGE_BYTES,
  ChannelRole,
  makeChallenge,
  verify,
} from '../crypto/secure-channel-auth.ts';
import { FrameParser, type FrameSink } from './frame-parser.ts';
import {
  AUTH_CONTEXT,
  checkHello,
  commonVersion,
  encodeRefusal,
  encodeWelcome,
  mayBePreface,
  PREFACE_BYTES,
  type Refusal,
  readHello,
} from './handshake.ts';
import { FrameKind } from './message-codec.ts';
import { PROTOCOL_VERSIONS, type ProtocolVersions } from './protocol-table.ts';
import type { CallHandler } from './transport.ts';
import { WireReader } from './wire-reader.ts';

export interface ServerHandshakeOptions {
  readonly handler: CallHandler;
  readonly clusterId: string;
  readonly secret: Buffer;
  readonly random: Random;
  /** Default: what this program speaks. */
  readonly versions?: ProtocolVersions;
}

/** `failed`: close without a word. `refused`: the reason is on its way, close behind it. */
export type HandshakeOutcome = 'more' | 'done' | 'refused' | 'failed';

/** The node's side of the handshake. Until the peer has proved the secret it holds no more than a preface of its bytes. */
export class ServerHandshake implements FrameSink {
  /** Goes on with what follows the handshake. */
  readonly parser = new FrameParser(limits.handshakeFrameBytes);
  /** What both ends speak, once the outcome is `done`. */
  protocolVersion = 0;
  /** Why, once the outcome is `refused`. */
  refusal: Refusal | null = null;
  readonly #socket: Socket;
  readonly #options: ServerHandshakeOptions;
  readonly #collected = Buffer.alloc(PREFACE_BYTES);
  readonly #ownChallenge: Buffer;
  readonly #peerChallenge = Buffer.alloc(CHALLENGE_BYTES);
  #held = 0;
  #stage: 'preface' | 'answer' | 'hello' | 'over' = 'preface';
  #outcome: HandshakeOutcome = 'more';

  constructor(socket: Socket, options: ServerHandshakeOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#ownChallenge = makeChallenge(options.random);
  }

  feed(chunk: Buffer): HandshakeOutcome {
    switch (this.#stage) {
      case 'preface':
        return this.#feedPreface(chunk);
      case 'answer':
        return this.#feedAnswer(chunk);
      case 'hello':
        return this.#feedHello(chunk);
      default:
        return 'more';
    }
  }

  onFrame(kind: number, frame: Buffer, offset: number, end: number): boolean {
    if (kind !== FrameKind.hello || this.#stage === 'over') return false;
    const reader = new WireReader();
    reader.reset(frame, offset, end);
    const hello = readHello(reader);
    if (hello === null) return false;
    this.#stage = 'over';
    const node = this.#options.handler.hello();
    const versions = this.#options.versions ?? PROTOCOL_VERSIONS;
    const refusal = checkHello(hello, versions, this.#options.clusterId, node);
    if (refusal === null) {
      this.protocolVersion = commonVersion(hello, versions);
      this.#outcome = 'done';
      this.#socket.write(encodeWelcome({ protocolVersion: this.protocolVersion, node }));
    } else {
      this.refusal = refusal;
      this.#outcome = 'refused';
      this.#socket.write(encodeRefusal(refusal));
    }
    return true;
  }

  #collect(chunk: Buffer, wanted: number): number {
    const bytes = chunk.copy(this.#collected, this.#held, 0, wanted - this.#held);
    this.#held += bytes;
    return bytes;
  }

  #feedPreface(chunk: Buffer): HandshakeOutcome {
    const taken = this.#collect(chunk, PREFACE_BYTES);
    // A proxy cannot go on before it has our challenge.
    if (taken < chunk.length || !mayBePreface(this.#collected, this.#held)) return 'failed';
    if (this.#held < PREFACE_BYTES) return 'more';
    this.#collected.copy(this.#peerChallenge, 0, PREFACE_BYTES - CHALLENGE_BYTES);
    this.#held = 0;
    this.#stage = 'answer';
    this.#socket.write(this.#ownChallenge);
    return 'more';
  }

  #feedAnswer(chunk: Buffer): HandshakeOutcome {
    const taken = this.#collect(chunk, ANSWER_BYTES);
    if (this.#held < ANSWER_BYTES) return 'more';
    const { secret } = this.#options;
    const proof = this.#collected.subarray(0, ANSWER_BYTES);
    if (!verify(secret, ChannelRole.client, this.#ownChallenge, this.#peerChallenge, AUTH_CONTEXT, proof))
      return 'failed';
    this.#socket.write(answer(secret, ChannelRole.server, this.#ownChallenge, this.#peerChallenge, AUTH_CONTEXT));
    this.#stage = 'hello';
    return taken < chunk.length ? this.#feedHello(chunk.subarray(taken)) : 'more';
  }

  #feedHello(chunk: Buffer): HandshakeOutcome {
    if (!this.parser.feed(chunk, this)) return 'failed';
    if (this.#outcome === 'done') this.parser.allowFullFrames();
    return this.#outcome;
  }
}
