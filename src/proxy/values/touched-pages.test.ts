import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { NO_PAST } from '../../record/request-history.ts';
import type { LiveRecord } from '../../record/state.ts';
import { CountedPages } from '../../record/testing/tree-check.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import { type CollectionType, Encoding, type PagedCollection, ValueType } from '../../record/value.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { hashCommands } from '../commands/hash-commands.ts';
import { hashExpiryCommands } from '../commands/hash-expiry-commands.ts';
import { setCommands } from '../commands/set-commands.ts';
import { type HashTrees, hashInTrees } from './hash-build.ts';
import { encodeTime, timedKeyOf } from './hash-times.ts';
import { hashOfName, treeKeyOf } from './keyed-elements.ts';
import { PagedItems } from './paged-items.ts';

const COUNT = 1_000_000;
const MOST_PAGES = 12;
const ROWS: readonly CommandRow[] = [...hashCommands, ...hashExpiryCommands, ...setCommands];

const nameOf = (i: number): string => `name:${i}`;

/** Elements in the order of the tree; those of one hash, of which there are few, in that of their names. */
function namesInOrder(): string[] {
  const keys = Float64Array.from(
    { length: COUNT },
    (_, i) => (hashOfName(Buffer.from(nameOf(i))) >>> 1) * 2 ** 20 + i,
  ).sort();
  const names = Array.from(keys, (key) => nameOf(key % 2 ** 20));
  const hashAt = (place: number): number => Math.floor((keys[place] ?? 0) / 2 ** 20);
  for (let place = 1; place < COUNT; place++) {
    for (let at = place; at > 0 && hashAt(at) === hashAt(at - 1); at--) {
      const [before = '', after = ''] = names.slice(at - 1, at + 1);
      if (before > after) names.splice(at - 1, 2, after, before);
    }
  }
  return names;
}

const names = namesInOrder();

function million(type: CollectionType, pages: CountedPages): LiveRecord {
  const builder = new TreeBuilder(pages);
  const value = Buffer.from(type === ValueType.hash ? 'a value' : '');
  for (const name of names) builder.add(treeKeyOf(Buffer.from(name)), value);
  const tree = builder.finish();
  const paged: PagedCollection = { type, paged: true, encoding: Encoding.hashtable, length: tree.bytes, trees: [tree] };
  return { ...NO_PAST, key: Buffer.from('key'), expiresAtMs: 0, sizeBytes: tree.bytes, value: paged };
}

/** A hash of which every second field expires, a millisecond after the one before. */
function timedMillion(pages: CountedPages): LiveRecord {
  const plain = new TreeBuilder(pages);
  const fields = new TreeBuilder(pages);
  const times = new TreeBuilder(pages);
  const value = Buffer.from('a value');
  names.forEach((name, i) => {
    const field = Buffer.from(name);
    if (i % 2 === 0) plain.add(treeKeyOf(field), value);
    else fields.add(treeKeyOf(field), encodeTime(i));
    if (i % 2 === 1) times.add(timedKeyOf(field, i), value);
  });
  const trees: HashTrees = [plain.finish(), fields.finish(), times.finish()];
  const hash = hashInTrees(trees, { soonestMs: 1, vanishesAtMs: 0 });
  return { ...NO_PAST, key: Buffer.from('key'), expiresAtMs: 0, sizeBytes: 0, value: hash };
}

/** Runs a command's step on the record as if all pages were at hand. */
function run(line: string, record: LiveRecord, pages: CountedPages, isStreamed = false, nowMs = 0): Reply {
  const args = line.split(' ').map((word) => Buffer.from(word));
  const handler = ROWS.find(({ name }) => name === line.split(' ')[0])?.handler;
  if (handler?.kind !== 'record') throw new Error('a command over one key');
  const parsed = handler.parse(args);
  if (parsed instanceof ErrorReply) throw new Error(parsed.text);
  const step = isStreamed ? (parsed.streamed ?? parsed.step) : parsed.step;
  return step.run(record, { nowMs, pages, past: record }).reply;
}

describe.each([
  [
    'hash',
    ValueType.hash,
    [
      ['hget key name:123456', 'a value'],
      ['hexists key name:nobody', 0],
      ['hstrlen key name:999999', 7],
      ['hlen key', COUNT],
      ['hset key name:345678 other', 0],
      ['hset key name:new other', 1],
      ['hsetnx key name:newer other', 1],
      ['hincrby key counter 1', 1],
      ['hdel key name:777777', 1],
      ['hdel key name:nobody', 0],
    ],
  ],
  [
    'set',
    ValueType.set,
    [
      ['sismember key name:123456', 1],
      ['scard key', COUNT],
      ['sadd key name:new', 1],
      ['srem key name:777777', 1],
      ['spop key', null],
      ['srandmember key', null],
    ],
  ],
] as const)('a %s of 1,000,000 elements', (_name, type, commands) => {
  it('touches at most 12 pages for one element', () => {
    const pages = new CountedPages();
    const record = million(type, pages);
    for (const [line, expected] of commands) {
      pages.reset();
      const reply = run(line, record, pages);
      const text = Buffer.isBuffer(reply) ? reply.toString() : reply;
      if (expected === null) expect(text).toMatch(/^name:\d+$/);
      else expect(text).toBe(expected);
      expect(pages.touched, line).toBeLessThanOrEqual(MOST_PAGES);
    }
  });

  it('touches none to begin a streamed reply, and for a part of it those of the part', () => {
    const disk = new CountedPages();
    const record = million(type, disk);
    const pages = Object.assign(disk, { recordId: 'record' });
    const line = type === ValueType.hash ? 'hgetall key' : 'smembers key';
    pages.reset();
    const reply = run(line, record, pages, true);
    if (!(reply instanceof PagedItems)) throw new Error('it is streamed');
    expect(reply.count).toBe(type === ValueType.hash ? 2 * COUNT : COUNT);
    expect(pages.touched).toBe(0);
    const { listing } = reply;
    const width = Math.floor(limits.streamWindowBytes / listing.elementBytes);
    const part = listing.read(500_000, 500_000 + width, pages);
    expect(part.count).toBe(width * listing.itemsEach);
    expect(pages.touched).toBeLessThanOrEqual(limits.streamWindowBytes / limits.treeLeafBytes + 10);
  });
});

describe('a hash of 1,000,000 fields, half of which expire', () => {
  const plainName = names[400_000] ?? '';
  const timedName = names[700_001] ?? '';
  const commands: readonly (readonly [string, unknown])[] = [
    [`hget key ${plainName}`, 'a value'],
    [`hget key ${timedName}`, 'a value'],
    [`hexpire key 5 fields 1 ${plainName}`, [1]],
    [`hexpire key 5 fields 1 ${timedName}`, [1]],
    [`hpersist key fields 1 ${timedName}`, [1]],
    [`hexpiretime key fields 1 ${timedName}`, [701]],
    [`hset key ${timedName} other`, 0],
    ['hset key name:new other', 1],
    [`hdel key ${timedName}`, 1],
    [`hgetdel key fields 1 ${timedName}`, ['a value']],
    ['hrandfield key', null],
  ];
  const shownReply = (reply: Reply): unknown => {
    if (Array.isArray(reply)) return reply.map((item: Reply) => shownReply(item));
    return Buffer.isBuffer(reply) ? reply.toString() : reply;
  };

  it('touches at most 12 pages for one field while none has expired', () => {
    const pages = new CountedPages();
    const record = timedMillion(pages);
    for (const [line, expected] of [['hlen key', COUNT] as const, ...commands]) {
      pages.reset();
      const reply = shownReply(run(line, record, pages));
      if (expected === null) expect(reply).toMatch(/^name:\d+$/);
      else expect(reply, line).toEqual(expected);
      expect(pages.touched, line).toBeLessThanOrEqual(MOST_PAGES);
    }
  });

  it('counts, reads and lists what is left by ranges when many have expired', () => {
    const pages = new CountedPages();
    const record = timedMillion(pages);
    const nowMs = 600_000;
    const left = COUNT - nowMs / 2;
    for (const [line, expected] of [
      ['hlen key', left],
      [`hget key ${names[1]}`, null],
      [`hget key ${timedName}`, 'a value'],
    ] as const) {
      pages.reset();
      expect(shownReply(run(line, record, pages, false, nowMs)), line).toBe(expected);
      expect(pages.touched, line).toBeLessThanOrEqual(MOST_PAGES);
    }
    // A write takes some of them along: each has a page by field of its own at most, twice.
    pages.reset();
    expect(run(`hexpire key 700 fields 1 ${timedName}`, record, pages, false, nowMs)).toEqual([1]);
    expect(pages.touched).toBeLessThanOrEqual(MOST_PAGES + 4 * (limits.reapedFields + 2));
    const streamed = run('hgetall key', record, Object.assign(pages, { recordId: 'record' }), true, nowMs);
    if (!(streamed instanceof PagedItems)) throw new Error('it is streamed');
    expect(streamed.count).toBe(2 * left);
    pages.reset();
    const part = streamed.listing.read(left - 1_000, left, pages);
    expect(part.count).toBe(2_000);
    expect(pages.touched).toBeLessThanOrEqual(MOST_PAGES);
  });
});
