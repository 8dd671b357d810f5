import { describe, expect, it } from 'vitest';
import { SystemRandom } from '../base/system-random.ts';
import type { Ballot } from '../record/ballot.ts';
import { MessageType } from '../rpc/messages.ts';
import { WRITE_BACK } from './record-change.ts';
import { Repair, type RepairLink, type RepairOutcome, type RepairOwner } from './repair.ts';
import { ADDRESS, roundKit, stateOf } from './testing/round-kit.ts';

const MADE: Ballot = { time: 5, proposer: 1 };
const NEXT: Ballot = { time: 6, proposer: 1 };

/** A repair that begins with this link, at 10 ms; what it sends first, to how many nodes. */
function begun(link: Partial<RepairLink>) {
  const kit = roundKit();
  kit.clock.advance(10);
  const outcomes: RepairOutcome[] = [];
  const owner = {
    ...{ clock: kit.clock, random: new SystemRandom(), rounds: kit, counters: kit.counters },
    map: { current: { namespaces: { 0: { generation: 1 } } } },
    nodesOf: () => [1, 2, 3],
    onClockBroken: () => {},
  };
  const repair = new Repair(owner as unknown as RepairOwner, ADDRESS, WRITE_BACK, (outcome) => outcomes.push(outcome));
  const base = { accepted: MADE, state: stateOf(MADE), differ: false, holders: [], sawCorrupt: false };
  repair.begin({ ballot: NEXT, base, address: { ...ADDRESS }, untilMs: 11, ...link });
  return { kit, repair, outcomes, types: kit.transport.open.map(({ request }) => request.type) };
}

describe('a repair of a record that its proposer has just written', () => {
  it('begins with COMMIT under the ballot that was promised then', () => {
    const { kit, outcomes } = begun({});
    const { commit } = MessageType;
    expect(kit.transport.open.map(({ nodeId, request }) => [nodeId, request])).toMatchObject(
      [1, 2, 3].map((node) => [node, { type: commit, ballot: NEXT, baseOrigin: MADE, state: stateOf(MADE) }]),
    );
    kit.transport.answer(1, { type: MessageType.ack, nextRecorded: false });
    kit.transport.answer(3, { type: MessageType.ack, nextRecorded: false });
    expect(outcomes).toEqual(['written']);
  });

  it('begins with PREPARE once that is too old, or under other epochs', () => {
    const prepares = [MessageType.prepare, MessageType.prepare];
    expect(begun({ untilMs: 10 }).types).toEqual(prepares);
    expect(begun({ address: { ...ADDRESS, shardEpoch: 2 } }).types).toEqual(prepares);
    expect(begun({ address: { ...ADDRESS, namespaceEpoch: 2 } }).types).toEqual(prepares);
  });

  it('prepares when somebody else was promised more', () => {
    const { kit, repair, outcomes } = begun({});
    const reject = { type: MessageType.reject, ballot: { time: 9, proposer: 2 }, floor: MADE } as const;
    kit.transport.answer(1, reject);
    kit.transport.answer(2, reject);
    for (let i = 0; i < 10; i++) {
      kit.clock.advance(5);
      repair.onTick(kit.clock.monotonicMs());
    }
    const asked = kit.transport.open.filter(({ request }) => request.type === MessageType.prepare);
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(asked.every(({ request }) => 'ballot' in request && request.ballot.time > 9)).toBe(true);
    expect(outcomes).toEqual([]);
    expect([kit.counters.get('chain-continued'), kit.counters.get('chain-refused')]).toEqual([1, 1]);
    expect(kit.counters.get('commit-refused')).toBe(0);
  });
});
