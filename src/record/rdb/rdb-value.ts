import { limits } from '../../base/limits.ts';
import { type ItemSink, readIntset, readListpack, readZiplist, readZipmap } from './packed-forms.ts';
import { RdbCursor } from './rdb-cursor.ts';
import { kindOfType, type RdbProblem, RdbType, type RdbValue } from './rdb-format.ts';

/** Of a sorted set of the oldest type: a score's length, or what it is instead. */
const SCORE_NAN = 253;
const SCORE_INFINITY = 254;
const SCORE_MINUS_INFINITY = 255;
/** Of a quicklist's node: an element by itself, or a listpack. */
const NODE_PLAIN = 1;
const NODE_PACKED = 2;
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
  const parts = new RdbElements(type, bounds.items);
  const isPacked = unitsOf(type) === 'packed';
  const units = isPacked ? 1 : cursor.count();
  for (let left = units; left > 0 && !cursor.isBad && !parts.isTooMany; left--) parts.read(cursor);
  if (parts.isTooMany) return 'too-large';
  if (cursor.isBad) return problemOf(cursor);
  return parts.finish();
}

function problemOf(cursor: RdbCursor): RdbProblem {
  return cursor.roomBytes < 0 ? 'too-large' : 'malformed';
}

/**
 * How a collection of this type is laid out: one string that holds all; or a count, and so many strings, pairs of them,
 * strings with a score as text or as a double, or nodes of a list with what they are before them.
 */
export function unitsOf(type: number): 'packed' | 'strings' | 'pairs' | 'texts' | 'doubles' | 'nodes' {
  switch (type) {
    case RdbType.list:
    case RdbType.set:
    case RdbType.listQuicklist:
      return 'strings';
    case RdbType.hash:
      return 'pairs';
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
  #scores: number[] = [];

  constructor(type: number, most: number) {
    this.#type = type;
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
    if (kind === 'zset') return { kind, items, scores };
    return { kind: kind === 'hash' || kind === 'set' ? kind : 'list', items };
  }

  finish(): RdbValue | RdbProblem {
    const value = this.take();
    if (value.kind === 'string' || value.items.length === 0) return 'malformed';
    const step = value.kind === 'hash' ? 2 : 1;
    if (value.items.length % step !== 0) return 'malformed';
    return value.kind !== 'list' && hasDuplicates(value.items, step) ? 'malformed' : value;
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
