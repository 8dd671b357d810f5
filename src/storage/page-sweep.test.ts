import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { shardOf, slotOf } from '../cluster/slot.ts';
import { appendText, DEL, GET, set } from '../quorum/testing/steps.ts';
import { shardDroppedRange, shardPageRange } from '../record/record-id.ts';
import { MessageType } from '../rpc/messages.ts';
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

const pages = (quorum: LocalQuorum): number[] => [1, 2, 3].map((node) => keysOf(quorum, node, shardPageRange));
const marks = (quorum: LocalQuorum): number[] => [1, 2, 3].map((node) => keysOf(quorum, node, shardDroppedRange));

/** Time passes in large steps: nobody waits for an answer meanwhile. */
async function wait(quorum: LocalQuorum, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
    quorum.clock.advance(500);
    await quorum.pass(2);
  }
}

describe('pages', () => {
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

  it('of a write that never came to an end go after a long time', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    proxy.transport.fate = (_node, { type }) => (type === MessageType.commit ? 'drop' : 'pass');
    proxy.start('k', set(large('a')));
    await quorum.pass(200);
    proxy.transport.fate = () => 'drop';
    await wait(quorum, limits.purgeAfterMs + limits.pageSweepPassMs);
    expect(pages(quorum)).toEqual([3, 3, 3]);
    await wait(quorum, limits.unfinishedPageAgeMs);
    expect(pages(quorum)).toEqual([0, 0, 0]);
  });
});
