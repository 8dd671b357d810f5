import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { deadFromAbsent } from '../quorum/lineage.ts';
import type { Ballot } from '../record/ballot.ts';
import { readBallot } from '../record/bytes.ts';
import { droppedPageKey, supersededPages, VOID_MARK } from '../record/record-id.ts';
import type { PageId, PageManifest } from '../record/state.ts';
import { type AckResponse, MessageType, type Response, type SealedPage } from '../rpc/messages.ts';
import { addressOf, commit, ID, NodeKit, OTHER_ID, pageIdOf, read } from './testing/node-kit.ts';

const ACK: AckResponse = { type: MessageType.ack, nextRecorded: false };
const STALE: Response = { type: MessageType.stale };
const STORED: Response = { type: MessageType.pagesStored };
const fault = (kind: string) => ({ type: MessageType.fault, fault: kind });
const idsOf = (pageIds: readonly PageId[] | null): Response => ({ type: MessageType.pageIds, pageIds });

const page = (index: number): SealedPage => ({ pageId: pageIdOf(index), sealed: Buffer.from(`page ${index}`) });
const put = (...indexes: number[]) =>
  ({ type: MessageType.putPages, address: addressOf(ID), pages: indexes.map(page) }) as const;
const get = (...indexes: number[]) =>
  ({ type: MessageType.getPages, address: addressOf(ID), pageIds: indexes.map(pageIdOf) }) as const;
const missing = (...indexes: number[]) =>
  ({ type: MessageType.missingPages, address: addressOf(ID), pageIds: indexes.map(pageIdOf) }) as const;
const list = (ifOrigin: Ballot) => ({ type: MessageType.listPages, address: addressOf(ID), ifOrigin }) as const;

function manifest(complete: boolean, ...added: number[]): PageManifest {
  return { complete, added: added.map(pageIdOf), dropped: [] };
}

describe('pages', () => {
  it('are stored, and given back in the order asked for', () => {
    const kit = new NodeKit();
    expect(kit.ask(put(1, 2))).toEqual(STORED);
    expect(kit.ask(get(2, 9, 1))).toEqual({
      type: MessageType.pages,
      pages: [Buffer.from('page 2'), null, Buffer.from('page 1')],
    });
    expect(kit.ask(missing(1, 7, 2, 8))).toEqual(idsOf([pageIdOf(7), pageIdOf(8)]));
    expect(kit.ask({ ...get(1), address: addressOf(OTHER_ID) })).toMatchObject({ pages: [null] });
  });

  it('of which few are looked for are read, and else all are listed', () => {
    const before = new NodeKit();
    const there = Array.from({ length: limits.pagesLookedUp }, (_, i) => i + 1);
    before.ask(put(...there));
    const { engine, store, clock } = before;
    for (const [asked, call] of [
      [there, `get ${there.length}`],
      [[...there, 99], 'scan'],
    ] as const) {
      const kit = new NodeKit({ engine, store, clock });
      expect(kit.ask(missing(...asked))).toEqual(idsOf(asked.filter((i) => i === 99).map(pageIdOf)));
      expect(new Set(engine.calls)).toEqual(new Set([call]));
      engine.calls.length = 0;
      // What is known to be there is not looked for again.
      expect(kit.ask(missing(...there, 77))).toEqual(idsOf([pageIdOf(77)]));
      expect(engine.calls).toEqual(['get 1']);
    }
  });

  it('that are damaged are there', () => {
    const before = new NodeKit();
    before.ask(put(1));
    const kit = new NodeKit({ engine: before.engine, store: before.store, clock: before.clock });
    kit.engine.fail('get', 'corrupt');
    expect(kit.ask(missing(1, 2))).toEqual(idsOf([pageIdOf(2)]));
  });

  it('are acknowledged when their batch is durable', () => {
    const kit = new NodeKit({ fsync: 'always' });
    kit.engine.hold('write', 'sync');
    const [call] = kit.send(put(1));
    kit.engine.flow('write');
    expect(call?.response).toBeNull();
    kit.engine.flow('sync');
    expect(call?.response).toEqual(STORED);
  });

  it('that could not be written are a fault, and no COMMIT counts on them', () => {
    const kit = new NodeKit();
    kit.engine.fail('write', 'full');
    expect(kit.ask(put(1))).toMatchObject(fault('full'));
    kit.engine.fail('write', null);
    expect(kit.ask(commit(kit.ballot(), { pages: manifest(true, 1) }))).toEqual(STALE);
  });

  it('none at all are stored at once', () => {
    expect(new NodeKit().ask(put())).toEqual(STORED);
  });

  it('that cannot be read are a fault', () => {
    const kit = new NodeKit();
    kit.ask(put(1));
    kit.engine.fail('get', 'io');
    kit.engine.fail('scan', 'io');
    expect(kit.ask(get(1))).toMatchObject(fault('io'));
    expect(kit.ask(missing(1))).toMatchObject(fault('io'));
  });
});

describe('COMMIT of a paged value', () => {
  it('is taken by a node that has its pages, and is stale on one that lacks any', () => {
    const kit = new NodeKit();
    kit.ask(put(1));
    expect(kit.ask(commit(kit.ballot(), { pages: manifest(true, 1, 2) }))).toEqual(STALE);
    expect(kit.ask(read())).toMatchObject({ state: null });
    kit.ask(put(2));
    expect(kit.ask(commit(kit.ballot(), { pages: manifest(true, 1, 2) }))).toEqual(ACK);
  });

  it('that adds to a base is stale where another base is held', () => {
    const kit = new NodeKit();
    const first = kit.ballot();
    kit.ask(put(1));
    kit.ask(commit(first, { pages: manifest(true, 1) }));
    kit.ask(put(2));
    const onOther = commit(kit.ballot(5), { pages: manifest(false, 2), baseOrigin: kit.ballot(-3) });
    expect(kit.ask(onOther)).toEqual(STALE);
    expect(kit.ask({ ...onOther, baseOrigin: first })).toEqual(ACK);
  });

  it('is judged by the disk again after a restart: asking which are missing makes them known', () => {
    const before = new NodeKit();
    before.ask(put(1));
    const kit = new NodeKit({ engine: before.engine, store: before.store, clock: before.clock });
    const above = { time: before.acceptor.ceilingUs + 1, proposer: 1 };
    expect(kit.ask(commit(above, { pages: manifest(true, 1) }))).toEqual(STALE);
    expect(kit.ask(missing(1))).toEqual(idsOf([]));
    expect(kit.ask(commit(above, { pages: manifest(true, 1) }))).toEqual(ACK);
  });

  it('marks the pages that it ceases to list, for the sweep', () => {
    const kit = new NodeKit();
    const first = kit.ballot();
    kit.ask(put(1));
    kit.ask(commit(first, { pages: manifest(true, 1) }));
    const second = kit.ballot(1);
    const pages = { complete: false, added: [], dropped: [pageIdOf(4)] };
    expect(kit.ask(commit(second, { baseOrigin: first, pages }))).toEqual(ACK);
    expect(markAt(kit, pageIdOf(4))).toEqual(second);
    const third = kit.ballot(2);
    kit.ask(commit(third));
    expect(markAt(kit, supersededPages(third))).toEqual(third);
  });

  it('marks nothing for an intent: what is proposed and what is there are both in use', () => {
    const kit = new NodeKit();
    const first = kit.ballot();
    kit.ask(put(1));
    kit.ask(commit(first, { pages: manifest(true, 1) }));
    const second = kit.ballot(1);
    const request = commit(second);
    const present = { header: deadFromAbsent(0, 1), meta: Buffer.alloc(0), value: Buffer.alloc(0) };
    const intent = { transaction: ID, shard: 0, ballot: second, records: [], proposed: request.state, pages: null };
    expect(kit.ask({ ...request, state: { ...present, intent } })).toEqual(ACK);
    for (const ballot of [first, second]) expect(markAt(kit, supersededPages(ballot))).toBeNull();
    // Taken back, nothing of what was there before is left: it was never chosen.
    const third = kit.ballot(2);
    expect(kit.ask({ ...request, ballot: third, state: present })).toEqual(ACK);
  });

  it('notes that older marks are void where another node names pages of older writes', () => {
    const kit = new NodeKit();
    kit.ask(put(1));
    const ballot = kit.ballot(7);
    kit.ask(commit(ballot, { pages: manifest(true, 1) }));
    expect(markAt(kit, VOID_MARK)).toEqual(ballot);
  });
});

function markAt(kit: NodeKit, pageId: PageId): Ballot | null {
  const bytes = kit.engine.stored(droppedPageKey(0, ID, pageId));
  return bytes === null ? null : readBallot(bytes, 0);
}

describe('a list of pages', () => {
  it('is of the state with that origin, or none', () => {
    const kit = new NodeKit();
    const ballot = kit.ballot();
    expect(kit.ask(list(ballot))).toEqual(idsOf(null));
    kit.ask(put(2, 1));
    kit.ask(commit(ballot, { pages: manifest(true, 1, 2) }));
    expect(kit.ask(list(ballot))).toEqual(idsOf([pageIdOf(1), pageIdOf(2)]));
    expect(kit.ask(list(kit.ballot(1)))).toEqual(idsOf(null));
  });

  it('is also of the state before, as long as its pages are surely there', () => {
    const kit = new NodeKit();
    const before = kit.ballot();
    kit.ask(put(1, 2));
    kit.ask(commit(before, { pages: manifest(true, 1) }));
    kit.clock.advance(1);
    const now = kit.ballot();
    kit.ask(commit(now, { baseOrigin: before, pages: { ...manifest(false, 2), dropped: [pageIdOf(1)] } }));
    expect(kit.ask(list(before))).toEqual(idsOf([pageIdOf(1), pageIdOf(2)]));
    kit.clock.advance(limits.purgeAfterMs / 2);
    expect(kit.ask(list(before))).toEqual(idsOf(null));
    expect(kit.ask(list(now))).toEqual(idsOf([pageIdOf(1), pageIdOf(2)]));
  });

  it('rests on the state: it waits for that to be durable, and fails with it', () => {
    for (const failure of [undefined, 'full'] as const) {
      const kit = new NodeKit();
      kit.ask(put(1));
      kit.engine.hold('write');
      const ballot = kit.ballot();
      kit.send(commit(ballot, { pages: manifest(true, 1) }));
      const [call] = kit.send(list(ballot));
      expect(call?.response).toBeNull();
      kit.engine.release('write', failure);
      expect(call?.response).toMatchObject(failure === undefined ? idsOf([pageIdOf(1)]) : fault(failure));
    }
  });

  it('made while the batch of its state fails is a fault, not the end of the process', () => {
    const kit = new NodeKit();
    kit.ask(put(1));
    kit.engine.hold('write', 'scan');
    const ballot = kit.ballot();
    kit.send(commit(ballot, { pages: manifest(true, 1) }));
    const [call] = kit.send(list(ballot));
    kit.engine.release('write', 'full');
    kit.engine.flow('scan');
    expect(call?.response).toMatchObject(fault('io'));
  });
});
