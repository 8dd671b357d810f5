import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { formatDouble } from './float.ts';
import { isInt64 } from './integer.ts';
import type { Reply } from './reply.ts';
import {
  BooleanReply,
  BulkItems,
  BulkPieces,
  DoubleReply,
  ErrorReply,
  MapReply,
  NullArray,
  OK,
  PushReply,
  RawBytes,
  SetReply,
  SimpleString,
  StreamedItems,
  VerbatimReply,
} from './reply.ts';
import { ReplyBlocks } from './reply-blocks.ts';

const CR = 13;
const LF = 10;
const SPACE = 32;
const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const DOLLAR = 36;
const STAR = 42;
const EQUALS = 61;

/** Prefix, sign, 16 digits, line end, and some. */
const HEADER_BYTES = 24;
/** Up to here copying byte by byte beats a call out of JavaScript. */
const LOOPED_BYTES = 24;
/** Longer strings are better left to the native UTF-8 writer. */
const LOOPED_CHARACTERS = 128;
const INT32_MAX = 2_147_483_647;

const OK_LINE = Buffer.from('+OK\r\n');
const NULL_BULK = Buffer.from('$-1\r\n');
const NULL_ARRAY_LINE = Buffer.from('*-1\r\n');
const RESP3_NULL = Buffer.from('_\r\n');
const RESP3_TRUE = Buffer.from('#t\r\n');
const RESP3_FALSE = Buffer.from('#f\r\n');
const EMPTY: Buffer = Buffer.alloc(0);
/** Of a writer with nothing to write; never changed. */
const NO_CHUNKS: Buffer[] = [];

/**
 * Encodes replies for one connection (https://redis.io/docs/latest/develop/reference/protocol-spec/). Small ones are
 * gathered in a block, large bulk strings are passed on by reference: write() any number of replies, then give
 * takeChunks() to one socket write, and say sent() once the socket has nothing left of them. Buffers passed by reference
 * must not change until they have been sent.
 */
export class ReplyWriter {
  /** RESP version from the next reply on; HELLO changes it. */
  protocol: 2 | 3 = 2;
  private chunks = NO_CHUNKS;
  private chunksBytes = 0;
  private block: Buffer = EMPTY;
  /** What of the block is written and not yet a chunk: from `start` to `end`. */
  private start = 0;
  private end = 0;
  private nextBlockBytes: number = limits.replyBlockBytes;
  private writtenBytes = 0;
  private readonly blocks: ReplyBlocks;

  /** `blocks` may be shared by many writers. */
  constructor(blocks: ReplyBlocks = new ReplyBlocks()) {
    this.blocks = blocks;
  }

  /** Bytes written and not yet taken. */
  get pendingBytes(): number {
    return this.chunksBytes + this.end - this.start;
  }

  /** Everything written since the last call, in order; empty when there is nothing. */
  takeChunks(): Buffer[] {
    this.cut();
    const chunks = this.chunks;
    this.chunks = NO_CHUNKS;
    this.chunksBytes = 0;
    // A busy connection gets its next block as large as this turn needed.
    this.nextBlockBytes = Math.min(limits.replyBlockMaxBytes, Math.max(limits.replyBlockBytes, this.writtenBytes));
    this.writtenBytes = 0;
    return chunks;
  }

  /** All chunks that were taken have been sent: an idle connection keeps no block. */
  sent(): void {
    if (this.block === EMPTY || this.pendingBytes > 0) return;
    this.blocks.giveBack(this.block);
    this.block = EMPTY;
    this.start = 0;
    this.end = 0;
  }

  write(reply: Reply): void {
    if (reply === null) this.putConstant(this.protocol === 2 ? NULL_BULK : RESP3_NULL);
    else if (reply === OK) this.putConstant(OK_LINE);
    else if (typeof reply === 'number') this.putInteger(reply);
    else if (Buffer.isBuffer(reply)) this.putBulk(reply);
    else if (typeof reply === 'string') this.putText(DOLLAR, '', reply);
    else if (typeof reply === 'bigint') this.putBigint(reply);
    else this.writeObject(reply);
  }

  /** Bytes that are encoded already: items of a StreamedItems. */
  writePieces(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      if (piece.length >= limits.replyReferenceBytes) this.putReference(piece);
      else this.putBytes(piece);
    }
  }

  private writeObject(reply: Exclude<Reply, null | number | bigint | string | Buffer>): void {
    if (reply instanceof SimpleString) this.putLine(PLUS, reply.text);
    else if (reply instanceof ErrorReply) this.putLine(MINUS, reply.text);
    else if (reply instanceof BulkPieces) this.putPieces(reply);
    else if (reply instanceof BulkItems) this.putBulkItems(reply);
    else if (reply instanceof StreamedItems) this.putItemsHeader(reply);
    else if (reply instanceof RawBytes) this.writePieces([reply.bytes]);
    else if (reply instanceof NullArray) this.putConstant(this.protocol === 2 ? NULL_ARRAY_LINE : RESP3_NULL);
    else if (reply instanceof DoubleReply) this.putDouble(reply.text ?? formatDouble(reply.value));
    else if (reply instanceof BooleanReply) this.putBoolean(reply.value);
    else if (reply instanceof VerbatimReply) this.putVerbatim(reply);
    else if (reply instanceof MapReply) this.putMap(reply);
    else if (reply instanceof SetReply) this.putItems(this.protocol === 2 ? '*' : '~', reply.items);
    else if (reply instanceof PushReply) this.putItems(this.protocol === 2 ? '*' : '>', reply.items);
    else this.putItems('*', reply);
  }

  private putItems(prefix: string, items: readonly Reply[]): void {
    this.putHeader(prefix.charCodeAt(0), items.length);
    for (const item of items) this.write(item);
  }

  private putMap(map: MapReply): void {
    if (this.protocol === 2) this.putHeader(STAR, map.entries.length * 2);
    else this.putHeader('%'.charCodeAt(0), map.entries.length);
    for (const [key, value] of map.entries) {
      this.write(key);
      this.write(value);
    }
  }

  private putInteger(value: number): void {
    assert(Number.isSafeInteger(value), 'a number reply is an integer; others are DoubleReply or bigint');
    this.putHeader(COLON, value);
  }

  private putBigint(value: bigint): void {
    if (isInt64(value)) this.putLine(COLON, value.toString());
    else if (this.protocol === 3) this.putLine('('.charCodeAt(0), value.toString());
    else this.putText(DOLLAR, '', value.toString());
  }

  private putDouble(text: string): void {
    if (this.protocol === 3) this.putLine(','.charCodeAt(0), text);
    else this.putText(DOLLAR, '', text);
  }

  private putBoolean(value: boolean): void {
    if (this.protocol === 3) this.putConstant(value ? RESP3_TRUE : RESP3_FALSE);
    else this.putHeader(COLON, value ? 1 : 0);
  }

  private putVerbatim(reply: VerbatimReply): void {
    if (this.protocol === 3) this.putText(EQUALS, `${reply.format.padEnd(3).slice(0, 3)}:`, reply.text);
    else this.putText(DOLLAR, '', reply.text);
  }

  private putBulk(value: Buffer): void {
    const length = value.length;
    this.putHeader(DOLLAR, length);
    if (length >= limits.replyReferenceBytes) {
      this.putReference(value);
    } else {
      this.putBytes(value);
    }
    this.putLineEnd();
  }

  private putBulkItems(reply: BulkItems): void {
    this.putItemsHeader(reply);
    this.writePieces(reply.pieces);
  }

  private putItemsHeader(reply: BulkItems | StreamedItems): void {
    if (this.protocol === 2 || reply.kind === 'array') this.putHeader(STAR, reply.count);
    else if (reply.kind === 'map') this.putHeader('%'.charCodeAt(0), reply.count / 2);
    else this.putHeader('~'.charCodeAt(0), reply.count);
  }

  private putPieces(reply: BulkPieces): void {
    this.putHeader(DOLLAR, reply.lengthBytes);
    let bytes = 0;
    for (const piece of reply.pieces) {
      bytes += piece.length;
      if (piece.length >= limits.replyReferenceBytes) this.putReference(piece);
      else this.putBytes(piece);
    }
    assert(bytes === reply.lengthBytes, 'the pieces of a bulk string add up to its length');
    this.putLineEnd();
  }

  /** A bulk or verbatim string of `head` (ASCII) and `text`. */
  private putText(prefix: number, head: string, text: string): void {
    if (text.length <= LOOPED_CHARACTERS) {
      const undo = this.makeRoom(2 * HEADER_BYTES + text.length);
      this.putHeader(prefix, head.length + text.length);
      if (this.putAscii(head, false) && this.putAscii(text, false)) {
        this.putLineEnd();
        return;
      }
      this.end = undo;
    }
    const length = Buffer.byteLength(text);
    this.putHeader(prefix, head.length + length);
    this.makeRoom(HEADER_BYTES);
    this.putAscii(head, false);
    if (length >= limits.replyReferenceBytes) {
      this.putReference(Buffer.from(text));
    } else {
      this.makeRoom(length);
      this.end += this.block.write(text, this.end);
    }
    this.putLineEnd();
  }

  /** A line of text; line ends in it become spaces, as in Redis. */
  private putLine(prefix: number, text: string): void {
    if (text.length <= LOOPED_CHARACTERS) {
      const undo = this.makeRoom(HEADER_BYTES + text.length);
      this.block[this.end++] = prefix;
      if (this.putAscii(text, true)) {
        this.putLineEnd();
        return;
      }
      this.end = undo;
    }
    const bytes = Buffer.from(text.replace(/[\r\n]/g, ' '));
    this.makeRoom(1);
    this.block[this.end++] = prefix;
    if (bytes.length >= limits.replyReferenceBytes) this.putReference(bytes);
    else this.putBytes(bytes);
    this.putLineEnd();
  }

  /** Into room made before. False when `text` is not ASCII; what was written of it is then of no use. */
  private putAscii(text: string, isLine: boolean): boolean {
    const block = this.block;
    let end = this.end;
    for (let at = 0; at < text.length; at++) {
      let code = text.charCodeAt(at);
      if (code > 127) return false;
      if (isLine && (code === CR || code === LF)) code = SPACE;
      block[end++] = code;
    }
    this.end = end;
    return true;
  }

  /** A line of `prefix` and an integer. */
  private putHeader(prefix: number, value: number): void {
    this.makeRoom(HEADER_BYTES);
    const block = this.block;
    block[this.end++] = prefix;
    if (value >= 0 && value < 10) {
      block[this.end++] = ZERO + value;
    } else if (value > 0 && value <= INT32_MAX) {
      this.putDigits(value);
    } else {
      this.putAscii(String(value), true);
    }
    block[this.end++] = CR;
    block[this.end++] = LF;
  }

  private putDigits(value: number): void {
    let rest = value;
    let length = 0;
    for (let power = 1; power <= value; power *= 10) length++;
    const block = this.block;
    for (let at = this.end + length - 1; at >= this.end; at--) {
      const tenth = (rest / 10) | 0;
      block[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.end += length;
  }

  private putConstant(bytes: Buffer): void {
    this.makeRoom(HEADER_BYTES);
    const block = this.block;
    let end = this.end;
    for (let at = 0; at < bytes.length; at++) block[end++] = bytes[at] as number;
    this.end = end;
  }

  private putBytes(bytes: Buffer): void {
    const length = bytes.length;
    this.makeRoom(length);
    if (length <= LOOPED_BYTES) {
      const block = this.block;
      const end = this.end;
      for (let at = 0; at < length; at++) block[end + at] = bytes[at] as number;
    } else {
      this.block.set(bytes, this.end);
    }
    this.end += length;
  }

  private putReference(bytes: Buffer): void {
    this.cut();
    this.addChunk(bytes);
  }

  private putLineEnd(): void {
    this.makeRoom(2);
    this.block[this.end++] = CR;
    this.block[this.end++] = LF;
  }

  /** Makes sure that `size` more bytes fit the block; returns where they go. */
  private makeRoom(size: number): number {
    if (this.block.length - this.end < size) this.newBlock(size);
    return this.end;
  }

  private newBlock(size: number): void {
    this.cut();
    const bytes = Math.max(size, this.nextBlockBytes);
    this.block = bytes > limits.replyBlockBytes ? Buffer.allocUnsafeSlow(bytes) : this.blocks.take();
    this.start = 0;
    this.end = 0;
    this.nextBlockBytes = Math.min(limits.replyBlockMaxBytes, this.block.length * 2);
  }

  private addChunk(bytes: Buffer): void {
    if (this.chunks === NO_CHUNKS) this.chunks = [bytes];
    else this.chunks.push(bytes);
    this.chunksBytes += bytes.length;
  }

  /** Ends the chunk that is being written. */
  private cut(): void {
    const bytes = this.end - this.start;
    if (bytes === 0) return;
    this.addChunk(this.block.subarray(this.start, this.end));
    this.writtenBytes += bytes;
    this.start = this.end;
  }
}
