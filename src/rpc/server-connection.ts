import type { Socket } from 'node:net';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { FrameSink } from './frame-parser.ts';
import { FrameKind, FrameWriter, type MessageSink, readMessages } from './message-codec.ts';
import { type FaultResponse, MessageType, type Request, type Response } from './messages.ts';
import { readRequest } from './request-codec.ts';
import type { Call, CallHandler } from './transport.ts';
import { WireReader } from './wire-reader.ts';

const MALFORMED: FaultResponse = { type: MessageType.fault, fault: 'malformed', detail: 'not a request' };
const TOO_LARGE: FaultResponse = { type: MessageType.fault, fault: 'malformed', detail: 'the response is too large' };

class ServerCall implements Call {
  readonly request: Request;
  readonly correlationId: number;
  readonly bytes: number;
  readonly #connection: ServerConnection;
  #answered = false;

  constructor(connection: ServerConnection, request: Request, correlationId: number, bytes: number) {
    this.#connection = connection;
    this.request = request;
    this.correlationId = correlationId;
    this.bytes = bytes;
  }

  respond(response: Response): void {
    assert(!this.#answered, 'a call is answered once');
    this.#answered = true;
    this.#connection.answer(this, response);
  }
}

/** What a response to it may weigh, beyond what the request itself does. */
function responseBytes(request: Request): number {
  return request.type === MessageType.getPages ? request.pageIds.length * limits.pageBytes : 0;
}

/**
 * One proxy's connection, after the handshake: frames of requests in, frames of responses out. The requests of one read
 * of the socket are one batch for the handler; the responses of one turn leave in one write.
 */
export class ServerConnection implements FrameSink, MessageSink {
  readonly #socket: Socket;
  readonly #handler: CallHandler;
  readonly #clock: Clock;
  readonly #frame = new FrameWriter(FrameKind.responses);
  readonly #reader = new WireReader();
  readonly #flush: () => void;
  readonly #onOverrun: () => void;
  #arrived: ServerCall[] = [];
  #flushDue = false;
  #closed = false;
  #openCalls = 0;
  #openBytes = 0;
  #paused = false;

  /** `onOverrun` is told, once, that the peer does not take its responses; the connection is then cut. */
  constructor(socket: Socket, handler: CallHandler, clock: Clock, protocolVersion: number, onOverrun: () => void) {
    this.#socket = socket;
    this.#handler = handler;
    this.#clock = clock;
    this.#onOverrun = onOverrun;
    this.#frame.protocolVersion = protocolVersion;
    this.#reader.protocolVersion = protocolVersion;
    this.#flush = () => this.flush();
    socket.on('drain', () => this.#resumeIfEased());
  }

  /** After each read of the socket: hands over what `onFrame` has gathered. */
  endOfRead(): void {
    const calls = this.#arrived;
    if (calls.length > 0) {
      this.#arrived = [];
      this.#handler.receive(calls);
    }
    if (!this.#paused && this.#overLoaded(1)) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  onFrame(kind: number, frame: Buffer, offset: number, end: number): boolean {
    return kind === FrameKind.requests && readMessages(frame, offset, end, this.#reader, this);
  }

  onMessage(correlationId: number, type: number, reader: WireReader): boolean {
    const bytes = reader.remaining();
    const request = readRequest(reader, type);
    if (request === null) {
      this.#write(correlationId, MALFORMED);
      return true;
    }
    const call = new ServerCall(this, request, correlationId, bytes + responseBytes(request));
    this.#openCalls++;
    this.#openBytes += call.bytes;
    this.#arrived.push(call);
    return true;
  }

  /** Only for ServerCall. A response after the connection broke goes nowhere. */
  answer(call: ServerCall, response: Response): void {
    this.#openCalls--;
    this.#openBytes -= call.bytes;
    if (this.#closed) return;
    this.#write(call.correlationId, response);
    if (this.#paused) this.#resumeIfEased();
  }

  /** Everything answered so far leaves now. */
  flush(): void {
    this.#flushDue = false;
    if (this.#closed || this.#frame.bytes() === 0) return;
    this.#socket.write(this.#frame.finish());
    const taken = this.#socket.writableLength;
    this.#frame.restart(taken === 0);
    if (taken > limits.responseBytesPerPeerMax) {
      this.close();
      this.#onOverrun();
      this.#socket.destroy();
    }
  }

  /** Nothing is written any more; calls may still be answered. */
  close(): void {
    this.#closed = true;
  }

  #write(correlationId: number, response: Response): void {
    if (!this.#frame.addResponse(correlationId, response)) this.#frame.addResponse(correlationId, TOO_LARGE);
    if (this.#frame.bytes() >= limits.frameTargetBytes) {
      this.flush();
    } else if (!this.#flushDue) {
      this.#flushDue = true;
      this.#clock.endOfTurn(this.#flush);
    }
  }

  #resumeIfEased(): void {
    if (!this.#paused || this.#closed || this.#overLoaded(0.5)) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #overLoaded(share: number): boolean {
    return (
      this.#openCalls >= share * limits.callsPerPeer ||
      this.#openBytes >= share * limits.callBytesPerPeer ||
      this.#socket.writableLength >= share * limits.responseBytesPerPeer
    );
  }
}
