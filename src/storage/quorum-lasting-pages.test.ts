import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { shardOf, slotOf } from '../cluster/slot.ts';
import { type LastingPages, PageLeases } from '../quorum/lasting-pages.ts';
import type { Step } from '../quorum/operation.ts';
import { DEL, GET, set, type TestReply } from '../quorum/testing/steps.ts';
import { shardPageRange } from '../record/record-id.ts';
import type { PageId } from '../record/state.ts';
import { rootPageIds } from '../record/value-pages.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

const PAGES = 4;
const large = (seed: string): string => seed.repeat(PAGES * limits.pageBytes);
const KEY = 'k';
const NODES = [1, 2, 3];

/** The pages that the record lists, their ids one after the other. */
const LISTED: Step<TestReply> = {
  access: 'read',
  needs: 'value',
  run: (record) => ({ reply: record === null ? '' : rootPageIds(record.value).join(''), change: null }),
};

/** Somebody who has begun to read a version of the value. */
interface Reader {
  readonly leases: PageLeases;
  readonly pages: LastingPages;
  readonly pageIds: readonly PageId[];
}

async function begin(quorum: LocalQuorum, proxy: LocalProxy): Promise<Reader> {
  const listed = String(await proxy.do(KEY, LISTED));
  const pageIds = Array.from({ length: listed.length / 16 }, (_, i) => listed.slice(i * 16, (i + 1) * 16));
  expect(pageIds.length).toBe(PAGES);
  const leases = new PageLeases(proxy.coordinator);
  const key = Buffer.from(KEY);
  return { leases, pages: leases.open(0, key, quorum.ids.recordId(0, 1, key)), pageIds };
}

/** What the reader reads now, as text; null if a page is not to be had. */
async function read(quorum: LocalQuorum, { pages, pageIds }: Reader): Promise<string | null> {
  const found = new Map<PageId, Buffer>();
  let outcome: boolean | null = null;
  pages.load(pageIds, found, (ok) => {
    outcome = ok;
  });
  await quorum.pass(5_000, () => outcome !== null);
  if (outcome !== true) return null;
  return pageIds.map((id) => found.get(id)?.toString() ?? '').join('');
}

/** Time passes in large steps, answers come in between. */
async function wait(quorum: LocalQuorum, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
    quorum.clock.advance(500);
    await quorum.pass(2);
  }
}

function pagesOn(quorum: LocalQuorum): number[] {
  return NODES.map((node) => {
    const shard = shardOf(slotOf(Buffer.from(KEY)), quorum.map.shards);
    let found = 0;
    const all = { ...shardPageRange(shard), limit: 10_000, limitBytes: 1e9, keysOnly: true };
    quorum.engine(node).scan(all, (_error, entries) => {
      found = entries?.length ?? 0;
    });
    return found;
  });
}

const LONG_MS = 5 * limits.purgeAfterMs;
const GONE_MS = limits.pagePinMs + limits.purgeAfterMs + 2 * limits.pageSweepPassMs;

describe('pages that are still read', () => {
  it.each([
    ['replaced', set(large('b'))],
    ['replaced by a small value', set('small')],
    ['deleted', DEL],
  ])('stay while they are, though their value is %s, and then go', async (_name, step) => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do(KEY, set(large('a')));
    const reader = await begin(quorum, proxy);
    await quorum.proxy().do(KEY, step);
    await wait(quorum, LONG_MS);
    expect(await read(quorum, reader)).toBe(large('a'));
    reader.pages.close();
    expect(reader.leases.size).toBe(0);
    await wait(quorum, GONE_MS);
    expect(await read(quorum, reader)).toBeNull();
  });

  it('are not kept for others, as those that a command loads are', async () => {
    const quorum = new LocalQuorum();
    // Long pages are never kept.
    const value = `${'a'.repeat((PAGES - 1) * limits.pageBytes)}short`;
    await quorum.proxy().do(KEY, set(value));
    const proxy = quorum.proxy();
    const { cache } = proxy.coordinator.pageTransfer;
    const reader = await begin(quorum, proxy);
    expect(await read(quorum, reader)).toBe(value);
    expect(cache.sizeBytes).toBe(0);
    expect(await proxy.do(KEY, GET)).toBe(value);
    expect(cache.sizeBytes).toBeGreaterThan(0);
    reader.pages.close();
  });

  it('go without that in the same time', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do(KEY, set(large('a')));
    const reader = await begin(quorum, proxy);
    proxy.transport.fate = (_node, { type }) => (type === MessageType.pinPages ? 'lost' : 'pass');
    await proxy.do(KEY, DEL);
    await wait(quorum, LONG_MS);
    expect(pagesOn(quorum)).toEqual([0, 0, 0]);
    expect(await read(quorum, reader)).toBeNull();
    reader.pages.close();
  });

  it('stay though the nodes start anew, one after the other', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do(KEY, set(large('a')));
    const reader = await begin(quorum, proxy);
    await proxy.do(KEY, set('small'));
    await wait(quorum, limits.purgeAfterMs);
    for (const node of NODES) {
      // What has ended sweeps no more.
      quorum.node(node).stop(() => {});
      quorum.restart(node);
      await wait(quorum, limits.pageSweepPassMs);
    }
    expect(await read(quorum, reader)).toBe(large('a'));
    expect(pagesOn(quorum)).toEqual([PAGES, PAGES, PAGES]);
    reader.pages.close();
    await wait(quorum, GONE_MS);
    expect(pagesOn(quorum)).toEqual([0, 0, 0]);
  });

  it('stay though everything is flushed', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do(KEY, set(large('a')));
    const reader = await begin(quorum, proxy);
    const flushed = { generation: 2, epoch: quorum.map.epoch + 1 };
    const namespaces = quorum.map.namespaces.map((entry, i) => (i === 0 ? flushed : entry));
    await quorum.change({ ...quorum.map, epoch: flushed.epoch, namespaces }, NODES);
    expect(await proxy.do(KEY, LISTED)).toBe('');
    await wait(quorum, LONG_MS);
    expect(await read(quorum, reader)).toBe(large('a'));
    reader.pages.close();
    await wait(quorum, GONE_MS);
    expect(pagesOn(quorum)).toEqual([0, 0, 0]);
  });

  it('are asked of who has them', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do(KEY, set(large('a')));
    const reader = await begin(quorum, proxy);
    for (const down of NODES) {
      quorum.takeDown(down);
      expect(await read(quorum, reader)).toBe(large('a'));
      quorum.takeUp(down);
    }
    reader.pages.close();
  });

  it('are pinned only while somebody reads, and for all who do', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do(KEY, set(large('a')));
    const pins = (): number => proxy.sent.get(MessageType.pinPages) ?? 0;
    const reader = await begin(quorum, proxy);
    const key = Buffer.from(KEY);
    const other = reader.leases.open(0, key, quorum.ids.recordId(0, 1, key));
    await wait(quorum, limits.pagePinEveryMs);
    expect(pins()).toBe(NODES.length);
    reader.pages.close();
    reader.pages.close();
    await wait(quorum, limits.pagePinEveryMs);
    expect(pins()).toBe(2 * NODES.length);
    other.close();
    await wait(quorum, 10 * limits.pagePinEveryMs);
    expect(pins()).toBe(2 * NODES.length);
  });
});

describe('the pages of an old value', () => {
  it('stay for purgeAfter when it is deleted, too', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do(KEY, set(large('a')));
    await wait(quorum, limits.unfinishedPageAgeMs + 1_000);
    await proxy.do(KEY, DEL);
    await wait(quorum, limits.purgeAfterMs - 2_000);
    expect(pagesOn(quorum)).toEqual([PAGES, PAGES, PAGES]);
    await wait(quorum, limits.pageSweepPassMs + 5_000);
    expect(pagesOn(quorum)).toEqual([0, 0, 0]);
  });
});
