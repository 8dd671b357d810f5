import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { RECORD_TAG } from '../record/record-id.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineRange,
} from './engine.ts';
import { LiveAccount, type LiveUse } from './live-use.ts';

/** Bytes that an entry costs beside its key and value: a string and a buffer, a place in the map and in the order, about. */
const ENTRY_OVERHEAD_BYTES = 200;
/** A value that is so small a part of a larger buffer (a network frame) is copied, so as not to keep all of that. */
const SHARED_BUFFER_FACTOR = 4;
/** The order is kept apart for keys that begin with different ones: a tag and a shard. */
const GROUP_BYTES = 3;

/** The keys that begin alike. */
interface Group {
  /** In order; those deleted since the last scan among them. */
  sorted: string[];
  /** Put since the last scan and not in `sorted`, except for some that were deleted and put again. */
  added: string[];
  /** Keys deleted since the last scan; some of them were put again. */
  deleted: string[];
}

/**
 * A map in memory, whose order is brought up to date when it is scanned: writes and reads cost one look into a hash table.
 * Nothing survives the process. Every callback comes before the call returns. Values are kept without a copy as a rule:
 * the caller gives them up with `write`, and must not change what it is given by reads.
 */
export class MemoryEngine implements Engine {
  readonly name = 'memory';
  readonly supports = { durable: false } as const;
  /** By their bytes as a string of one character each. */
  readonly #values = new Map<string, Buffer>();
  readonly #groups = new Map<string, Group>();
  /** The groups' names in order; null when there may be new ones. */
  #groupNames: string[] | null = null;
  readonly #live = new LiveAccount();
  #bytes = 0;
  #closed = false;

  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    const values = new Array<Buffer | null>(keys.length);
    for (let i = 0; i < keys.length; i++) values[i] = this.#values.get(keyString(keys[i])) ?? null;
    callback(null, values);
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    for (const { key, value } of changes) {
      assert(Buffer.isBuffer(key), 'keys are buffers');
      if (value === null) this.#delete(key.toString('latin1'));
      else this.#put(key.toString('latin1'), unshared(value));
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
    let bytes = 0;
    const isFull = (): boolean => entries.length >= range.limit || (bytes >= range.limitBytes && entries.length > 0);
    const names = this.#names();
    for (let g = position(names, from.slice(0, GROUP_BYTES)); g < names.length && !isFull(); g++) {
      const name = names[g];
      const group = name === undefined ? undefined : this.#groups.get(name);
      if (name === undefined || group === undefined || name >= to) break;
      const keys = this.#inOrder(group);
      for (let i = position(keys, from); i < keys.length && !isFull(); i++) {
        const key = keys[i];
        if (key === undefined || key >= to) break;
        const value = range.keysOnly ? EMPTY : (this.#values.get(key) ?? EMPTY);
        entries.push({ key: Buffer.from(key, 'latin1'), value });
        bytes += key.length + value.length;
      }
    }
    callback(null, entries);
  }

  sizeBytes(): number {
    return this.#bytes;
  }

  liveUse(isCurrent: (namespace: number, generation: number) => boolean): LiveUse {
    return this.#live.use(isCurrent);
  }

  close(callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#closed = true;
    this.#values.clear();
    this.#groups.clear();
    this.#groupNames = null;
    this.#live.clear();
    this.#bytes = 0;
    callback(null, undefined);
  }

  #put(key: string, value: Buffer): void {
    const old = this.#values.get(key);
    this.#values.set(key, value);
    if (isRecord(key)) {
      if (old !== undefined) this.#live.remove(old, entryBytes(key, old));
      this.#live.add(value, entryBytes(key, value));
    }
    if (old !== undefined) {
      this.#bytes += value.length - old.length;
      return;
    }
    this.#bytes += entryBytes(key, value);
    const name = key.slice(0, GROUP_BYTES);
    const group = this.#groups.get(name);
    if (group !== undefined) {
      group.added.push(key);
      return;
    }
    this.#groups.set(name, { sorted: [], added: [key], deleted: [] });
    this.#groupNames = null;
  }

  #delete(key: string): void {
    const old = this.#values.get(key);
    if (old === undefined) return;
    this.#values.delete(key);
    this.#bytes -= entryBytes(key, old);
    if (isRecord(key)) this.#live.remove(old, entryBytes(key, old));
    const name = key.slice(0, GROUP_BYTES);
    const group = this.#groups.get(name);
    assert(group !== undefined, 'every key is in a group');
    group.deleted.push(key);
    // Without a scan, what comes and goes must not pile up.
    const deleted = group.deleted.length;
    if (deleted < limits.memoryDeletedKeys || deleted * 2 < group.sorted.length + group.added.length) return;
    if (this.#inOrder(group).length > 0) return;
    this.#groups.delete(name);
    this.#groupNames = null;
  }

  #names(): string[] {
    this.#groupNames ??= [...this.#groups.keys()].sort();
    return this.#groupNames;
  }

  /** The group's keys, brought up to date. */
  #inOrder(group: Group): string[] {
    const { sorted, added, deleted } = group;
    const changed = added.length + deleted.length;
    if (changed === 0) return sorted;
    if (changed <= limits.memoryInsertedKeys && changed * limits.memoryInsertFactor < sorted.length) {
      for (const key of deleted) {
        const at = position(sorted, key);
        if (sorted[at] === key && !this.#values.has(key)) sorted.splice(at, 1);
      }
      for (const key of added) {
        const at = position(sorted, key);
        if (sorted[at] !== key && this.#values.has(key)) sorted.splice(at, 0, key);
      }
    } else {
      group.sorted = this.#merged(sorted, added.sort(), deleted.length > 0);
    }
    group.added = [];
    group.deleted = [];
    return group.sorted;
  }

  /** Both are in order. A key that was deleted and put again is in both, one deleted may be in either. */
  #merged(sorted: readonly string[], added: readonly string[], checksDeleted: boolean): string[] {
    const merged: string[] = [];
    let s = 0;
    let a = 0;
    while (s < sorted.length || a < added.length) {
      const old = sorted[s];
      const fresh = added[a];
      const key = fresh === undefined || (old !== undefined && old <= fresh) ? old : fresh;
      if (key === undefined) break;
      if (key === old) s++;
      else a++;
      if (key === merged.at(-1) || (checksDeleted && !this.#values.has(key))) continue;
      merged.push(key);
    }
    return merged;
  }
}

const EMPTY = Buffer.alloc(0);

function entryBytes(key: string, value: Buffer): number {
  return key.length + value.length + ENTRY_OVERHEAD_BYTES;
}

function isRecord(key: string): boolean {
  return key.charCodeAt(0) === RECORD_TAG;
}

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
