import { readAll, stringFromBytes } from '../../record/paged-string.ts';
import { sealDump } from '../../record/rdb/dump-payload.ts';
import { RdbType, type RdbValue } from '../../record/rdb/rdb-format.ts';
import type { RdbWriter } from '../../record/rdb/rdb-writer.ts';
import type { LiveRecord } from '../../record/state.ts';
import { type CollectionValue, Encoding, type PageAccess, type Value, ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import type { ConfigValues } from '../config-values.ts';
import { hashOfFields } from './hash-build.ts';
import { LAST_TIME_MS } from './hash-times.ts';
import { HashView } from './hash-view.ts';
import { KeyedEdit } from './keyed-edit.ts';
import { HASH, SET, viewOf } from './keyed-steps.ts';
import { KeyedView } from './keyed-view.ts';
import { ListEdit } from './list-edit.ts';
import { ListView } from './list-view.ts';
import { ZsetEdit } from './zset-edit.ts';
import { ZsetView } from './zset-view.ts';

/*
 * Values to and from Redis's own form (src/record/rdb). Collections are written in the types that list all elements, which
 * Redis turns into whatever encoding its own settings ask for.
 */

const NO_BYTES = Buffer.alloc(0);
/** What an element costs in the payload beside its bytes, about. */
const ELEMENT_BYTES = 5;

/** When Redis keeps a collection in a compact form. */
export type EncodingLimits = Pick<
  ConfigValues,
  | 'hashMaxListpackEntries'
  | 'hashMaxListpackValue'
  | 'setMaxIntsetEntries'
  | 'listMaxListpackSize'
  | 'zsetMaxListpackEntries'
  | 'zsetMaxListpackValue'
>;

/** About how many bytes of elements DUMP writes of a value. May throw NeedPages. */
export function dumpBytes({ value, sizeBytes }: LiveRecord, nowMs: number, pages: PageAccess): number {
  if (value.type !== ValueType.hash || value.fieldTimes === undefined) return sizeBytes;
  return new HashView(value, nowMs, pages).liveBytes(sizeBytes);
}

/** What DUMP answers of a value, without fields that have expired; reads all of its pages. May throw NeedPages. */
export function dumpValue({ value, sizeBytes }: LiveRecord, nowMs: number, pages: PageAccess): Buffer {
  switch (value.type) {
    case ValueType.string: {
      const [first = NO_BYTES, ...rest] = readAll(value, pages);
      const bytes = rest.length === 0 ? first : Buffer.concat([first, ...rest], sizeBytes);
      return sealDump(RdbType.string, (writer) => writer.string(bytes), bytes.length);
    }
    case ValueType.list: {
      const view = new ListView(value, pages);
      return dumpElements(RdbType.list, view.count, sizeBytes, (writer) =>
        view.visit(0, view.count, (bytes, start, end) => writer.string(bytes, start, end)),
      );
    }
    case ValueType.hash: {
      const view = viewOf(HASH, value, nowMs, pages);
      if (view instanceof HashView && view.hasTimes)
        return dumpTimes(view, value.fieldTimes?.soonestMs ?? 1, view.liveBytes(sizeBytes));
      return dumpElements(RdbType.hash, view.count, sizeBytes, (writer) =>
        view.visit((field, bytes) => {
          writer.string(field);
          writer.string(bytes);
        }),
      );
    }
    case ValueType.set: {
      const view = new KeyedView(value, SET.width, pages);
      return dumpElements(RdbType.set, view.count, sizeBytes, (writer) =>
        view.visit((member) => writer.string(member)),
      );
    }
    case ValueType.zset: {
      const view = new ZsetView(value, pages);
      return dumpElements(RdbType.zset2, view.count, sizeBytes, (writer) =>
        view.visit({ from: 0, to: view.count }, false, (member, score) => {
          writer.string(member);
          writer.double(score);
        }),
      );
    }
  }
}

/** `soonestMs`: what the times are reckoned from. */
function dumpTimes(view: HashView, soonestMs: number, bytes: number): Buffer {
  return sealDump(
    RdbType.hashFieldExpiry,
    (writer) => {
      writer.uint64LE(soonestMs);
      writer.count(view.count);
      view.visitTimed(({ name, value, timeMs }) => {
        writer.count(timeMs === 0 ? 0 : timeMs - soonestMs + 1);
        writer.string(name);
        writer.string(value);
      });
    },
    bytes + view.count * ELEMENT_BYTES,
  );
}

function dumpElements(type: number, count: number, bytes: number, write: (writer: RdbWriter) => void): Buffer {
  return sealDump(
    type,
    (writer) => {
      writer.count(count);
      write(writer);
    },
    bytes + count * ELEMENT_BYTES,
  );
}

/**
 * The value in new pages, in the encoding that Redis with these settings would choose; null of a hash all of whose fields have
 * expired.
 */
export function valueOfRdb(rdb: RdbValue, config: EncodingLimits, nowMs: number, pages: PageAccess): Value | null {
  switch (rdb.kind) {
    case 'string':
      return stringFromBytes(rdb.bytes, pages);
    case 'list':
      return listOf(rdb.items, config, pages);
    case 'set':
      return setOf(rdb.items, config, pages);
    case 'hash':
      return hashOf(rdb.items, rdb.times, config, nowMs, pages);
    case 'zset':
      return sortedSetOf(rdb.items, rdb.scores, config, pages);
  }
}

/** Null cannot be: what is read has elements. */
function made(value: CollectionValue | null): CollectionValue {
  return value ?? { type: ValueType.list, paged: false, bytes: null };
}

function listOf(items: readonly Buffer[], { listMaxListpackSize }: EncodingLimits, pages: PageAccess): CollectionValue {
  const edit = new ListEdit(null, pages, listMaxListpackSize);
  edit.pushTail(items);
  return made(edit.finish());
}

function setOf(items: readonly Buffer[], { setMaxIntsetEntries }: EncodingLimits, pages: PageAccess): CollectionValue {
  const isIntset = items.length <= setMaxIntsetEntries && items.every((item) => parseInteger(item) !== null);
  const encoding = isIntset ? Encoding.intset : Encoding.hashtable;
  const edit = new KeyedEdit(SET.type, SET.width, null, encoding, items.length, pages);
  for (const item of items) edit.set(item, NO_BYTES);
  return made(edit.finish());
}

function hashOf(
  items: readonly Buffer[],
  times: readonly number[] | undefined,
  config: EncodingLimits,
  nowMs: number,
  pages: PageAccess,
): CollectionValue | null {
  const { hashMaxListpackEntries, hashMaxListpackValue } = config;
  const count = items.length / 2;
  const isListpack = count <= hashMaxListpackEntries && items.every((item) => item.length <= hashMaxListpackValue);
  const encoding = isListpack ? Encoding.listpack : Encoding.hashtable;
  if (times !== undefined) {
    const fields = times.map((timeMs, i) => ({
      name: items[2 * i] ?? NO_BYTES,
      value: items[2 * i + 1] ?? NO_BYTES,
      timeMs: Math.min(timeMs, LAST_TIME_MS),
    }));
    const live = fields.filter(({ timeMs }) => timeMs === 0 || timeMs > nowMs);
    return hashOfFields(live, encoding, pages);
  }
  const edit = new KeyedEdit(HASH.type, HASH.width, null, encoding, count, pages);
  for (let i = 0; i < items.length; i += 2) edit.set(items[i] ?? NO_BYTES, items[i + 1] ?? NO_BYTES);
  return made(edit.finish());
}

function sortedSetOf(
  members: readonly Buffer[],
  scores: readonly number[],
  { zsetMaxListpackEntries, zsetMaxListpackValue }: EncodingLimits,
  pages: PageAccess,
): CollectionValue {
  const isListpack =
    members.length <= zsetMaxListpackEntries && members.every((member) => member.length <= zsetMaxListpackValue);
  const encoding = isListpack ? Encoding.listpack : Encoding.skiplist;
  const edit = new ZsetEdit(null, encoding, members.length, pages);
  members.forEach((member, i) => {
    const score = scores[i] ?? 0;
    // A listpack knows no -0.
    edit.set(member, score === 0 && isListpack ? 0 : score, null);
  });
  return made(edit.finish());
}
