import { limits } from '../../base/limits.ts';
import { type ItemSink, readIntset, readListpack, readZiplist, readZipmap } from './packed-forms.ts';
import { RdbCursor } from './rdb-cursor.ts';
import { hasFieldTimes, hasSoonestTime, kindOfType, type RdbProblem, RdbType, type RdbValue } from './rdb-format.ts';

/** Of a sorted set of the oldest type: a score's length, or what it is instead. */
const SCORE_NAN = 253;
const SCORE_INFINITY = 254;
const SCORE_MINUS_INFINITY = 255;
/** Of a quicklist's node: an element by itself, or a listpack. */
const NODE_PLAIN = 1;
const NODE_PACKED = 2;
/** Redis's limit for the expiry of a field in a file. */
const LAST_TIME_MS = 2 ** 48 - 2;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITY = /^[+-]?inf(?:inity)?$/i;

/** How much a value may be when it is decoded. */
export interface RdbBounds {
  /** Of what is decompressed. */
  readonly bytes: number;
  readonly items: number;
}

export const RDB_BOUNDS: RdbBounds = { bytes: limits.maxStringBytes, items: limits.rdbItems };

/**
 * The value of this type that lies in `bytes` from `from` up to, at most, `to`. Its buffers may be views. Duplicate elements,
 * and collections without any, are malformed, as in Redis.
 */
export function readRdbValue(
  type: number,
  bytes: Buffer,
  from: number,
  to: number,
  bounds: RdbBounds = RDB_BOUNDS,
): RdbValue | RdbProblem {
  const kind = kindOfType(type);
  if (kind === null) return 'malformed';
  const cursor = new RdbCursor(bytes, from, to, bounds.bytes);
  if (kind === 'string') {
    const string = cursor.string();
    return cursor.isBad ? problemOf(cursor) : { kind, bytes: string };
  }
  if (kind !== 'list' && kind !== 'set' && kind !== 'hash' && kind !== 'zset') return 'unsupported';
  const parts = new RdbElements(type, bounds.items, hasSoonestTime(type) ? soonestTime(cursor) : 0);
  const isPacked = unitsOf(type) === 'packed';
  const units = isPacked ? 1 : cursor.count();
  for (let left = units; left > 0 && !cursor.isBad && !parts.isTooMany; left--) parts.read(cursor);
  if (parts.isTooMany) return 'too-large';
  if (cursor.isBad) return problemOf(cursor);
  return parts.finish();
}

/** Of a type that has it. */
export function soonestTime(cursor: RdbCursor): number {
  const start = cursor.skip(8);
  return cursor.isBad ? 0 : Number(cursor.bytes.readBigUInt64LE(start));
}

function problemOf(cursor: RdbCursor): RdbProblem {
  return cursor.roomBytes < 0 ? 'too-large' : 'malformed';
}

/**
 * How a collection of this type is laid out: one string that holds all; or a count, and so many strings, pairs of them,
 * strings with a score as text or as a double, pairs with a time before them, or nodes of a list with what they are before them.
 */
export function unitsOf(type: number): 'packed' | 'strings' | 'pairs' | 'timed-pairs' | 'texts' | 'doubles' | 'nodes' {
  switch (type) {
    case RdbType.list:
    case RdbType.set:
    case RdbType.listQuicklist:
      return 'strings';
    case RdbType.hash:
      return 'pairs';
    case RdbType.hashFieldExpiryEarly:
    case RdbType.hashFieldExpiry:
      return 'timed-pairs';
    case RdbType.zset:
      return 'texts';
    case RdbType.zset2:
      return 'doubles';
    case RdbType.listQuicklist2:
      return 'nodes';
    default:
      return 'packed';
  }
}

/** Takes a collection's units, one after the other. */
export class RdbElements {
  readonly #type: number;
  readonly #sink: ItemSink;
  readonly #soonestMs: number;
  #scores: number[] = [];
  #times: number[] = [];

  /** `soonestMs`: what stood before the elements, where something did. */
  constructor(type: number, most: number, soonestMs = 0) {
    this.#type = type;
    this.#soonestMs = soonestMs;
    this.#sink = { items: [], most };
  }

  get isTooMany(): boolean {
    return this.#sink.items.length > this.#sink.most;
  }

  /** One unit; one that is malformed makes the cursor bad. */
  read(cursor: RdbCursor): void {
    const { items } = this.#sink;
    switch (unitsOf(this.#type)) {
      case 'strings':
        if (this.#type === RdbType.listQuicklist) this.#packed(cursor, readZiplist);
        else items.push(cursor.string());
        return;
      case 'pairs':
        items.push(cursor.string(), cursor.string());
        return;
      case 'timed-pairs': {
        const count = cursor.count();
        this.#time(cursor, count === 0 || this.#soonestMs === 0 ? count : count + this.#soonestMs - 1);
        items.push(cursor.string(), cursor.string());
        return;
      }
      case 'texts':
        items.push(cursor.string());
        this.#score(cursor, textScore(cursor));
        return;
      case 'doubles': {
        items.push(cursor.string());
        const start = cursor.skip(8);
        this.#score(cursor, cursor.isBad ? 0 : cursor.bytes.readDoubleLE(start));
        return;
      }
      case 'nodes':
        this.#node(cursor);
        return;
      case 'packed':
        this.#all(cursor);
    }
  }

  /** All elements read since the last time, without a look for duplicates among them. */
  take(): RdbValue {
    const kind = kindOfType(this.#type);
    const items = this.#sink.items.splice(0);
    const scores = this.#scores;
    this.#scores = [];
    const times = this.#times;
    this.#times = [];
    if (kind === 'zset') return { kind, items, scores };
    if (kind === 'hash') return hasFieldTimes(this.#type) ? { kind, items, times } : { kind, items };
    return { kind: kind === 'set' ? kind : 'list', items };
  }

  finish(): RdbValue | RdbProblem {
    const value = this.take();
    if (value.kind === 'string' || value.items.length === 0) return 'malformed';
    const step = value.kind === 'hash' ? 2 : 1;
    if (value.items.length % step !== 0) return 'malformed';
    return value.kind !== 'list' && hasDuplicates(value.items, step) ? 'malformed' : value;
  }

  #time(cursor: RdbCursor, timeMs: number): void {
    if (!(timeMs >= 0 && timeMs <= LAST_TIME_MS)) cursor.isBad = true;
    this.#times.push(timeMs);
  }

  #score(cursor: RdbCursor, score: number): void {
    if (Number.isNaN(score)) cursor.isBad = true;
    this.#scores.push(score);
  }

  #packed(cursor: RdbCursor, read: (bytes: Buffer, sink: ItemSink) => boolean): void {
    const bytes = cursor.string();
    if (!cursor.isBad && !read(bytes, this.#sink) && !this.isTooMany) cursor.isBad = true;
  }

  #node(cursor: RdbCursor): void {
    const container = cursor.count();
    if (container === NODE_PLAIN) this.#sink.items.push(cursor.string());
    else if (container === NODE_PACKED) this.#packed(cursor, readListpack);
    else cursor.isBad = true;
  }

  #all(cursor: RdbCursor): void {
    const { hashZipmap, setIntset, listZiplist, zsetZiplist, hashZiplist } = RdbType;
    if (this.#type === hashZipmap) this.#packed(cursor, readZipmap);
    else if (this.#type === setIntset) this.#packed(cursor, readIntset);
    else if (this.#type === listZiplist || this.#type === zsetZiplist || this.#type === hashZiplist) {
      this.#packed(cursor, readZiplist);
    } else {
      this.#packed(cursor, readListpack);
    }
    if (kindOfType(this.#type) === 'zset') this.#splitScores(cursor);
    if (hasFieldTimes(this.#type)) this.#splitTimes(cursor);
  }

  /** Fields, values and times come one after the other in a hash that is one string. */
  #splitTimes(cursor: RdbCursor): void {
    const { items } = this.#sink;
    if (items.length % 3 !== 0) cursor.isBad = true;
    if (cursor.isBad) return;
    const all = items.splice(0);
    for (let i = 0; i < all.length; i += 3) {
      items.push(...all.slice(i, i + 2));
      const text = all[i + 2]?.toString('latin1') ?? '';
      this.#time(cursor, /^\d+$/.test(text) ? Number(text) : Number.NaN);
    }
  }

  /** Members and scores come one after the other in a sorted set that is one string. */
  #splitScores(cursor: RdbCursor): void {
    const { items } = this.#sink;
    if (items.length % 2 !== 0) cursor.isBad = true;
    if (cursor.isBad) return;
    const both = items.splice(0);
    for (let i = 0; i < both.length; i += 2) {
      items.push(both[i] ?? Buffer.alloc(0));
      this.#score(cursor, scoreOf(both[i + 1]?.toString('latin1') ?? ''));
    }
  }
}

function textScore(cursor: RdbCursor): number {
  const length = cursor.byte();
  if (length === SCORE_INFINITY) return Number.POSITIVE_INFINITY;
  if (length === SCORE_MINUS_INFINITY) return Number.NEGATIVE_INFINITY;
  if (length === SCORE_NAN) return Number.NaN;
  return scoreOf(cursor.take(length).toString('latin1'));
}

function scoreOf(text: string): number {
  if (DECIMAL.test(text)) return Number(text);
  if (!INFINITY.test(text)) return Number.NaN;
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function hasDuplicates(items: readonly Buffer[], step: number): boolean {
  const names = new Set<string>();
  for (let i = 0; i < items.length; i += step) names.add(items[i]?.toString('latin1') ?? '');
  return names.size * step !== items.length;
}
