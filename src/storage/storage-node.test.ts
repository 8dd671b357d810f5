import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { withRaisedGenerations } from '../cluster/cluster-map.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { recordKey } from '../record/record-id.ts';
import type { SealedState } from '../record/state.ts';
import { type AckResponse, MessageType, type NodeStatus, type Response, Want } from '../rpc/messages.ts';
import { HeldEngine } from './testing/held-engine.ts';
import {
  addressOf,
  commit,
  ID,
  NodeKit,
  OTHER_ID,
  prepare,
  read,
  stateWith,
  TEST_MAP,
  type TestCall,
} from './testing/node-kit.ts';

const ACK: AckResponse = { type: MessageType.ack, nextRecorded: false };
const KEY = recordKey(0, ID);

const fault = (kind: string) => ({ type: MessageType.fault, fault: kind });
const rejected = (ballot: Ballot) => ({ type: MessageType.reject, ballot });
const holds = (ballot: Ballot) => ({ type: MessageType.state, accepted: ballot, state: stateWith(ballot) });
const ABSENT: Response = { type: MessageType.state, accepted: NO_BALLOT, state: null };

function statusOf(kit: NodeKit): NodeStatus | null {
  const response = kit.ask({ type: MessageType.nodeStatus });
  return response?.type === MessageType.status ? response.status : null;
}

describe('storage node: a record', () => {
  it('is absent, then what was committed, in as much as is wanted', () => {
    const kit = new NodeKit();
    const ballot = kit.ballot();
    expect(kit.ask(read())).toEqual(ABSENT);
    expect(kit.ask(commit(ballot))).toEqual(ACK);
    expect(kit.ask(read())).toEqual(holds(ballot));
    expect(kit.ask(read(ID, Want.nothing))).toEqual({ type: MessageType.state, accepted: ballot, state: null });
    expect(kit.ask(read(ID, Want.meta))).toMatchObject({ state: { meta: stateWith(ballot).meta, value: null } });
  });

  it('is sent only if it is still the one asked for', () => {
    const kit = new NodeKit();
    const ballot = kit.ballot();
    kit.ask(commit(ballot));
    expect(kit.ask(read(ID, Want.full, ballot))).toEqual(holds(ballot));
    expect(kit.ask(read(ID, Want.full, kit.ballot(-1)))).toMatchObject({ accepted: ballot, state: null });
  });

  it('comes from the disk once, the reads of one frame together', () => {
    const kit = new NodeKit();
    kit.send(read(), read(OTHER_ID), read());
    expect(kit.engine.calls).toEqual(['get 2']);
    kit.send(read(), read(OTHER_ID));
    expect(kit.engine.calls).toEqual(['get 2']);
  });

  it('is read again from the disk when the cache has dropped it', () => {
    const kit = new NodeKit({ cacheBytes: 0 });
    const ballot = kit.ballot();
    kit.ask(commit(ballot));
    for (let i = 0; i < 3; i++) kit.ask(read(`another record ${i}`));
    expect(kit.ask(read())).toEqual(holds(ballot));
    expect(kit.engine.calls.filter((call) => call.startsWith('get')).length).toBe(5);
  });

  it('is not kept by an address that found it, once the cache has dropped it', () => {
    const kit = new NodeKit({ cacheBytes: 1_000 });
    kit.ask(commit(kit.ballot()));
    const found = read();
    expect(kit.ask(found)).toMatchObject({ state: { value: expect.anything() } });
    const slot = found.address.memo1;
    expect(slot).toMatchObject({ state: { value: expect.anything() } });
    for (let i = 0; i < 10; i++) kit.ask(read(`another record ${i}`.slice(0, 16)));
    expect(slot).toMatchObject({ state: null });
  });

  it('keeps the order of calls that came while it was loaded', () => {
    const kit = new NodeKit();
    kit.engine.hold('get');
    const ballot = kit.ballot(1);
    const calls = [
      ...kit.send(read()),
      ...kit.send(prepare(ballot), commit(ballot)),
      ...kit.send(read(), prepare(ballot)),
    ];
    expect(calls.every((call) => call.response === null)).toBe(true);
    kit.engine.flow('get');
    kit.clock.flushTurn();
    expect(calls.map((call) => call.response)).toMatchObject([
      ABSENT,
      { type: MessageType.promise, accepted: NO_BALLOT },
      ACK,
      holds(ballot),
      rejected(ballot),
    ]);
    expect(kit.engine.calls.filter((call) => call.startsWith('get'))).toEqual(['get 1']);
  });

  it('is acknowledged to a resend, with next promised again', () => {
    const kit = new NodeKit();
    const request = commit(kit.ballot(), { next: kit.ballot(5) });
    expect(kit.ask(request)).toEqual({ ...ACK, nextRecorded: true });
    expect(kit.ask(request)).toEqual({ ...ACK, nextRecorded: true });
    expect(kit.ask(prepare(kit.ballot(4)))).toMatchObject(rejected(kit.ballot(5)));
    expect(kit.engine.calls.filter((call) => call.startsWith('write'))).toEqual(['write 1']);
  });

  it('is accepted although next lies above the ceiling, which the answer says', () => {
    const kit = new NodeKit();
    const next = kit.ballot(limits.ceilingAheadMs * 1000 + 1);
    expect(kit.ask(commit(kit.ballot(), { next }))).toEqual({ ...ACK, nextRecorded: false });
    expect(kit.ask(prepare(kit.ballot(1)))).toMatchObject({ type: MessageType.promise });
  });
});

describe('storage node: durability', () => {
  it('keeps back what rests on a batch that is not written', () => {
    const kit = new NodeKit();
    kit.engine.hold('write');
    const ballot = kit.ballot();
    const calls = kit.send(commit(ballot), read(), prepare(kit.ballot(1)), commit(ballot));
    expect(calls.map((call) => call.response)).toEqual([null, null, null, null]);
    // A refusal rests on nothing.
    expect(kit.ask(prepare(kit.ballot(-1)))).toMatchObject({ type: MessageType.reject });
    kit.engine.flow('write');
    expect(calls.map((call) => call.response)).toMatchObject([ACK, holds(ballot), { type: MessageType.promise }, ACK]);
  });

  it('under fsync always, waits for the disk, for reads and promises too', () => {
    const kit = new NodeKit({ fsync: 'always' });
    kit.engine.hold('sync');
    const calls = kit.send(commit(kit.ballot()), read(), prepare(kit.ballot(1)));
    expect(kit.engine.waiting('sync')).toBe(1);
    expect(calls.map((call) => call.response)).toEqual([null, null, null]);
    kit.engine.flow('sync');
    expect(calls.every((call) => call.response !== null)).toBe(true);
  });

  it('goes back to what the disk holds when a write fails, and stands by the promise', () => {
    const kit = new NodeKit();
    const first = kit.ballot();
    kit.ask(commit(first));
    kit.engine.fail('write', 'full');
    const second = kit.ballot(10);
    const calls = kit.send(commit(second, { text: 'lost' }), read());
    expect(calls.map((call) => call.response)).toMatchObject([fault('full'), fault('full')]);
    expect(kit.ask(read())).toEqual(holds(first));
    expect(kit.ask(prepare(kit.ballot(9)))).toMatchObject(rejected(second));
    kit.engine.fail('write', null);
    expect(kit.ask(commit(second, { text: 'again' }))).toEqual(ACK);
    expect(kit.ask(read())).toMatchObject({ accepted: second, state: stateWith(second, 'again') });
  });

  it('does not forget an acknowledged write when the next one of the record fails', () => {
    const kit = new NodeKit();
    kit.ask(read());
    kit.engine.hold('write');
    const first = kit.ballot();
    const [firstCall] = kit.send(commit(first));
    const [secondCall] = kit.send(commit(kit.ballot(10)));
    kit.engine.release('write');
    expect(firstCall?.response).toEqual(ACK);
    kit.engine.release('write', 'full');
    expect(secondCall?.response).toMatchObject(fault('full'));
    expect(kit.ask(read())).toEqual(holds(first));
    const promise = kit.ask(prepare(kit.ballot(20)));
    expect(promise).toMatchObject({ type: MessageType.promise, accepted: first });
  });

  it('answers io faults while the disk cannot be read, and recovers', () => {
    const kit = new NodeKit();
    const ballot = kit.ballot();
    kit.ask(commit(ballot));
    const again = new NodeKit({ engine: kit.engine, store: kit.store, clock: kit.clock });
    kit.engine.fail('get', 'io');
    const calls = again.send(read(), commit(kit.ballot(limits.ceilingAheadMs * 1000)));
    expect(calls.map((call) => call.response)).toMatchObject([fault('io'), fault('io')]);
    kit.engine.fail('get', null);
    expect(again.ask(read())).toEqual(holds(ballot));
  });

  it('answers what is in flight when it stops, and then nothing', () => {
    const kit = new NodeKit({ fsync: 'everysec' });
    kit.engine.hold('write');
    const [call] = kit.send(commit(kit.ballot()));
    let stopped = false;
    kit.node.stop(() => {
      stopped = true;
    });
    expect(kit.ask(read())).toMatchObject(fault('io'));
    kit.clock.advance(50);
    expect(stopped).toBe(false);
    kit.engine.flow('write');
    kit.clock.advance(50);
    expect([stopped, call?.response]).toEqual([true, ACK]);
    expect(kit.engine.calls.at(-1)).toBe('sync');
  });
});

describe('storage node: ceiling and restart', () => {
  it('is not ready before its first ceiling is durable', () => {
    const store = new NodeKit().store;
    store.held = true;
    const kit = new NodeKit({ store });
    expect(kit.ready).toBe(false);
    store.release();
    expect(kit.ready).toBe(true);
  });

  it('answers a ballot above the ceiling once that is raised', () => {
    const kit = new NodeKit();
    kit.store.held = true;
    const above = kit.ballot(limits.ceilingAheadMs * 1000 + 10);
    const calls = kit.send(prepare(above), commit(above, { id: OTHER_ID }));
    expect(calls.map((call) => call.response)).toEqual([null, null]);
    kit.store.release();
    kit.clock.flushTurn();
    expect(calls.map((call) => call.response)).toMatchObject([{ type: MessageType.promise }, ACK]);
    expect(kit.store.ceilingUs).toBeGreaterThanOrEqual(above.time);
  });

  it('answers an io fault if the ceiling cannot be written, and promises nothing', () => {
    const kit = new NodeKit();
    kit.store.failing = true;
    const above = kit.ballot(limits.ceilingAheadMs * 1000 + 10);
    const calls = kit.send(prepare(above), commit(above, { id: OTHER_ID }));
    expect(calls.map((call) => call.response)).toMatchObject([fault('io'), fault('io')]);
    expect(kit.ask(prepare(kit.ballot(5)))).toMatchObject({ type: MessageType.promise });
  });

  it('takes a COMMIT however far above, and answers CLOCK to such a PREPARE', () => {
    const kit = new NodeKit();
    const far = kit.ballot(3_600_000_000);
    expect(kit.ask(prepare(far))).toMatchObject({ type: MessageType.clock, clockUs: kit.clock.wallUs() });
    expect(kit.ask(commit(far, { id: OTHER_ID }))).toEqual(ACK);
  });

  it('stands after a restart by all that it may have promised, and has its data', () => {
    const before = new NodeKit();
    const ballot = before.ballot();
    before.ask(commit(ballot));
    before.ask(prepare(before.ballot(100), OTHER_ID));
    const after = new NodeKit({ engine: before.engine, store: before.store, clock: before.clock });
    const ceilingUs = before.acceptor.ceilingUs;
    expect(after.node.hello().floor).toMatchObject({ time: ceilingUs });
    expect(after.ask(read())).toEqual(holds(ballot));
    const late = { time: ceilingUs, proposer: 7 };
    expect(after.ask(commit(before.ballot(99), { id: OTHER_ID }))).toMatchObject({ type: MessageType.reject });
    expect(after.ask(prepare(late))).toMatchObject({ floor: after.node.hello().floor });
    expect(after.ask(prepare({ time: ceilingUs + 1, proposer: 0 }))).toMatchObject({ type: MessageType.promise });
  });
});

describe('storage node: epochs', () => {
  const next = withRaisedGenerations(TEST_MAP, [0]);
  const adopt = { type: MessageType.adoptMap, map: encodeClusterMap(next) } as const;

  it('refuses other epochs, shards that it does not hold and namespaces that are not there', () => {
    const kit = new NodeKit();
    const refusal = { type: MessageType.epoch, mapEpoch: 1 };
    for (const change of [{ shardEpoch: 2 }, { namespaceEpoch: 0 }, { shard: 99 }, { namespace: 99 }]) {
      const address = addressOf(ID, change);
      expect(kit.ask({ ...read(), address })).toEqual(refusal);
      expect(kit.ask({ ...prepare(kit.ballot()), address })).toEqual(refusal);
      expect(kit.ask({ ...commit(kit.ballot()), address })).toEqual(refusal);
      expect(kit.ask({ type: MessageType.getPages, address, pageIds: [] })).toEqual(refusal);
    }
    expect(kit.engine.calls).toEqual([]);
  });

  it('adopts a newer map once it is durable, and then refuses the old epoch', () => {
    const kit = new NodeKit();
    kit.store.held = true;
    const [call] = kit.send(adopt);
    expect(kit.ask(read())).toEqual(ABSENT);
    expect(call?.response).toBeNull();
    kit.store.release();
    expect(call?.response).toEqual({ type: MessageType.mapAdopted, mapEpoch: 2 });
    expect(kit.store.map).toBe(adopt.map);
    expect(kit.node.hello().mapEpoch).toBe(2);
    expect(kit.ask(read())).toEqual({ type: MessageType.epoch, mapEpoch: 2 });
    expect(kit.ask({ ...read(), address: addressOf(ID, { namespaceEpoch: 2 }) })).toEqual(ABSENT);
  });

  it('answers its own epoch to an older map, and refuses what is no map of this cluster', () => {
    const kit = new NodeKit();
    kit.ask(adopt);
    const old = { type: MessageType.adoptMap, map: encodeClusterMap(TEST_MAP) } as const;
    expect(kit.ask(old)).toEqual({ type: MessageType.mapAdopted, mapEpoch: 2 });
    expect(kit.store.map).toBe(adopt.map);
    const foreign = encodeClusterMap({ ...next, clusterId: 'another', epoch: 9 });
    expect(kit.ask({ type: MessageType.adoptMap, map: foreign })).toMatchObject(fault('malformed'));
    expect(kit.ask({ type: MessageType.adoptMap, map: 'nonsense' })).toMatchObject(fault('malformed'));
  });

  it('stays where it is when a map cannot be written', () => {
    const kit = new NodeKit();
    kit.store.failing = true;
    expect(kit.ask(adopt)).toMatchObject(fault('io'));
    expect(kit.ask(read())).toEqual(ABSENT);
  });

  it('looks at the epochs again after a call has waited for the ceiling', () => {
    const kit = new NodeKit();
    kit.store.held = true;
    const [call] = kit.send(prepare(kit.ballot(limits.ceilingAheadMs * 1000 + 10)));
    kit.send(adopt);
    kit.store.release();
    // The ceiling came first here; what comes after the map is refused.
    expect(call?.response).toMatchObject({ type: MessageType.promise });
    kit.store.held = true;
    const [late] = kit.send(prepare(kit.ballot(limits.ceilingAheadMs * 3000)));
    expect(late?.response).toEqual({ type: MessageType.epoch, mapEpoch: 2 });
  });
});

describe('storage node: corrupt bytes', () => {
  function damaged(): NodeKit {
    const before = new NodeKit();
    before.ask(commit(before.ballot()));
    before.ask(commit(before.ballot(), { id: OTHER_ID }));
    const bytes = Buffer.from(before.engine.stored(KEY) ?? '');
    bytes[bytes.length - 8] = (bytes[bytes.length - 8] ?? 0) ^ 1;
    before.engine.plant(KEY, bytes);
    const kit = new NodeKit({ engine: before.engine, store: before.store, clock: before.clock });
    return kit;
  }

  it('are reported, never served, and counted once', () => {
    const kit = damaged();
    const above = kit.ballot(limits.ceilingAheadMs * 1000);
    const calls = kit.send(read(), prepare(above), read(OTHER_ID));
    expect(calls.map((call) => call.response)).toMatchObject([
      fault('corrupt'),
      fault('corrupt'),
      { type: MessageType.state, state: stateWith(kit.ballot()) },
    ]);
    kit.ask(read());
    expect(statusOf(kit)?.corruptRecords).toBe(1);
  });

  it('are replaced only by a COMMIT above all that may have been accepted there', () => {
    const kit = damaged();
    const bar = { time: kit.acceptor.ceilingUs, proposer: 0xffff_ffff };
    expect(kit.ask(commit(kit.ballot(50)))).toMatchObject(rejected(bar));
    kit.clock.advance(1);
    const repair = { time: bar.time + 1, proposer: 1 };
    expect(kit.ask(commit(repair, { origin: kit.ballot(-1_000), text: 'repaired' }))).toEqual(ACK);
    expect(kit.ask(read())).toMatchObject({ accepted: repair, state: stateWith(kit.ballot(-1_000), 'repaired') });
    const again = new NodeKit({ engine: kit.engine, store: kit.store, clock: kit.clock });
    expect(again.ask(read())).toMatchObject({ accepted: repair });
  });

  it('found by the engine fail no other record of the same read', () => {
    const kit = new NodeKit();
    kit.ask(commit(kit.ballot(), { id: OTHER_ID }));
    const engine = new BlockDamagedEngine(kit.engine, KEY);
    const again = new NodeKit({ engine, store: kit.store, clock: kit.clock });
    const calls = again.send(read(), read(OTHER_ID));
    expect(calls.map((call) => call.response)).toMatchObject([fault('corrupt'), { type: MessageType.state }]);
    const repair = { time: again.acceptor.ceilingUs + 1, proposer: 1 };
    expect(again.ask(commit(repair))).toEqual(ACK);
    expect(again.ask(read())).toEqual(holds(repair));
  });
});

describe('storage node: large values that are not in memory', () => {
  const VALUE = Buffer.alloc(5_000, 'x');

  function stateOf(ballot: Ballot): SealedState {
    return { ...stateWith(ballot, 'short'), value: VALUE };
  }

  function write(kit: NodeKit, ballot: Ballot, id = ID): void {
    kit.ask({ ...commit(ballot, { id }), state: stateOf(ballot) });
  }

  /** A node that knows many records, and has the values of a few. */
  function busy(): { readonly kit: NodeKit; readonly ballot: Ballot } {
    const kit = new NodeKit({ cacheBytes: 60_000 });
    const ballot = kit.ballot();
    write(kit, ballot);
    for (let i = 0; i < 40; i++) write(kit, ballot, `record number ${10 + i}`);
    kit.send();
    kit.engine.calls.length = 0;
    return { kit, ballot };
  }

  it('are read only when they are asked for', () => {
    const { kit, ballot } = busy();
    expect(kit.ask(read(ID, Want.nothing))).toMatchObject({ accepted: ballot, state: null });
    expect(kit.ask(read(ID, Want.meta))).toMatchObject({ accepted: ballot, state: { value: null } });
    expect(kit.engine.calls).toEqual([]);
    expect(kit.ask(read(ID, Want.full))).toMatchObject({ accepted: ballot, state: stateOf(ballot) });
    expect(kit.engine.calls).toEqual(['get 1']);
    // Now it is in memory, and stays for a while.
    expect(kit.ask(read(ID, Want.full))).toMatchObject({ state: stateOf(ballot) });
    expect(kit.engine.calls).toEqual(['get 1']);
  });

  it('are not needed for what replaces them', () => {
    const { kit } = busy();
    kit.clock.advance(1);
    const next = kit.ballot();
    expect(kit.ask(prepare(next, ID, Want.meta))).toMatchObject({ type: MessageType.promise });
    expect(kit.ask(commit(next, { text: 'short' }))).toEqual(ACK);
    expect(kit.engine.calls).toEqual(['write 1']);
    expect(kit.ask(read())).toMatchObject({ accepted: next, state: stateWith(next, 'short') });
  });

  it('hold those up who come after one that asks, in their order', () => {
    const { kit, ballot } = busy();
    kit.engine.hold('get');
    kit.clock.advance(1);
    const next = kit.ballot();
    const calls = kit.send(read(), commit(next, { text: 'short' }), read());
    expect(calls.map((call) => call.response)).toEqual([null, null, null]);
    kit.engine.release('get');
    kit.clock.flushTurn();
    expect(calls.map((call) => call.response)).toMatchObject([
      { accepted: ballot, state: stateOf(ballot) },
      ACK,
      { accepted: next, state: stateWith(next, 'short') },
    ]);
  });

  it('that the disk has lost make their record corrupt for everybody', () => {
    const { kit } = busy();
    const bytes = Buffer.from(kit.engine.stored(KEY) ?? '');
    bytes[bytes.length - 8] = (bytes[bytes.length - 8] ?? 0) ^ 1;
    kit.engine.plant(KEY, bytes);
    expect(kit.ask(read())).toMatchObject(fault('corrupt'));
    expect(kit.ask(read(ID, Want.nothing))).toMatchObject(fault('corrupt'));
    expect(statusOf(kit)?.corruptRecords).toBe(1);
  });

  it('nor is an older record taken for them', () => {
    const { kit } = busy();
    const before = Buffer.from(kit.engine.stored(KEY) ?? '');
    kit.clock.advance(1);
    const next = kit.ballot();
    write(kit, next);
    for (let i = 0; i < 40; i++) write(kit, next, `record number ${10 + i}`);
    kit.send();
    kit.engine.plant(KEY, before);
    expect(kit.ask(read(ID, Want.meta))).toMatchObject({ accepted: next });
    expect(kit.ask(read())).toMatchObject(fault('corrupt'));
  });
});

/** Reads that touch one key fail, as those of a damaged block do. */
class BlockDamagedEngine extends HeldEngine {
  readonly #key: Buffer;
  readonly #sound: HeldEngine;

  constructor(sound: HeldEngine, key: Buffer) {
    super();
    this.#sound = sound;
    this.#key = key;
  }

  override getMany(...[keys, callback]: Parameters<HeldEngine['getMany']>): void {
    const damaged = keys.some((key) => key.equals(this.#key)) && this.stored(this.#key) === null;
    this.fail('get', damaged ? 'corrupt' : null);
    if (damaged) super.getMany(keys, callback);
    else this.#sound.getMany(keys, callback);
  }
}

describe('storage node: calls', () => {
  it('that are none of its requests are malformed', () => {
    const kit = new NodeKit();
    const request = { type: 99 } as unknown as TestCall['request'];
    expect(kit.ask(request)).toMatchObject(fault('malformed'));
  });

  it('ask for its status', () => {
    const kit = new NodeKit({ fsync: 'everysec' });
    kit.ask(commit(kit.ballot()));
    kit.clock.advance(300);
    expect(statusOf(kit)).toMatchObject({
      nodeId: 1,
      mapEpoch: 1,
      fsync: 'everysec',
      unsyncedMs: 300,
      corruptRecords: 0,
    });
  });
});
