import { limits } from '../../base/limits.ts';
import { RdbCursor } from './rdb-cursor.ts';
import { BadRdb, RdbFeed } from './rdb-feed.ts';
import { libraryName } from './library-name.ts';
import { hasSoonestTime, kindOfType, RDB_VERSION_MAX, RdbOpcode, type RdbValue } from './rdb-format.ts';
import { skipModuleFields, skipUnit, skipUnsupported } from './rdb-skip.ts';
import { RDB_BOUNDS, RdbElements, unitsOf } from './rdb-value.ts';

const MAGIC = 'REDIS';
const HEADER_BYTES = 9;
const CHECKSUM_BYTES = 8;
const TIME_BYTES = 8;
/** Earlier ones, before Redis 2.6, have no checksum. */
const RDB_VERSION_MIN = 5;

/** What an RDB stream has in it, in its order. Buffers are views that hold. */
export type RdbEvent =
  | { readonly kind: 'aux'; readonly name: string; readonly text: string }
  | { readonly kind: 'database'; readonly database: number }
  /** How many keys follow in this database. */
  | { readonly kind: 'sizes'; readonly keys: number; readonly expires: number }
  /** A value as a payload has it; `expiresAtMs` 0: never. */
  | {
      readonly kind: 'value';
      readonly key: Buffer;
      readonly expiresAtMs: number;
      readonly type: number;
      readonly value: Buffer;
    }
  /** Some elements of a collection that is too large to be given as a whole. */
  | {
      readonly kind: 'part';
      readonly key: Buffer;
      readonly expiresAtMs: number;
      readonly part: RdbValue;
      readonly isFirst: boolean;
      readonly isLast: boolean;
    }
  /** A key that is not taken, and why; or null and something that has no key but perhaps a name, such as a library of functions. */
  | { readonly kind: 'skipped'; readonly key: Buffer | null; readonly what: string; readonly name: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'problem'; readonly text: string };

type Events = Generator<RdbEvent | null, void>;

/**
 * Takes an RDB file, or what a server sends its replica, apart. push() what has come, then next() until it gives null; after
 * `end` or `problem` it gives nothing but null. Holds one value, and of collections no more than some MiB.
 */
export class RdbStream {
  readonly #feed = new RdbFeed();
  readonly #partBytes: number;
  readonly #events: Events;
  #isDone = false;
  #expiresAtMs = 0;

  constructor(partBytes: number = limits.importPartBytes) {
    this.#partBytes = partBytes;
    this.#events = this.#read();
  }

  /** Bytes read so far, from the beginning. */
  get position(): number {
    return this.#feed.position;
  }

  /** What was pushed behind the end. */
  rest(): Buffer {
    return this.#feed.rest();
  }

  /** The chunk is copied. */
  push(chunk: Buffer): void {
    this.#feed.push(chunk);
  }

  /** No more bytes will come. */
  finish(): void {
    this.#feed.finish();
  }

  /** Null: more bytes are needed, or it is at its end. */
  next(): RdbEvent | null {
    if (this.#isDone) return null;
    try {
      const { value, done } = this.#events.next();
      if (done === true) this.#isDone = true;
      const event = value ?? null;
      if (event?.kind === 'end') this.#isDone = true;
      return event;
    } catch (error) {
      if (!(error instanceof BadRdb)) throw error;
      this.#isDone = true;
      return { kind: 'problem', text: `${error.message}, at byte ${this.position}` };
    }
  }

  *#read(): Events {
    const feed = this.#feed;
    yield* feed.need(HEADER_BYTES);
    const header = feed.bytes.toString('latin1', feed.at, feed.at + HEADER_BYTES);
    const version = Number(header.slice(MAGIC.length));
    if (!header.startsWith(MAGIC) || !Number.isInteger(version)) throw new BadRdb('it is no RDB file');
    if (version < RDB_VERSION_MIN || version > RDB_VERSION_MAX) throw new BadRdb(`it is of RDB version ${version}`);
    feed.at += HEADER_BYTES;
    for (;;) {
      feed.release();
      const type = yield* feed.byte();
      if (type === RdbOpcode.end) {
        yield* this.#end();
        return;
      }
      if (type >= RdbOpcode.lowest) yield* this.#opcode(type);
      else yield* this.#record(type);
    }
  }

  *#end(): Events {
    const feed = this.#feed;
    yield* feed.need(CHECKSUM_BYTES);
    // Zero: the server was told not to reckon one.
    const isUnset = feed.bytes.readBigUInt64LE(feed.at) === 0n;
    if (!isUnset && !feed.hasChecksum()) throw new BadRdb('its checksum is wrong');
    feed.at += CHECKSUM_BYTES;
    yield { kind: 'end' };
  }

  *#opcode(opcode: number): Events {
    const feed = this.#feed;
    switch (opcode) {
      case RdbOpcode.expiresAtMs:
        yield* feed.need(8);
        this.#expiresAtMs = Math.min(limits.maxExpiresAtMs, Number(feed.bytes.readBigUInt64LE(feed.at)));
        feed.at += 8;
        return;
      case RdbOpcode.expiresAtSeconds:
        yield* feed.need(4);
        this.#expiresAtMs = feed.bytes.readUInt32LE(feed.at) * 1_000;
        feed.at += 4;
        return;
      case RdbOpcode.idle:
        yield* feed.count();
        return;
      case RdbOpcode.frequency:
        yield* feed.byte();
        return;
      case RdbOpcode.slotInfo:
        for (let left = 3; left > 0; left--) yield* feed.count();
        return;
      case RdbOpcode.selectDatabase: {
        const database = yield* feed.count();
        yield { kind: 'database', database };
        return;
      }
      case RdbOpcode.resizeDatabase: {
        const keys = yield* feed.count();
        const expires = yield* feed.count();
        yield { kind: 'sizes', keys, expires };
        return;
      }
      case RdbOpcode.aux: {
        const name = (yield* this.#string()).toString();
        const text = (yield* this.#string()).toString();
        yield { kind: 'aux', name, text };
        return;
      }
      case RdbOpcode.function2: {
        const code = yield* this.#string();
        yield { kind: 'skipped', key: null, what: 'functions', name: libraryName(code) };
        return;
      }
      case RdbOpcode.moduleAux:
        yield* feed.count();
        yield* skipModuleFields(feed);
        yield { kind: 'skipped', key: null, what: 'module data', name: '' };
        return;
      default:
        throw new BadRdb(`an unknown mark ${opcode}`);
    }
  }

  /** A string, decoded. */
  *#string(): Generator<null, Buffer> {
    const feed = this.#feed;
    const mark = feed.position;
    yield* feed.string();
    const from = feed.at - (feed.position - mark);
    const cursor = new RdbCursor(feed.bytes, from, feed.at, limits.maxStringBytes);
    const string = cursor.string();
    if (cursor.isBad) throw new BadRdb('a string that is not what it says');
    return string;
  }

  *#record(type: number): Events {
    const feed = this.#feed;
    const kind = kindOfType(type);
    if (kind === null) throw new BadRdb(`a value of unknown type ${type}`);
    const expiresAtMs = this.#expiresAtMs;
    this.#expiresAtMs = 0;
    const key = yield* this.#string();
    feed.release();
    if (kind === 'string') {
      yield* feed.string();
    } else if (kind === 'list' || kind === 'set' || kind === 'hash' || kind === 'zset') {
      const isWhole = yield* this.#collection(type, key, expiresAtMs);
      if (!isWhole) return;
    } else {
      yield* skipInParts(feed, skipUnsupported(feed, type));
      yield { kind: 'skipped', key, what: kind, name: '' };
      return;
    }
    yield { kind: 'value', key, expiresAtMs, type, value: feed.bytes.subarray(feed.mark, feed.at) };
  }

  /** True if all of it is between the feed's mark and where it stands; else it has been given in parts. */
  *#collection(type: number, key: Buffer, expiresAtMs: number): Generator<RdbEvent | null, boolean> {
    const feed = this.#feed;
    const units = unitsOf(type);
    let soonestMs = 0;
    if (hasSoonestTime(type)) {
      yield* feed.need(TIME_BYTES);
      soonestMs = Number(feed.bytes.readBigUInt64LE(feed.at));
      feed.at += TIME_BYTES;
    }
    if (units === 'packed') {
      yield* feed.string();
      return true;
    }
    let left = yield* feed.count();
    if (left === 0) throw new BadRdb('a collection without elements');
    /** Bytes of the count and of the soonest time, which only the first part has before it. */
    let skipped = feed.at - feed.mark;
    let count = 0;
    let isFirst = true;
    while (left > 0) {
      yield* skipUnit(feed, units);
      left--;
      count++;
      const isFull = feed.at - feed.mark >= this.#partBytes;
      if (!(isFull || (left === 0 && !isFirst))) continue;
      const part = decodePart(feed, type, soonestMs, skipped, count);
      feed.release();
      yield { kind: 'part', key, expiresAtMs, part, isFirst, isLast: left === 0 };
      [skipped, count, isFirst] = [0, 0, false];
    }
    return isFirst;
  }
}

/** The units from the feed's mark on. */
function decodePart(feed: RdbFeed, type: number, soonestMs: number, skipped: number, count: number): RdbValue {
  const cursor = new RdbCursor(feed.bytes, feed.mark + skipped, feed.at, RDB_BOUNDS.bytes);
  const elements = new RdbElements(type, RDB_BOUNDS.items, soonestMs);
  for (let i = 0; i < count && !cursor.isBad && !elements.isTooMany; i++) elements.read(cursor);
  if (elements.isTooMany) throw new BadRdb('a collection with more elements in one piece than can be taken');
  if (cursor.isBad) throw new BadRdb('a collection that is not what it says');
  return elements.take();
}

/** Lets go of what has been gone over whenever more is needed. */
function* skipInParts(feed: RdbFeed, skip: Generator<null, void>): Generator<null, void> {
  for (;;) {
    if (skip.next().done === true) return;
    feed.release();
    yield null;
  }
}
