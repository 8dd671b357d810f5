import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { shardOf, slotOf } from '../cluster/slot.ts';
import { appendText, DEL, expireAt, GET, getRange, INCR, PTTL, set } from '../quorum/testing/steps.ts';
import { sameBallot } from '../record/ballot.ts';
import { pageRange, parsePageKey } from '../record/record-id.ts';
import { MessageType, type RecordAddress } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

const PAGE = limits.pageBytes;

/** Text whose parts differ, so that a page in a wrong place shows. */
function textOf(length: number, seed = 'a'): string {
  const lines = Array.from({ length: Math.ceil(length / 8) }, (_, i) => `${seed}${String(i).padStart(7, '0')}`);
  return lines.join('').slice(0, length);
}

const LARGE = textOf(5 * PAGE + 100);

function pagesSent(proxy: LocalProxy): number {
  return proxy.sent.get(MessageType.putPages) ?? 0;
}

function sameOn(quorum: LocalQuorum, key: string, nodes: readonly number[]): boolean {
  const stored = nodes.map((node) => quorum.stored(node, key));
  const first = stored[0];
  return stored.every(
    (one) => one !== null && first !== null && first !== undefined && sameBallot(one.accepted, first.accepted),
  );
}

describe('a large value', () => {
  it.each([1, 3, 5] as const)('is written and read in pages by %i nodes', async (nodes) => {
    const quorum = new LocalQuorum({ nodes });
    const proxy = quorum.proxy();
    expect(await proxy.do('k', set(LARGE))).toBe('OK');
    expect(quorum.stored(1, 'k')?.state.header).toMatchObject({ paged: true, sizeBytes: LARGE.length });
    expect(await proxy.do('k', GET)).toBe(LARGE);
    expect(await quorum.proxy().do('k', GET)).toBe(LARGE);
    await quorum.pass(5);
    expect(
      sameOn(
        quorum,
        'k',
        Array.from({ length: nodes }, (_, i) => i + 1),
      ),
    ).toBe(true);
  });

  it('is read by range, with the pages of the range only', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(LARGE));
    const asked: number[] = [];
    proxy.transport.fate = (_node, request) => {
      if (request.type === MessageType.getPages) asked.push(request.pageIds.length);
      return 'pass';
    };
    expect(await proxy.do('k', getRange(PAGE - 5, PAGE + 5))).toBe(LARGE.slice(PAGE - 5, PAGE + 5));
    expect(asked).toEqual([2]);
    expect(await proxy.do('k', getRange(3 * PAGE, 3 * PAGE + 1))).toBe(LARGE.slice(3 * PAGE, 3 * PAGE + 1));
    expect(asked).toEqual([2, 1]);
  });

  it('is appended to by sending what changes', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(LARGE));
    let sent = 0;
    proxy.transport.fate = (node, request) => {
      if (node === 1 && request.type === MessageType.putPages) sent += request.pages.length;
      return 'pass';
    };
    expect(await proxy.do('k', appendText('the end'))).toBe(LARGE.length + 7);
    expect(sent).toBe(1);
    expect(await proxy.do('k', GET)).toBe(`${LARGE}the end`);
  });

  it('grows out of a small one and goes back to one, or away', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const small = textOf(1_000, 's');
    await proxy.do('k', set(small));
    expect(await proxy.do('k', appendText(LARGE))).toBe(small.length + LARGE.length);
    expect(await proxy.do('k', GET)).toBe(small + LARGE);
    await proxy.do('k', set('short'));
    expect(await proxy.do('k', GET)).toBe('short');
    await proxy.do('k', set(LARGE));
    expect(await proxy.do('k', DEL)).toBe(1);
    expect(await proxy.do('k', GET)).toBeNull();
    await proxy.do('k', set(LARGE));
    expect(await proxy.do('k', GET)).toBe(LARGE);
  });

  it('keeps its pages when only its expiry changes', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(LARGE));
    const before = pagesSent(proxy);
    expect(await proxy.do('k', expireAt(quorum.clock.wallMs() + 60_000))).toBe(1);
    expect(pagesSent(proxy)).toBe(before);
    expect(await proxy.do('k', PTTL)).toBeGreaterThan(0);
    expect(await proxy.do('k', GET)).toBe(LARGE);
  });

  it('is changed by two proxies in turn, through chains and page caches', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    await one.do('k', set(LARGE));
    let expected = LARGE;
    for (let i = 0; i < 6; i++) {
      expected += `part ${i};`;
      await (i % 3 === 0 ? other : one).do('k', appendText(`part ${i};`));
    }
    expect(await one.do('k', GET)).toBe(expected);
    expect(await other.do('k', GET)).toBe(expected);
  });
});

describe('the page cache of a proxy', () => {
  // The last page is short, as those of trees are: only such are kept.
  const tail = getRange(5 * PAGE, 5 * PAGE + 100);

  it('spares the second way to the nodes, and what was written is there at once', async () => {
    const quorum = new LocalQuorum();
    const [writer, reader] = [quorum.proxy(), quorum.proxy()];
    await writer.do('k', set(LARGE));
    const asked = (proxy: LocalProxy): number => proxy.sent.get(MessageType.getPages) ?? 0;
    for (let i = 0; i < 3; i++) expect(await reader.do('k', tail)).toBe(LARGE.slice(5 * PAGE));
    expect(asked(reader)).toBe(1);
    expect(await writer.do('k', tail)).toBe(LARGE.slice(5 * PAGE));
    expect(asked(writer)).toBe(0);
    expect(reader.coordinator.pageTransfer.cache.hits).toBe(2);
  });

  it('never answers for another version, another key, or what was there before a flush', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    const ends = ['b', 'c', 'd'].map((seed) => textOf(5 * PAGE + 100, seed));
    await one.do('k', set(LARGE));
    expect(await other.do('k', tail)).toBe(LARGE.slice(5 * PAGE));
    for (const text of ends) {
      await one.do('k', set(text));
      expect(await other.do('k', tail)).toBe(text.slice(5 * PAGE));
      expect(await other.do('other', tail)).toBeNull();
    }
    const generation = { generation: 2, epoch: quorum.map.epoch + 1 };
    const namespaces = quorum.map.namespaces.map((entry, i) => (i === 0 ? generation : entry));
    await quorum.change({ ...quorum.map, epoch: generation.epoch, namespaces }, [1, 2, 3]);
    expect(await other.do('k', GET)).toBeNull();
    await one.do('k', set(LARGE));
    expect(await other.do('k', tail)).toBe(LARGE.slice(5 * PAGE));
  });
});

describe('a node that missed pages', () => {
  it('is stale for the next change, and is caught up when it is needed', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    quorum.takeDown(3);
    await proxy.do('k', set(LARGE));
    quorum.takeUp(3);
    quorum.takeDown(2);
    expect(await proxy.do('k', appendText('!'))).toBe(LARGE.length + 1);
    expect(proxy.counter('pages-stale')).toBeGreaterThan(0);
    expect(proxy.counter('pages-caught-up')).toBe(1);
    quorum.takeUp(2);
    quorum.takeDown(1);
    expect(await proxy.do('k', GET)).toBe(`${LARGE}!`);
  });

  it('is caught up behind a write that the others have chosen', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    quorum.takeDown(3);
    await proxy.do('k', set(LARGE));
    quorum.takeUp(3);
    proxy.transport.fate = (node, { type }) => (node === 3 && type === MessageType.commit ? 'hold' : 'pass');
    expect(await proxy.do('k', appendText('!'))).toBe(LARGE.length + 1);
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    await quorum.pass(limits.deadlineMs);
    expect(sameOn(quorum, 'k', [1, 2, 3])).toBe(true);
    quorum.takeDown(1);
    expect(await proxy.do('k', GET)).toBe(`${LARGE}!`);
  });

  it('is caught up where it is not known what it lacks, though the value changes all the time', async () => {
    const quorum = new LocalQuorum();
    const [writer, proxy, reader] = [quorum.proxy(), quorum.proxy(), quorum.proxy()];
    quorum.takeDown(3);
    await writer.do('k', set(LARGE));
    quorum.takeUp(3);
    let lists = 0;
    proxy.transport.fate = (_, { type }) => {
      if (type !== MessageType.listPages) return 'pass';
      lists++;
      return lists === 1 ? 'hold' : 'pass';
    };
    for (const more of ['1', '2', '3']) {
      await proxy.do('k', appendText(more));
      await quorum.pass(2 * limits.roundTickMs);
    }
    proxy.transport.release();
    await quorum.pass(limits.roundTickMs * 5);
    await proxy.do('k', appendText('4'));
    await quorum.pass(limits.deadlineMs);
    // It was of a value of the past when it was made, and enough: what came meanwhile has asked for no other, and what follows not either.
    expect(lists).toBe(1);
    expect(sameOn(quorum, 'k', [1, 2, 3])).toBe(true);
    quorum.takeDown(1);
    expect(await reader.do('k', GET)).toBe(`${LARGE}1234`);
  });

  it('never serves a state whose pages it lacks', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    proxy.transport.fate = (node, { type }) => (node === 2 && type === MessageType.putPages ? 'lost' : 'pass');
    await proxy.do('k', set(LARGE));
    await quorum.pass(5);
    expect(quorum.stored(2, 'k')).toBeNull();
    for (let i = 0; i < 3; i++) expect(await quorum.proxy().do('k', GET)).toBe(LARGE);
  });

  it('is caught up by a repair', async () => {
    const quorum = new LocalQuorum();
    const [writer, reader] = [quorum.proxy(), quorum.proxy()];
    // The value is on n1 only: the pages of n2 and n3 are there, its COMMITs are not.
    writer.transport.fate = (node, { type }) => (type === MessageType.commit && node !== 1 ? 'drop' : 'pass');
    writer.start('k', set(LARGE));
    await quorum.pass(limits.deadlineMs + 50);
    quorum.takeDown(3);
    expect(await reader.do('k', GET)).toBe(LARGE);
    quorum.takeUp(3);
    quorum.takeDown(1);
    expect(await reader.do('k', GET)).toBe(LARGE);
  });
});

interface Damaged {
  readonly quorum: LocalQuorum;
  readonly proxy: LocalProxy;
  readonly key: string;
  readonly address: RecordAddress;
  /** Of the damaged page on node 1, and its bytes before. */
  readonly pageKey: Buffer;
  readonly sound: Buffer;
}

describe('a damaged page', () => {
  async function damaged(): Promise<Damaged> {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const key = quorum.keyAskedAt(1);
    await proxy.do(key, set(LARGE));
    await quorum.pass(limits.chainLifeMs + 10);
    const shard = shardOf(slotOf(Buffer.from(key)), quorum.map.shards);
    const id = quorum.ids.recordId(0, 1, Buffer.from(key));
    const { from, to } = pageRange(shard, id);
    const keys: Buffer[] = [];
    quorum.engine(1).inner.scan({ from, to, limit: 100, limitBytes: 1e9, keysOnly: true }, (_error, entries) => {
      for (const { key } of entries ?? []) keys.push(key);
    });
    const pageKey = keys[2];
    const sound = pageKey === undefined ? null : quorum.engine(1).stored(pageKey);
    if (pageKey === undefined || sound === null) throw new Error('there are pages');
    const bytes = Buffer.from(sound);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    quorum.engine(1).plant(pageKey, bytes);
    const address = { id, shard, shardEpoch: 1, namespace: 0, namespaceEpoch: 1 };
    return { quorum, proxy, key, address, pageKey, sound };
  }

  it('is never served, and is replaced from another node', async () => {
    const { quorum, proxy, key, pageKey, sound } = await damaged();
    for (let i = 0; i < 3; i++) {
      expect(await proxy.do(key, GET)).toBe(LARGE);
      await quorum.pass(10);
    }
    expect(proxy.counter('corrupt-replica')).toBe(1);
    expect(proxy.counter('pages-repaired')).toBe(1);
    expect(quorum.engine(1).stored(pageKey)).toEqual(sound);
  });

  it('found by the engine is replaced too', async () => {
    const { quorum, proxy, address, pageKey, sound } = await damaged();
    quorum.engine(1).fail('get', 'corrupt');
    const holders = [1, 2, 3];
    const { coordinator } = proxy;
    const into = new Map<string, Buffer>();
    const state = { done: null as boolean | null };
    const pageId = parsePageKey(pageKey)?.pageId ?? '';
    coordinator.pageTransfer.load(
      address,
      [pageId],
      holders,
      into,
      () => {},
      (ok) => {
        state.done = ok;
      },
    );
    await quorum.pass(100);
    expect([state.done, into.size]).toEqual([true, 1]);
    expect(quorum.engine(1).stored(pageKey)).not.toBeNull();
    const repaired = quorum.engine(1).stored(pageKey);
    expect(repaired && quorum.seal.openPage(address.id, pageId, repaired)).not.toBeNull();
    expect(sound.length).toBe(repaired?.length);
  });

  it('does not spread to a node that is caught up', async () => {
    const { quorum, proxy, key, pageKey } = await damaged();
    const sealed = quorum.engine(1).stored(pageKey);
    // Node 3 has lost the record altogether; the only other holder is the damaged one.
    quorum.engine(3).plant(pageKey, null);
    quorum.engine(3).plant(quorum.recordKeyOf(key), null);
    quorum.restart(3);
    quorum.takeDown(2);
    await proxy.outcome(key, appendText('!'));
    expect(quorum.engine(1).stored(pageKey)).toEqual(sealed);
    expect(quorum.engine(3).stored(pageKey)).toBeNull();
  });
});

describe('pages on their way', () => {
  it('to a node that hangs do not stop the write', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    proxy.transport.fate = (node) => (node === 2 ? 'drop' : 'pass');
    expect(await proxy.do('k', set(textOf(40 * PAGE)), limits.deadlineMs)).toBe('OK');
    expect(await proxy.do('k', GET)).toBe(textOf(40 * PAGE));
  });

  it('to fewer than Q nodes leave the write UNAVAILABLE: no COMMIT is sent', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('before'));
    proxy.transport.fate = (node, { type }) => (node !== 1 && type === MessageType.putPages ? 'lost' : 'pass');
    const commits = proxy.commitsSent();
    expect(await proxy.outcome('k', set(LARGE))).toMatchObject({ ok: false, failure: { kind: 'unavailable' } });
    expect(proxy.commitsSent()).toBe(commits);
    proxy.transport.fate = () => 'pass';
    expect(await proxy.do('k', GET)).toBe('before');
  });

  it('do not count against the deadline while they progress', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    for (const node of [1, 2, 3]) quorum.engine(node).hold('write');
    const text = textOf(80 * PAGE);
    const running = proxy.start('k', set(text));
    // Each write of a batch takes 300 ms.
    for (let i = 0; i < 30 && running.outcome === null; i++) {
      await quorum.pass(300, () => running.outcome !== null);
      for (const node of [1, 2, 3]) if (quorum.engine(node).waiting('write') > 0) quorum.engine(node).release('write');
    }
    expect(running.outcome).toEqual({ ok: true, reply: 'OK' });
    for (const node of [1, 2, 3]) quorum.engine(node).flow('write');
    expect(await proxy.do('k', GET)).toBe(text);
  });

  it('carry no change of a command that was answered UNAVAILABLE meanwhile', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    // DEL holds the record up until shortly before the deadline of INCR, which then shares the write of pages.
    proxy.transport.fate = (_node, { type }) => (type === MessageType.prepare ? 'lost' : 'pass');
    const running = [proxy.start('k', DEL), proxy.start('k', INCR)];
    await quorum.pass(limits.deadlineWhenLateMs - 300);
    running.push(proxy.start('k', appendText(LARGE)));
    proxy.transport.fate = (_node, { type }) => (type === MessageType.putPages ? 'hold' : 'pass');
    await quorum.pass(600);
    expect(proxy.transport.held).toBe(3);
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    await quorum.pass(3_000, () => running.every(({ outcome }) => outcome !== null));
    expect(running.map(({ outcome }) => outcome)).toMatchObject([
      { ok: true, reply: 0 },
      { ok: false, failure: { kind: 'unavailable' } },
      { ok: true, reply: LARGE.length },
    ]);
    expect(await proxy.do('k', GET)).toBe(LARGE);
  });

  it('are bounded in memory: BUSY beyond it', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(LARGE));
    const { coordinator } = proxy;
    const all = Math.floor(limits.pagesInMemoryBytes / limits.pageBytes);
    expect(coordinator.reservePages(all - 3)).toBe(true);
    expect(await proxy.outcome('k', GET)).toMatchObject({ ok: false, failure: { kind: 'busy' } });
    expect(await proxy.do('k', getRange(0, PAGE))).toBe(LARGE.slice(0, PAGE));
    coordinator.releasePages(all - 3);
    expect(await proxy.do('k', GET)).toBe(LARGE);
    expect(coordinator.reservePages(all)).toBe(true);
  });

  it('that one holder has lost come from another', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set(LARGE));
    await quorum.pass(limits.chainLifeMs);
    proxy.transport.fate = (node, { type }) => (node === 1 && type === MessageType.getPages ? 'lost' : 'pass');
    expect(await proxy.do('k', GET)).toBe(LARGE);
    proxy.transport.fate = (node, { type }) => (node === 2 && type === MessageType.getPages ? 'drop' : 'pass');
    expect(await proxy.do('k', GET)).toBe(LARGE);
  });
});
