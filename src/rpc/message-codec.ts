import { limits } from '../base/limits.ts';
import type { Request, Response } from './messages.ts';
import { requestLength, writeRequest } from './request-codec.ts';
import { responseLength, writeResponse } from './response-codec.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/*
 * What travels between peers, once the handshake (handshake.ts) is done. All numbers are big endian.
 *
 *   frame   := length:u32 kind:u8 message*                     ; length counts what follows it, up to limits.frameBytes
 *   message := length:u32 correlationId:u32 type:u8 body       ; length counts what follows it
 *   body    := by type, see protocol-table.ts, request-codec.ts and response-codec.ts
 *
 * Notation of bodies: fields in order, each `kind` or `name:kind`; `-` is nothing; `x?` is a flag, then x if it is 1;
 * `x*` is a count (u32), then so many x; u64 holds a safe integer; f64 is finite and not negative; flag is a byte 0 or 1;
 * text is a length (u32) and UTF-8; blob a length (u32) and bytes; id 16 bytes; ballot is time:u64 proposer:u32; state is
 * in record/state-codec.ts. A body ends where its message does.
 */

/** Number on the wire: never renumber. */
export const FrameKind = { hello: 1, welcome: 2, refusal: 3, requests: 16, responses: 17 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const FRAME_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 9;

/** Messages of one kind, written one behind the other into one frame. */
export class FrameWriter {
  readonly #kind: FrameKind;
  readonly #writer = new WireWriter();

  constructor(kind: FrameKind) {
    this.#kind = kind;
  }

  /** Messages are written as this version has them. To begin with: 1. */
  set protocolVersion(version: number) {
    this.#writer.protocolVersion = version;
  }

  /** Bytes of the frame so far; 0 if nothing was added. */
  bytes(): number {
    return this.#writer.offset;
  }

  /** False, and nothing is written, if the request is larger than a message may be. */
  addRequest(correlationId: number, request: Request): boolean {
    const length = requestLength(request);
    if (length > limits.messageBytes) return false;
    const start = this.#begin(correlationId, request.type, length);
    writeRequest(this.#writer, request);
    this.#end(start);
    return true;
  }

  /** False, and nothing is written, if the response is larger than a message may be. */
  addResponse(correlationId: number, response: Response): boolean {
    const length = responseLength(response);
    if (length > limits.messageBytes) return false;
    const start = this.#begin(correlationId, response.type, length);
    writeResponse(this.#writer, response);
    this.#end(start);
    return true;
  }

  /** The frame, as a view that is good until `restart`. */
  finish(): Buffer {
    this.#writer.patchU32(0, this.#writer.offset - 4);
    return this.#writer.written();
  }

  /** Begins the next frame, in the same memory if `reuse`. */
  restart(reuse: boolean): void {
    this.#writer.restart(reuse);
  }

  /** Where the message starts. The body takes `bodyBytes`, or less where the version has fewer fields. */
  #begin(correlationId: number, type: number, bodyBytes: number): number {
    const writer = this.#writer;
    writer.reserve(FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES + bodyBytes);
    if (writer.offset === 0) {
      writer.u32(0);
      writer.u8(this.#kind);
    }
    const start = writer.offset;
    writer.u32(0);
    writer.u32(correlationId);
    writer.u8(type);
    return start;
  }

  #end(start: number): void {
    this.#writer.patchU32(start, this.#writer.offset - start - 4);
  }
}

/** Gets the messages of a frame; `reader` stands at the body and is good during the call. False stops. */
export interface MessageSink {
  onMessage(correlationId: number, type: number, reader: WireReader): boolean;
}

/** Splits what follows the kind in a frame. False: the lengths do not add up, or the sink stopped. */
export function readMessages(
  frame: Buffer,
  offset: number,
  end: number,
  reader: WireReader,
  sink: MessageSink,
): boolean {
  let at = offset;
  while (at < end) {
    if (end - at < MESSAGE_HEADER_BYTES) return false;
    const length = frame.readUInt32BE(at);
    if (length < MESSAGE_HEADER_BYTES - 4 || length > end - at - 4) return false;
    const next = at + 4 + length;
    reader.reset(frame, at + MESSAGE_HEADER_BYTES, next);
    if (!sink.onMessage(frame.readUInt32BE(at + 4), frame.readUInt8(at + 8), reader)) return false;
    at = next;
  }
  reader.release();
  return true;
}
