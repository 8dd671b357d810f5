import { assert } from '../base/assert.ts';
import { keptCopy } from '../base/kept-bytes.ts';
import { memoryFetch } from '../base/memory-fetch.ts';
import type { EngineChange } from './engine.ts';
import {
  changeEnd,
  ENTRY_HEADER_BYTES,
  isDelete,
  keyLength,
  keyStart,
  readEntry,
  writeEntry,
} from './journal-format.ts';
import { UnsettledIndex } from './unsettled-index.ts';

/** A segment has room for as many changes as its bytes divided by this; smaller changes fill it earlier. */
const CHANGE_BYTES = 128;
/** Changes are chained by the place of their keys in the key order: 1,024 shards, and four parts of each. */
const BUCKETS = 4_096;

/** A part of the arena, and of the journal: the file of the same number has the same bytes. */
export interface Segment {
  readonly number: number;
  /** Offset of its first byte in the arena. */
  readonly start: number;
  usedBytes: number;
  changes: number;
  firstSequence: number;
  /** Its changes are in RocksDB as well, and scans find them there. */
  settled: boolean;
}

/** An entry that is in the arena and not yet in the journal. */
export interface PreparedEntry {
  readonly segment: Segment;
  /** Offset in the segment and in its file. */
  readonly position: number;
  readonly bytes: Buffer;
}

/** How far a segment was handed out in key order. */
export interface SettleCursor {
  readonly segment: Segment;
  bucket: number;
  /** Ordinal of the next change of the bucket's chain plus one; -1 before the chain was begun, 0 at its end. */
  next: number;
  /** Changes passed, whether handed out or overwritten since. */
  passed: number;
}

/**
 * What is in the journal and not yet in RocksDB: the entries themselves in a ring of segments, and an index to the newest
 * change of each key. Changes nothing on any disk. One entry is prepared at a time, and then committed or dropped.
 */
export class UnsettledRecords {
  readonly arena: Buffer;
  readonly segmentBytes: number;
  readonly segmentChanges: number;
  readonly #index: UnsettledIndex;
  /** Changes have numbers: as many for each segment as it has room for. */
  readonly #offsets: Int32Array;
  /** One bit a change: not in the arena, which the processor's caches seldom hold. */
  readonly #overwritten: Uint8Array;
  readonly #next: Int32Array;
  readonly #heads: Int32Array;
  readonly #free: Segment[] = [];
  /** Oldest first; the last one is written to. */
  readonly #inUse: Segment[] = [];
  #prepared: PreparedEntry | null = null;
  #sequence = 1;

  constructor(segmentBytes: number, segments: number) {
    this.segmentBytes = segmentBytes;
    this.segmentChanges = Math.ceil(segmentBytes / CHANGE_BYTES);
    this.arena = Buffer.allocUnsafeSlow(segmentBytes * segments);
    const changes = this.segmentChanges * segments;
    this.#offsets = new Int32Array(changes);
    this.#index = new UnsettledIndex(this.arena, this.#offsets, 2 ** Math.ceil(Math.log2(changes)));
    this.#overwritten = new Uint8Array(Math.ceil(changes / 8));
    this.#next = new Int32Array(changes);
    this.#heads = new Int32Array(BUCKETS * segments);
    for (let number = segments - 1; number >= 0; number--) {
      const start = number * segmentBytes;
      this.#free.push({ number, start, usedBytes: 0, changes: 0, firstSequence: 0, settled: false });
    }
  }

  /** Of the next entry. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Of all segments that are not free. */
  get usedBytes(): number {
    return this.#inUse.reduce((bytes, segment) => bytes + segment.usedBytes, 0);
  }

  /** Time to settle: a free segment is kept to write to meanwhile. */
  get isCrowded(): boolean {
    return this.#free.length <= 1 || !this.#index.hasRoomFor(this.segmentChanges);
  }

  /** Nothing is unsettled. */
  get isEmpty(): boolean {
    return this.#inUse.length === 0 || (this.#inUse.length === 1 && this.#inUse[0]?.changes === 0);
  }

  /** The oldest segment that nothing is added to any more; null if there is none. */
  oldestFull(): Segment | null {
    return this.#inUse.length > 1 ? (this.#inUse[0] ?? null) : null;
  }

  /** What follows the segment begins with this number. */
  sequenceAfter(segment: Segment): number {
    const at = this.#inUse.indexOf(segment);
    return this.#inUse[at + 1]?.firstSequence ?? this.#sequence;
  }

  /** True if an entry of these changes fits a segment at all. */
  fits(changes: readonly EngineChange[], bytes: number): boolean {
    return bytes <= this.segmentBytes && changes.length <= this.segmentChanges;
  }

  /** Writes the changes into the arena, `length` bytes as `entryLength` says; null if something must be settled first. Reads do not see them before `commit`. */
  prepare(changes: readonly EngineChange[], length: number): PreparedEntry | null {
    if (!this.#index.hasRoomFor(changes.length)) return null;
    let segment = this.#inUse.at(-1);
    if (segment === undefined || !this.#hasRoom(segment, length, changes.length)) {
      if (!this.seal()) return null;
      segment = this.#inUse.at(-1);
    }
    assert(segment !== undefined && this.#hasRoom(segment, length, changes.length), 'an empty segment has room');
    const start = segment.start + segment.usedBytes;
    const end = writeEntry(this.arena, start, this.#sequence, changes);
    this.#prepared = { segment, position: segment.usedBytes, bytes: this.arena.subarray(start, end) };
    return this.#prepared;
  }

  /** The prepared entry is in the journal. */
  commit(): void {
    const prepared = this.#prepared;
    assert(prepared !== null, 'an entry was prepared');
    this.#prepared = null;
    this.#add(prepared.segment, prepared.bytes.length);
  }

  /** Takes over the entries that the arena holds in the segment's place from its first byte to `usedBytes`: at a start. */
  adopt(number: number, firstSequence: number, usedBytes: number): boolean {
    const at = this.#free.findIndex((segment) => segment.number === number);
    const segment = this.#free[at];
    assert(segment !== undefined && firstSequence >= this.#sequence, 'each segment once, in the order of the entries');
    this.#free.splice(at, 1);
    segment.firstSequence = firstSequence;
    this.#sequence = firstSequence;
    this.#inUse.push(segment);
    while (segment.usedBytes < usedBytes) {
      const entry = readEntry(this.arena.subarray(0, segment.start + usedBytes), segment.start + segment.usedBytes);
      if (entry === null || segment.changes + entry.count > this.segmentChanges) return false;
      this.#add(segment, entry.end - segment.start - segment.usedBytes);
    }
    return true;
  }

  /** Where the journal goes on when nothing of it was left. */
  startAt(sequence: number): void {
    assert(this.#inUse.length === 0, 'before the first entry');
    this.#sequence = sequence;
  }

  /** Begins a new segment; false if none is free. An empty one stays. */
  seal(): boolean {
    if (this.#inUse.at(-1)?.changes === 0) return true;
    const segment = this.#free.pop();
    if (segment === undefined) return false;
    segment.firstSequence = this.#sequence;
    this.#inUse.push(segment);
    return true;
  }

  /** A copy, for keeping, of the key's newest value; null if the newest change deletes it; undefined if there is none here. */
  find(key: Buffer): Buffer | null | undefined {
    const change = this.#index.find(key);
    if (change < 0) return undefined;
    const at = this.#offsets[change] ?? 0;
    return isDelete(this.arena, at) ? null : keptCopy(this.#value(at));
  }

  /** The newest changes of all keys in the range that scans do not find in RocksDB yet, in key order, as copies. */
  collect(from: Buffer, to: Buffer, keysOnly: boolean): EngineChange[] {
    const found: EngineChange[] = [];
    const add = (change: number): void => {
      if (this.#isOverwritten(change)) return;
      const { arena } = this;
      const at = this.#offsets[change] ?? 0;
      const start = keyStart(at);
      const end = start + keyLength(arena, at);
      if (compareKey(arena, start, end, from) < 0 || compareKey(arena, start, end, to) >= 0) return;
      const value = isDelete(arena, at) ? null : keysOnly ? EMPTY : Buffer.from(this.#value(at));
      found.push({ key: Buffer.from(arena.subarray(start, end)), value });
    };
    const first = shardBucket(from, to);
    for (const segment of this.#inUse) {
      if (segment.settled) continue;
      if (first < 0) this.#eachOf(segment, add);
      else this.#eachOfShard(segment, first + idPart(from, 0), first + idPart(to, 3), add);
    }
    return found.sort((a, b) => Buffer.compare(a.key, b.key));
  }

  cursor(segment: Segment): SettleCursor {
    return { segment, bucket: 0, next: -1, passed: 0 };
  }

  /**
   * Appends to `into` the segment's next changes that are still their keys' newest, about in key order, until `maxChanges` were
   * looked at or `maxBytes` gathered; true at the end. Views of the arena, good until `free`.
   */
  take(cursor: SettleCursor, maxChanges: number, maxBytes: number, into: EngineChange[]): boolean {
    const { arena } = this;
    const { number } = cursor.segment;
    const heads = number * BUCKETS;
    const ordinals = number * this.segmentChanges;
    const stopAt = cursor.passed + maxChanges;
    let bytes = 0;
    for (; cursor.bucket < BUCKETS; cursor.bucket++) {
      let next = cursor.next < 0 ? (this.#heads[heads + cursor.bucket] ?? 0) : cursor.next;
      while (next > 0) {
        if (cursor.passed >= stopAt || bytes >= maxBytes) {
          cursor.next = next;
          return false;
        }
        const ordinal = ordinals + next - 1;
        next = this.#next[ordinal] ?? 0;
        cursor.passed++;
        if (this.#isOverwritten(ordinal)) continue;
        const at = this.#offsets[ordinal] ?? 0;
        const start = keyStart(at);
        const end = changeEnd(arena, at);
        const middle = start + keyLength(arena, at);
        bytes += end - at;
        into.push({
          key: arena.subarray(start, middle),
          value: isDelete(arena, at) ? null : arena.subarray(middle, end),
        });
      }
      cursor.next = -1;
    }
    return true;
  }

  /** Drops the index to the segment's changes number `from` up to `to`. */
  forget(segment: Segment, from: number, to: number): void {
    const ordinals = segment.number * this.segmentChanges;
    for (let i = from; i < to; i++) {
      if (!this.#isOverwritten(ordinals + i)) this.#index.remove(ordinals + i);
    }
  }

  /** The segment is settled and forgotten: it can be written to again. */
  free(segment: Segment): void {
    assert(this.#inUse[0] === segment && this.#inUse.length > 1, 'segments are freed in order');
    this.#inUse.shift();
    segment.usedBytes = 0;
    segment.changes = 0;
    segment.settled = false;
    this.#heads.fill(0, segment.number * BUCKETS, (segment.number + 1) * BUCKETS);
    this.#free.unshift(segment);
  }

  #hasRoom(segment: Segment, bytes: number, changes: number): boolean {
    return segment.usedBytes + bytes <= this.segmentBytes && segment.changes + changes <= this.segmentChanges;
  }

  /** Indexes the entry of this length that follows what the segment uses. */
  #add(segment: Segment, length: number): void {
    const start = segment.start + segment.usedBytes;
    const end = start + length;
    const ordinals = segment.number * this.segmentChanges;
    const heads = segment.number * BUCKETS;
    let fetched = 0;
    for (let at = start + ENTRY_HEADER_BYTES; at < end; at = changeEnd(this.arena, at))
      fetched += this.#index.fetch(at);
    memoryFetch.sum = fetched;
    for (let at = start + ENTRY_HEADER_BYTES; at < end; at = changeEnd(this.arena, at)) {
      const change = ordinals + segment.changes;
      this.#offsets[change] = at;
      this.#overwritten[change >>> 3] = (this.#overwritten[change >>> 3] ?? 0) & ~(1 << (change & 7));
      const before = this.#index.set(change);
      if (before >= 0) {
        this.#overwritten[before >>> 3] = (this.#overwritten[before >>> 3] ?? 0) | (1 << (before & 7));
      }
      const head = heads + bucketOf(this.arena, keyStart(at), keyLength(this.arena, at));
      this.#next[change] = this.#heads[head] ?? 0;
      segment.changes++;
      this.#heads[head] = segment.changes;
    }
    segment.usedBytes += length;
    this.#sequence++;
  }

  #isOverwritten(change: number): boolean {
    return ((this.#overwritten[change >>> 3] ?? 0) & (1 << (change & 7))) !== 0;
  }

  #value(at: number): Buffer {
    return this.arena.subarray(keyStart(at) + keyLength(this.arena, at), changeEnd(this.arena, at));
  }

  #eachOf(segment: Segment, add: (change: number) => void): void {
    const ordinals = segment.number * this.segmentChanges;
    for (let i = 0; i < segment.changes; i++) add(ordinals + i);
  }

  #eachOfShard(segment: Segment, firstBucket: number, lastBucket: number, add: (change: number) => void): void {
    const ordinals = segment.number * this.segmentChanges;
    const heads = segment.number * BUCKETS;
    for (let bucket = firstBucket; bucket <= lastBucket; bucket++) {
      for (let next = this.#heads[heads + bucket] ?? 0; next > 0; next = this.#next[ordinals + next - 1] ?? 0) {
        add(ordinals + next - 1);
      }
    }
  }
}

const EMPTY = Buffer.alloc(0);

/** By the key's shard (its second and third byte) and the top of the id behind it. Other keys land somewhere, always the same. */
function bucketOf(source: Buffer, start: number, length: number): number {
  const high = length > 1 ? (source[start + 1] ?? 0) : 0;
  const low = length > 2 ? (source[start + 2] ?? 0) : 0;
  const id = length > 3 ? (source[start + 3] ?? 0) : 0;
  return ((((high << 8) | low) & 1_023) << 2) | (id >>> 6);
}

/** The first of the four buckets that hold all keys of the range, if those share their first three bytes; otherwise -1. */
function shardBucket(from: Buffer, to: Buffer): number {
  if (from.length < 3 || to.length === 0) return -1;
  const first = prefixOf(from);
  const last = prefixOf(to);
  if (last !== first && (last !== first + 1 || to.length > 3)) return -1;
  return bucketOf(from, 0, 3);
}

/** Which of a shard's four buckets a bound is in; `open` if it is the shard's own. */
function idPart(bound: Buffer, open: number): number {
  return bound.length > 3 ? (bound[3] ?? 0) >>> 6 : open;
}

/** As Buffer.compare does; by hand, for keys of one shard differ in one of their first bytes, and most calls end there. */
function compareKey(source: Buffer, start: number, end: number, other: Buffer): number {
  const length = Math.min(end - start, other.length);
  for (let i = 0; i < length; i++) {
    const difference = (source[start + i] ?? 0) - (other[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return end - start - other.length;
}

function prefixOf(key: Buffer): number {
  return ((key[0] ?? 0) << 16) | ((key[1] ?? 0) << 8) | (key[2] ?? 0);
}
