import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { Arrivals, type ArrivalsOwner } from './arrivals.ts';
import type { Operation } from './operation.ts';
import { RecordEntry, RecordTable } from './record-table.ts';
import type { Placement } from './task-context.ts';
import { ADDRESS } from './testing/round-kit.ts';
import { GET, type TestReply } from './testing/steps.ts';

const LONG = 'x'.repeat(limits.expressKeyBytes + 1);
const keys = fc.constantFrom('a', 'b', 'aa', 'ba', 'key:1', 'key:2', LONG);
const wanted = fc.array(fc.record({ namespace: fc.nat(1), key: keys }), { minLength: 1, maxLength: 40 });

function made() {
  const clock = new ManualClock();
  const table = new RecordTable<TestReply>(1_000_000);
  const placement: Placement = {
    address: ADDRESS,
    nodes: [1, 2, 3],
    generation: 1,
    mapEpoch: 1,
    isSwapped: false,
    joint: false,
  };
  const started: { readonly operation: Operation<TestReply>; readonly entry: RecordEntry<TestReply> | null }[] = [];
  let mapEpoch = 1;
  const owner: ArrivalsOwner<TestReply> = {
    clock,
    get mapEpoch() {
      return mapEpoch;
    },
    entryOf({ namespace }, name) {
      const known = table.find(namespace, name);
      if (known?.placement.mapEpoch === mapEpoch) return known;
      const entry = new RecordEntry<TestReply>(namespace, name, { ...placement, mapEpoch });
      table.add(entry);
      return entry;
    },
    start: (operation, entry) => void started.push({ operation, entry }),
  };
  const changeMap = (): void => void mapEpoch++;
  return { clock, table, started, changeMap, arrivals: new Arrivals(owner, table) };
}

describe('operations that arrive in one turn', () => {
  it('are started in order, each with what is remembered of its key', () => {
    fc.assert(
      fc.property(wanted, wanted, (first, second) => {
        const { table, started, changeMap, arrivals } = made();
        for (const batch of [first, second]) {
          started.length = 0;
          const operations = batch.map(({ namespace, key }) => {
            return { namespace, key: Buffer.from(key), step: GET, done() {} };
          });
          for (const operation of operations) arrivals.add(operation);
          arrivals.startAll();
          expect(started.map(({ operation }) => operation)).toEqual(operations);
          for (const { operation, entry } of started) {
            const name = operation.key.toString();
            if (name === LONG) expect(entry).toBeNull();
            else expect(entry).toBe(table.find(operation.namespace, name));
          }
          changeMap();
        }
      }),
    );
  });

  it('are started at its end, once', () => {
    const { clock, started, arrivals } = made();
    for (let i = 0; i < 3; i++) arrivals.add({ namespace: 0, key: Buffer.from('a'), step: GET, done() {} });
    expect(started.length).toBe(0);
    clock.flushTurn();
    expect(started.length).toBe(3);
    clock.flushTurn();
    expect(started.length).toBe(3);
  });
});
