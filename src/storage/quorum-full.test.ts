import { beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { appendText, DEL, expireAt, GET, INCR, set } from '../quorum/testing/steps.ts';
import { StateKind } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum, RESERVE_BYTES } from './testing/local-quorum.ts';

const LARGE = 'x'.repeat(limits.inlineValueBytes + 3 * limits.pageBytes);
const NO_ROOM = /^full: the disks of too many storage nodes are full$/;

describe.each([{ express: false }, { express: true }])('full disks ($express on the express lane)', ({ express }) => {
  let quorum: LocalQuorum;
  let proxy: LocalProxy;
  beforeEach(() => {
    quorum = new LocalQuorum({ express });
    proxy = quorum.proxy();
  });

  async function fill(...nodes: number[]): Promise<void> {
    for (const node of nodes) quorum.setFree(node, RESERVE_BYTES - 1);
    await quorum.pass(limits.diskCheckMs + 1);
  }

  async function empty(...nodes: number[]): Promise<void> {
    for (const node of nodes) quorum.setFree(node, 2 * RESERVE_BYTES);
    await quorum.pass(limits.diskCheckMs + limits.diskFullMemoryMs + 1);
  }

  it('of one zone cost nothing: the others take the write', async () => {
    await proxy.do('k', set('old'));
    await fill(2);
    expect(await proxy.do('k', set('longer'))).toBe('OK');
    expect(await proxy.do('new', set('value'))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('longer');
    expect(quorum.stored(2, 'new')).toBeNull();
    expect(quorum.stored(3, 'new')).not.toBeNull();
  });

  it('of two zones refuse what grows, and nothing was changed by it', async () => {
    await proxy.do('k', set('old'));
    await fill(1, 2);
    for (let i = 0; i < 5; i++) {
      expect(await proxy.fails('k', set('longer'))).toMatch(NO_ROOM);
      expect(await proxy.fails('new', set('value'))).toMatch(NO_ROOM);
      expect(await proxy.fails('k', appendText('!'))).toMatch(NO_ROOM);
      expect(await quorum.proxy().do('k', GET)).toBe('old');
      expect(await quorum.proxy().do('new', GET)).toBeNull();
    }
    expect(proxy.counter('uncertain') + proxy.counter('unavailable')).toBe(0);
  });

  it('of two zones let through what reads, deletes or does not grow', async () => {
    await proxy.do('k', set('old'));
    await proxy.do('n', set('7'));
    await fill(1, 2);
    expect(await proxy.do('k', GET)).toBe('old');
    expect(await proxy.do('k', set('new'))).toBe('OK');
    expect(await proxy.do('n', INCR)).toBe(8);
    expect(await proxy.do('k', expireAt(quorum.clock.wallMs() + 60_000))).toBe(1);
    expect(await proxy.do('k', set('nope', { nx: true }))).toBeNull();
    expect(await proxy.do('k', DEL)).toBe(1);
    expect(await proxy.do('k', DEL)).toBe(0);
    expect(quorum.stored(1, 'k')?.state.header.kind).toBe(StateKind.dead);
  });

  it('are asked again soon, and take writes when they have room', async () => {
    await fill(1, 2, 3);
    expect(await proxy.fails('k', set('value'))).toMatch(NO_ROOM);
    await empty(1, 2, 3);
    expect(await proxy.do('k', set('value'))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('value');
  });

  it('are not asked by every write: a proxy remembers for a while', async () => {
    await fill(1, 2);
    expect(await proxy.fails('k1', set('value'))).toMatch(NO_ROOM);
    const commits = proxy.commitsSent();
    for (let i = 0; i < 20; i++) expect(await proxy.fails(`more ${i}`, set('value'))).toMatch(NO_ROOM);
    expect(proxy.commitsSent()).toBe(commits);
  });

  it('refuse large values before their pages, and keep the old one', async () => {
    await proxy.do('k', set('old'));
    await fill(1, 2);
    expect(await proxy.fails('k', set(LARGE))).toMatch(NO_ROOM);
    expect(await proxy.do('k', GET)).toBe('old');
    expect(proxy.counter('uncertain')).toBe(0);
  });

  it('let a deletion through that waits behind what grows', async () => {
    await proxy.do('k', set('old'));
    await fill(1, 2);
    const larger = proxy.fails('k', set('longer'));
    const gone = proxy.do('k', DEL);
    const after = proxy.fails('k', set('again, longer'));
    expect(await larger).toMatch(NO_ROOM);
    expect(await gone).toBe(1);
    expect(await after).toMatch(NO_ROOM);
    expect(await quorum.proxy().do('k', GET)).toBeNull();
  });

  it('of one zone while another is down refuse soon, and nothing is left that cannot be read', async () => {
    await proxy.do('k', set('old'));
    await fill(1);
    quorum.takeDown(2);
    expect(await proxy.do('k', set('longer'))).toBe('OK');
    expect(await proxy.fails('k', set('longer still'))).toMatch(NO_ROOM);
    expect(await proxy.fails('new', set('value'))).toMatch(NO_ROOM);
    expect(await proxy.do('k', GET)).toBe('longer');
    expect(await proxy.do('k', DEL)).toBe(1);
  });

  it('that fail writes although there seemed to be room: refused as well, once it is known what came of them', async () => {
    await proxy.do('k', set('old'));
    quorum.engine(1).fail('write', 'full');
    quorum.engine(2).fail('write', 'full');
    const running = proxy.start('k', set('longer'));
    await quorum.pass(100);
    expect(running.outcome).toBeNull();
    for (const node of [1, 2]) quorum.engine(node).fail('write', null);
    await quorum.pass(1_000, () => running.outcome !== null);
    expect(running.outcome).toMatchObject({ ok: false, failure: { kind: 'full' } });
    expect(await proxy.do('k', GET)).toBe('old');
    await quorum.pass(limits.diskFullMemoryMs);
    expect(await proxy.do('k', set('longer'))).toBe('OK');
  });
});

describe('a full node', () => {
  it('says so to each record of a message about many', async () => {
    const quorum = new LocalQuorum({ express: true });
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    quorum.setFree(3, 0);
    await quorum.pass(limits.diskCheckMs + 1);
    const before = proxy.sent.get(MessageType.commit) ?? 0;
    expect(await proxy.do('k', set('longer'))).toBe('OK');
    expect(proxy.sent.get(MessageType.commit) ?? 0).toBe(before);
    expect(quorum.stored(3, 'k')?.state.header.sizeBytes).toBe(3);
  });
});
