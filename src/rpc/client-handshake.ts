import type { Socket } from 'node:net';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { NodeEntry } from '../cluster/map.ts';
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
  ANY_INCARNATION,
  AUTH_CONTEXT,
  encodeHello,
  encodePreface,
  type Refusal,
  readRefusal,
  readWelcome,
} from './handshake.ts';
import { FrameKind } from './message-codec.ts';
import { PROTOCOL_VERSIONS, type ProtocolVersions } from './protocol-table.ts';
import type { NodeHello } from './transport.ts';
import { WireReader } from './wire-reader.ts';

export interface ClientHandshakeOptions {
  readonly clusterId: string;
  readonly secret: Buffer;
  readonly random: Random;
  /** Default: what this program speaks. */
  readonly versions?: ProtocolVersions;
}

export type ClientOutcome =
  | { readonly kind: 'more' }
  | { readonly kind: 'done'; readonly hello: NodeHello; readonly protocolVersion: number }
  | { readonly kind: 'failed'; readonly detail: string };

const MORE: ClientOutcome = { kind: 'more' };

/** The proxy's side of the handshake. */
export class ClientHandshake implements FrameSink {
  /** Goes on with what follows the handshake. */
  readonly parser = new FrameParser(limits.handshakeFrameBytes);
  readonly #socket: Socket;
  readonly #options: ClientHandshakeOptions;
  readonly #node: NodeEntry;
  readonly #versions: ProtocolVersions;
  readonly #collected = Buffer.alloc(Math.max(CHALLENGE_BYTES, ANSWER_BYTES));
  readonly #ownChallenge: Buffer;
  readonly #peerChallenge = Buffer.alloc(CHALLENGE_BYTES);
  #held = 0;
  #stage: 'challenge' | 'answer' | 'welcome' = 'challenge';
  #outcome: ClientOutcome = MORE;

  constructor(socket: Socket, node: NodeEntry, options: ClientHandshakeOptions) {
    this.#socket = socket;
    this.#node = node;
    this.#options = options;
    this.#versions = options.versions ?? PROTOCOL_VERSIONS;
    this.#ownChallenge = makeChallenge(options.random);
  }

  /** Once the socket is connected. */
  start(): void {
    this.#socket.write(encodePreface(this.#ownChallenge));
  }

  feed(chunk: Buffer): ClientOutcome {
    let offset = 0;
    if (this.#stage === 'challenge') {
      offset = this.#collect(chunk, offset, CHALLENGE_BYTES);
      if (this.#held === CHALLENGE_BYTES) this.#sendAnswer();
    }
    if (this.#stage === 'answer' && offset < chunk.length) {
      offset = this.#collect(chunk, offset, ANSWER_BYTES);
      if (this.#held === ANSWER_BYTES && !this.#nodeIsGenuine()) {
        return { kind: 'failed', detail: 'the node did not prove the cluster secret' };
      }
    }
    if (this.#stage === 'welcome' && offset < chunk.length) return this.#feedWelcome(chunk.subarray(offset));
    return MORE;
  }

  onFrame(kind: number, frame: Buffer, offset: number, end: number): boolean {
    if (this.#outcome.kind !== 'more') return false;
    const reader = new WireReader();
    reader.reset(frame, offset, end);
    const welcome = kind === FrameKind.welcome ? readWelcome(reader) : null;
    const refusal = kind === FrameKind.refusal ? readRefusal(reader) : null;
    if (welcome !== null) {
      this.#outcome = { kind: 'done', hello: welcome.node, protocolVersion: welcome.protocolVersion };
    }
    if (refusal !== null) this.#outcome = { kind: 'failed', detail: describe(refusal) };
    return welcome !== null || refusal !== null;
  }

  #collect(chunk: Buffer, offset: number, wanted: number): number {
    const bytes = chunk.copy(this.#collected, this.#held, offset, Math.min(chunk.length, offset + wanted - this.#held));
    this.#held += bytes;
    return offset + bytes;
  }

  #sendAnswer(): void {
    this.#collected.copy(this.#peerChallenge);
    this.#held = 0;
    this.#stage = 'answer';
    const hello = encodeHello({
      minVersion: this.#versions.min,
      maxVersion: this.#versions.max,
      clusterId: this.#options.clusterId,
      nodeId: this.#node.id,
      incarnation: this.#node.incarnation,
    });
    const proof = answer(
      this.#options.secret,
      ChannelRole.client,
      this.#ownChallenge,
      this.#peerChallenge,
      AUTH_CONTEXT,
    );
    this.#socket.write(Buffer.concat([proof, hello]));
  }

  #nodeIsGenuine(): boolean {
    this.#stage = 'welcome';
    const { secret } = this.#options;
    return verify(secret, ChannelRole.server, this.#ownChallenge, this.#peerChallenge, AUTH_CONTEXT, this.#collected);
  }

  #feedWelcome(chunk: Buffer): ClientOutcome {
    if (!this.parser.feed(chunk, this)) return { kind: 'failed', detail: 'the node answered what is no welcome' };
    const outcome = this.#outcome;
    if (outcome.kind !== 'done') return outcome;
    if (outcome.protocolVersion < this.#versions.min || outcome.protocolVersion > this.#versions.max) {
      return { kind: 'failed', detail: `the node chose protocol version ${outcome.protocolVersion}, not offered` };
    }
    const { id, incarnation } = this.#node;
    const isMeant = incarnation === ANY_INCARNATION || outcome.hello.incarnation === incarnation;
    if (outcome.hello.nodeId !== id || !isMeant) {
      return { kind: 'failed', detail: 'another node answered' };
    }
    this.parser.allowFullFrames();
    return outcome;
  }
}

function describe(refusal: Refusal): string {
  return `refused (${refusal.reason}): ${refusal.detail}`;
}
