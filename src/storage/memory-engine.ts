import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineRange,
} from './engine.ts';

/** Bytes that an entry costs beside its key and value: two strings and buffers, two array slots, about. */
const ENTRY_OVERHEAD_BYTES = 200;
/** A value that is so small a part of a larger buffer (a network frame) is copied, so as not to keep all of that. */
const SHARED_BUFFER_FACTOR = 4;

/** Sorted keys, as strings of one character a byte (their order is that of the bytes), and their values beside them. */
interface Chunk {
  keys: string[];
  values: Buffer[];
}

/**
 * An ordered map in memory: a sorted list of sorted chunks. Nothing survives the process. Every callback comes before the
 * call returns. Values are kept without a copy as a rule: the caller gives them up with `write`, and must not change
 * what it is given by reads.
 */
export class MemoryEngine implements Engine {
  readonly name = 'memory';
  readonly supports = { durable: false } as const;
  readonly #chunks: Chunk[] = [];
  #bytes = 0;
  #closed = false;

  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    const values = new Array<Buffer | null>(keys.length);
    for (let i = 0; i < keys.length; i++) values[i] = this.#get(keyString(keys[i]));
    callback(null, values);
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    for (const change of changes) {
      if (change.value === null) this.#delete(keyString(change.key));
      else this.#put(keyString(change.key), unshared(change.value));
    }
    callback(null, undefined);
  }

  sync(callback: EngineCallback<void>): void {
    callback(this.#closed ? closedError() : null, undefined);
  }

  scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    const entries: EngineEntry[] = [];
    const from = keyString(range.from);
    const to = keyString(range.to);
    let chunkIndex = this.#chunkOf(from);
    let chunk = this.#chunks[chunkIndex];
    let i = chunk === undefined ? 0 : position(chunk.keys, from);
    let bytes = 0;
    while (chunk !== undefined && entries.length < range.limit && (bytes < range.limitBytes || entries.length === 0)) {
      const key = chunk.keys[i];
      const value = chunk.values[i];
      if (key === undefined || value === undefined) {
        chunk = this.#chunks[++chunkIndex];
        i = 0;
        continue;
      }
      if (key >= to) break;
      entries.push({ key: Buffer.from(key, 'latin1'), value: range.keysOnly ? EMPTY : value });
      bytes += key.length + (range.keysOnly ? 0 : value.length);
      i++;
    }
    callback(null, entries);
  }

  sizeBytes(): number {
    return this.#bytes;
  }

  close(callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#closed = true;
    this.#chunks.length = 0;
    this.#bytes = 0;
    callback(null, undefined);
  }

  #get(key: string): Buffer | null {
    const chunk = this.#chunks[this.#chunkOf(key)];
    if (chunk === undefined) return null;
    const i = position(chunk.keys, key);
    return chunk.keys[i] === key ? (chunk.values[i] ?? null) : null;
  }

  #put(key: string, value: Buffer): void {
    const chunkIndex = this.#chunkOf(key);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) {
      this.#chunks.push({ keys: [key], values: [value] });
      this.#bytes += key.length + value.length + ENTRY_OVERHEAD_BYTES;
      return;
    }
    const i = position(chunk.keys, key);
    const old = chunk.values[i];
    if (old !== undefined && chunk.keys[i] === key) {
      chunk.values[i] = value;
      this.#bytes += value.length - old.length;
      return;
    }
    chunk.keys.splice(i, 0, key);
    chunk.values.splice(i, 0, value);
    this.#bytes += key.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (chunk.keys.length > limits.memoryChunkKeys) this.#split(chunkIndex, chunk, i);
  }

  #delete(key: string): void {
    const chunkIndex = this.#chunkOf(key);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return;
    const i = position(chunk.keys, key);
    const old = chunk.values[i];
    if (old === undefined || chunk.keys[i] !== key) return;
    chunk.keys.splice(i, 1);
    chunk.values.splice(i, 1);
    this.#bytes -= key.length + old.length + ENTRY_OVERHEAD_BYTES;
    if (chunk.keys.length === 0) this.#chunks.splice(chunkIndex, 1);
    else if (chunk.keys.length < limits.memoryChunkKeys / 8) this.#joinNext(chunkIndex, chunk);
  }

  /** Keys that come in order leave full chunks behind instead of half-full ones. */
  #split(chunkIndex: number, chunk: Chunk, insertedAt: number): void {
    const appended = insertedAt === chunk.keys.length - 1;
    const at = appended ? insertedAt : chunk.keys.length >>> 1;
    const rest: Chunk = { keys: chunk.keys.slice(at), values: chunk.values.slice(at) };
    chunk.keys.length = at;
    chunk.values.length = at;
    this.#chunks.splice(chunkIndex + 1, 0, rest);
  }

  /** Keeps the chunks from getting ever smaller when much is deleted. */
  #joinNext(chunkIndex: number, chunk: Chunk): void {
    const next = this.#chunks[chunkIndex + 1];
    if (next === undefined || chunk.keys.length + next.keys.length > limits.memoryChunkKeys / 2) return;
    next.keys = chunk.keys.concat(next.keys);
    next.values = chunk.values.concat(next.values);
    this.#chunks.splice(chunkIndex, 1);
  }

  /** The last chunk whose first key is not above `key`; the first one if there is none such. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      const first = this.#chunks[middle]?.keys[0];
      if (first !== undefined && first <= key) low = middle;
      else high = middle;
    }
    return low;
  }
}

const EMPTY = Buffer.alloc(0);

/** Where `key` is in the sorted keys, or would be put. */
function position(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const there = keys[middle];
    if (there !== undefined && there < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function keyString(key: Buffer | undefined): string {
  assert(Buffer.isBuffer(key), 'keys are buffers');
  return key.toString('latin1');
}

function unshared(value: Buffer): Buffer {
  assert(Buffer.isBuffer(value), 'values are buffers');
  if (value.buffer.byteLength <= value.length * SHARED_BUFFER_FACTOR) return value;
  const copy = Buffer.allocUnsafeSlow(value.length);
  value.copy(copy);
  return copy;
}

function closedError(): EngineError {
  return new EngineError('closed', 'the engine is closed');
}
