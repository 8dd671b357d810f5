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
import { setCommands } from '../commands/set-commands.ts';
import { hashOfName, treeKeyOf } from './keyed-elements.ts';
import { PagedItems } from './paged-items.ts';

const COUNT = 1_000_000;
const MOST_PAGES = 12;
const ROWS: readonly CommandRow[] = [...hashCommands, ...setCommands];

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

/** Runs a command's step on the record as if all pages were at hand. */
function run(line: string, record: LiveRecord, pages: CountedPages, isStreamed = false): Reply {
  const args = line.split(' ').map((word) => Buffer.from(word));
  const handler = ROWS.find(({ name }) => name === line.split(' ')[0])?.handler;
  if (handler?.kind !== 'record') throw new Error('a command over one key');
  const parsed = handler.parse(args);
  if (parsed instanceof ErrorReply) throw new Error(parsed.text);
  const step = isStreamed ? (parsed.streamed ?? parsed.step) : parsed.step;
  return step.run(record, { nowMs: 0, pages, past: record }).reply;
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
    expect(pages.touched).toBeLessThanOrEqual(limits.streamWindowBytes / limits.treePageBytes + 10);
  });
});
