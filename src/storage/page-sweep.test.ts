import { describe, expect, it, vi } from 'vitest';
import { limits } from '../base/limits.ts';
import { shardOf, slotOf } from '../cluster/slot.ts';
import type { Step } from '../quorum/operation.ts';
import { appendText, DEL, GET, set, type TestReply } from '../quorum/testing/steps.ts';
import { writeBallot } from '../record/bytes.ts';
import {
  droppedPageKey,
  makePageId,
  pageKey,
  parseDroppedPageKey,
  parsePageKey,
  shardDroppedRange,
  shardPageRange,
  supersededPages,
  VOID_MARK,
} from '../record/record-id.ts';
import type { LiveRecord } from '../record/state.ts';
import { EMPTY_TREE, elementAt } from '../record/tree.ts';
import { TreeEditor } from '../record/tree-editor.ts';
import { readBig } from '../record/tree-node.ts';
import { Encoding, type Tree, ValueType } from '../record/value.ts';
import { MessageType } from '../rpc/messages.ts';
import type { EngineChange } from './engine.ts';
import { LocalQuorum } from './testing/local-quorum.ts';
import { LocalSweep } from './testing/local-sweep.ts';

const PAGE = limits.pageBytes;
const large = (seed: string, pages = 3): string => seed.repeat(pages * PAGE);

function keysOf(quorum: LocalQuorum, node: number, range: typeof shardPageRange): number {
  const shard = shardOf(slotOf(Buffer.from('k')), quorum.map.shards);
  let found = 0;
  const all = { ...range(shard), limit: 10_000, limitBytes: 1e9, keysOnly: true };
  quorum.engine(node).scan(all, (_error, entries) => {
    found = entries?.length ?? 0;
  });
  return found;
}

/** All pages of the shard that 'k' is in, in hex. */
function pageKeys(quorum: LocalQuorum, node: number): string[] {
  const shard = shardOf(slotOf(Buffer.from('k')), quorum.map.shards);
  const keys: string[] = [];
  quorum
    .engine(node)
    .scan({ ...shardPageRange(shard), limit: 100, limitBytes: 1e9, keysOnly: true }, (_error, found) => {
      keys.push(...(found ?? []).map(({ key }) => key.toString('hex')));
    });
  return keys;
}

const pages = (quorum: LocalQuorum): number[] => [1, 2, 3].map((node) => keysOf(quorum, node, shardPageRange));
const marks = (quorum: LocalQuorum): number[] => [1, 2, 3].map((node) => keysOf(quorum, node, shardDroppedRange));

/** Time passes in large steps: nobody waits for an answer meanwhile. */
async function wait(quorum: LocalQuorum, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
    quorum.clock.advance(500);
    await quorum.pass(2);
  }
}

/** Adds values to a list in trees; replies how many elements it has. */
function pushAll(values: readonly Buffer[]): Step<TestReply> {
  return {
    access: 'write',
    needs: 'value',
    run: (record, { pages }) => {
      const editor = new TreeEditor(treeOf(record), pages);
      for (const value of values) editor.insertAt(editor.count, value);
      const tree = editor.finish();
      const list = { type: ValueType.list, paged: true, encoding: Encoding.quicklist, length: tree.bytes } as const;
      return { reply: tree.count, change: { kind: 'put', value: { ...list, trees: [tree] }, expiresAtMs: 0 } };
    },
  };
}

const FIRST_LENGTH: Step<TestReply> = {
  access: 'read',
  needs: 'value',
  run: (record, { pages }) => {
    const first = elementAt(treeOf(record), 0, pages);
    return { reply: readBig(first.stored, pages).length, change: null };
  },
};

function treeOf(record: LiveRecord | null): Tree {
  const value = record?.value;
  return value?.paged === true && value.type === ValueType.list ? (value.trees[0] ?? EMPTY_TREE) : EMPTY_TREE;
}

describe('pages', () => {
  it('of a long element stay when the tree around it is made anew without a look at any page', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const values = [Buffer.alloc(20_000, 1), ...Array.from({ length: 100 }, () => Buffer.alloc(60, 2))];
    expect(await proxy.do('k', pushAll(values.slice(0, 1)))).toBe(1);
    // The root, which lies in the record, becomes pages.
    expect(await proxy.do('k', pushAll(values.slice(1)))).toBe(101);
    await wait(quorum, limits.purgeAfterMs + limits.pageSweepPassMs + 10_000);
    expect(await quorum.proxy().do('k', FIRST_LENGTH)).toBe(20_000);
  });

  it('stay for purgeAfter when their value is replaced, and then go', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(large('a')));
    await proxy.do('k', set(large('b', 2)));
    await quorum.pass(10);
    expect(pages(quorum)).toEqual([5, 5, 5]);
    await wait(quorum, limits.purgeAfterMs - 5_000);
    expect(pages(quorum)).toEqual([5, 5, 5]);
    await wait(quorum, limits.pageSweepPassMs + 10_000);
    expect(pages(quorum)).toEqual([2, 2, 2]);
    expect(marks(quorum)).toEqual([0, 0, 0]);
    expect(await quorum.proxy().do('k', GET)).toBe(large('b', 2));
  });

  it.each([
    ['a small value', set('small')],
    ['nothing', DEL],
  ])('go when their value is followed by %s', async (_name, step) => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(large('a')));
    await proxy.do('k', step);
    await wait(quorum, limits.purgeAfterMs + limits.pageSweepPassMs + 5_000);
    expect(pages(quorum)).toEqual([0, 0, 0]);
    expect(marks(quorum)).toEqual([0, 0, 0]);
  });

  it('go when their value has expired', async () => {
    const quorum = new LocalQuorum();
    await quorum.proxy().do('k', set(large('a'), { expiresAtMs: quorum.clock.wallMs() + 1_000 }));
    await wait(quorum, 2_000);
    expect(await new LocalSweep(quorum).once()).toMatchObject({ killed: 1 });
    await wait(quorum, limits.purgeAfterMs + limits.pageSweepPassMs + 5_000);
    expect(pages(quorum)).toEqual([0, 0, 0]);
  });

  it('go when a part of the value is written anew, and only those', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(large('a', 3).slice(10)));
    await proxy.do('k', appendText('tail'));
    await quorum.pass(10);
    expect(pages(quorum)).toEqual([4, 4, 4]);
    await wait(quorum, limits.purgeAfterMs + limits.pageSweepPassMs + 5_000);
    expect(pages(quorum)).toEqual([3, 3, 3]);
    expect(await quorum.proxy().do('k', GET)).toBe(`${large('a', 3).slice(10)}tail`);
  });

  it('stay on a node that got them again from another after it had marked them', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(large('a')));
    await quorum.pass(10);
    // Node 3 alone hears of a deletion that never comes to be chosen, and marks the pages.
    proxy.transport.fate = (node, { type }) => (type === MessageType.commit && node !== 3 ? 'drop' : 'pass');
    proxy.start('k', DEL);
    await quorum.pass(50);
    proxy.transport.fate = () => 'drop';
    await quorum.pass(3_000);
    const other = quorum.proxy();
    other.transport.fate = (node, { type }) => (type === MessageType.prepare && node === 3 ? 'lost' : 'pass');
    await other.do('k', appendText('more'));
    other.transport.fate = () => 'pass';
    await quorum.pass(200);
    await wait(quorum, limits.purgeAfterMs + limits.pageSweepPassMs + 5_000);
    for (const node of [1, 2]) quorum.takeDown(node);
    const last = quorum.proxy();
    last.network.takeDown(1);
    expect(await last.do('k', GET)).toBe(`${large('a')}more`);
  });

  it('stay on a node that gets them again while their mark is looked at', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(large('a')));
    await quorum.pass(10);
    const engine = quorum.engine(3);
    const shard = shardOf(slotOf(Buffer.from('k')), quorum.map.shards);
    const ago = Buffer.alloc(12);
    writeBallot(ago, 0, { time: quorum.clock.wallUs() - limits.purgeAfterMs * 2_000, proposer: 1 });
    engine.scan({ ...shardPageRange(shard), limit: 1, limitBytes: 1e9, keysOnly: true }, (_error, found) => {
      const page = parsePageKey(found?.[0]?.key ?? Buffer.alloc(0));
      if (page !== null) engine.plant(droppedPageKey(shard, page.id, page.pageId), ago);
    });
    proxy.transport.fate = (node) => (node === 3 ? 'drop' : 'pass');
    await proxy.do('k', appendText('b'));
    proxy.transport.fate = () => 'pass';
    // Node 3 hears of a complete list of pages; what it makes of it stays on the way to the disk.
    const write = engine.write.bind(engine);
    const writes = vi.spyOn(engine, 'write').mockImplementation((changes, callback) => {
      const isList = changes.some(({ key }) => parseDroppedPageKey(key)?.pageId === VOID_MARK);
      if (isList) engine.hold('write');
      write(changes, callback);
    });
    // Of another proxy, which does not know what the writes before it have added.
    await quorum.proxy().do('k', appendText('c'));
    await quorum.pass(1_000, () => engine.waiting('write') > 0);
    expect(engine.waiting('write')).toBe(1);
    await wait(quorum, limits.pageSweepPassMs + 1_000);
    writes.mockRestore();
    engine.flow('write');
    await wait(quorum, 2 * limits.pageSweepPassMs);
    const used = pageKeys(quorum, 1);
    expect(used).toHaveLength(4);
    expect(pageKeys(quorum, 3)).toEqual(expect.arrayContaining(used));
  });

  it('of writes that a node has missed come alone, and what those have dropped goes there too', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(large('a')));
    await quorum.pass(10);
    const asked: number[] = [];
    let isDeaf = true;
    proxy.transport.fate = (node, { type }) => {
      asked.push(type);
      return isDeaf && node === 3 ? 'drop' : 'pass';
    };
    for (const end of ['b', 'c', 'd', 'e']) await proxy.do('k', appendText(end));
    isDeaf = false;
    await proxy.do('k', appendText('f'));
    await quorum.pass(1_000);
    // Each of them comes to the node at once from now on.
    const before = asked.length;
    await proxy.do('k', appendText('g'));
    await quorum.pass(1_000);
    expect(asked).not.toContain(MessageType.listPages);
    expect(asked.slice(0, before)).toContain(MessageType.missingPages);
    expect(asked.slice(before)).not.toContain(MessageType.missingPages);
    await wait(quorum, limits.purgeAfterMs + 2 * limits.pageSweepPassMs + 5_000);
    const used = pageKeys(quorum, 1);
    expect(pageKeys(quorum, 2)).toEqual(used);
    expect(pageKeys(quorum, 3)).toEqual(used);
  });

  it('of a write that never came to an end go after a long time', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    proxy.transport.fate = (_node, { type }) => (type === MessageType.commit ? 'drop' : 'pass');
    proxy.start('k', set(large('a')));
    await quorum.pass(200);
    proxy.transport.fate = () => 'drop';
    await wait(quorum, limits.purgeAfterMs + limits.pageSweepPassMs);
    expect(pages(quorum)).toEqual([3, 3, 3]);
    await wait(quorum, limits.unfinishedPageAgeMs + limits.unfinishedPagePasses * limits.pageSweepPassMs);
    expect(pages(quorum)).toEqual([0, 0, 0]);
  });

  it('go by the thousand, of many records and of one, with one look at a record', async () => {
    const quorum = new LocalQuorum();
    const shard = shardOf(slotOf(Buffer.from('k')), quorum.map.shards);
    const engine = quorum.engine(1);
    const idOf = (record: number): string => record.toString(16).padStart(16, '0');
    const ballotOf = (write: number) => ({ time: quorum.clock.wallUs() + write, proposer: 1 });
    const value = Buffer.alloc(12);
    writeBallot(value, 0, ballotOf(0));
    const records = 4 * limits.pageSweepEntries;
    const writes = 2 * limits.pageSweepEntries + 1;
    const entries: EngineChange[] = [];
    const add = (record: number, write: number): void => {
      const id = idOf(record);
      entries.push({ key: pageKey(shard, id, makePageId(ballotOf(write), 0)), value: Buffer.from('page') });
      entries.push({ key: droppedPageKey(shard, id, supersededPages(ballotOf(write + 1))), value });
    };
    for (let record = 1; record <= records; record++) add(record, 1);
    for (let write = 1; write <= writes; write++) add(0, write);
    // What a void mark speaks of stays, and so does the mark until the others of its record are gone.
    const kept = pageKey(shard, idOf(0xffff), makePageId(ballotOf(1), 0));
    const older = Buffer.alloc(12);
    writeBallot(older, 0, ballotOf(-1));
    entries.push({ key: kept, value: Buffer.from('page') });
    entries.push({ key: droppedPageKey(shard, idOf(0xffff), VOID_MARK), value });
    entries.push({ key: droppedPageKey(shard, idOf(0xffff), makePageId(ballotOf(1), 0)), value: older });
    engine.write(entries, () => {});
    await wait(quorum, limits.purgeAfterMs - 1_000);
    expect(keysOf(quorum, 1, shardDroppedRange)).toBe(Math.min(10_000, records + writes + 2));
    const scans = vi.spyOn(engine, 'scan');
    await wait(quorum, 2 * limits.pageSweepPassMs + 10_000);
    expect(keysOf(quorum, 1, shardDroppedRange)).toBe(0);
    const left: string[] = [];
    engine.scan({ ...shardPageRange(shard), limit: 10, limitBytes: 1e9, keysOnly: true }, (_error, found) => {
      left.push(...(found ?? []).map(({ key }) => key.toString('hex')));
    });
    expect(left).toEqual([kept.toString('hex')]);
    const looks = scans.mock.calls.filter(([{ from }]) => from[0] === pageKey(shard, idOf(0), VOID_MARK)[0]);
    expect(looks.length).toBeLessThan(records + 100);
  });
});
