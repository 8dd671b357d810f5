import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { recordKey } from '../record/record-id.ts';
import { type RecordId, StateKind } from '../record/state.ts';
import { encodeStored } from '../record/state-codec.ts';
import type { CountRecordsRequest, RecordsCountedResponse } from '../rpc/count-messages.ts';
import { MessageType } from '../rpc/messages.ts';
import { NodeKit, stateWith } from './testing/node-kit.ts';

const idOf = (index: number): RecordId => String(index).padStart(16, '0');
const BALLOT = { time: 1_000, proposer: 1 };

interface Planted {
  readonly dead?: boolean;
  readonly namespace?: number;
  readonly generation?: number;
  readonly shard?: number;
  readonly expiresAtMs?: number;
  readonly ballotTime?: number;
}

function plant(kit: NodeKit, index: number, what: Planted = {}): void {
  const ballot = { ...BALLOT, time: what.ballotTime ?? BALLOT.time };
  const state = stateWith(ballot);
  const header = {
    ...state.header,
    kind: what.dead === true ? StateKind.dead : StateKind.live,
    namespace: what.namespace ?? 0,
    generation: what.generation ?? 1,
    expiresAtMs: what.expiresAtMs ?? 0,
  };
  kit.engine.plant(recordKey(what.shard ?? 0, idOf(index)), encodeStored(ballot, { ...state, header }));
}

const wanted = (namespace: number) => ({ namespace, namespaceEpoch: 1, generation: 1 });

function count(kit: NodeKit, change: Partial<CountRecordsRequest> = {}): RecordsCountedResponse {
  const response = kit.ask({
    type: MessageType.countRecords,
    shard: 0,
    shardEpoch: 1,
    afterId: '',
    untilId: '',
    nowMs: 50_000,
    namespaces: [wanted(0), wanted(1)],
    ...change,
  });
  expect(response?.type).toBe(MessageType.recordsCounted);
  return response as RecordsCountedResponse;
}

const keysOf = ({ counts }: RecordsCountedResponse): number[] => counts.map(({ keys }) => keys);
const digestsOf = ({ counts }: RecordsCountedResponse): string[] => counts.map(({ digest }) => digest);

describe('a count of records', () => {
  it('counts live records by namespace, in its present generation, of one shard', () => {
    const kit = new NodeKit();
    for (const index of [5, 1, 3]) plant(kit, index);
    plant(kit, 2, { dead: true });
    plant(kit, 4, { namespace: 1 });
    plant(kit, 6, { generation: 2 });
    plant(kit, 7, { shard: 1 });
    plant(kit, 8, { expiresAtMs: 60_000 });
    plant(kit, 9, { expiresAtMs: 40_000 });
    const response = count(kit);
    expect(response).toMatchObject({ exhausted: true, lastId: idOf(9) });
    expect(response.counts).toMatchObject([
      { keys: 4, expires: 1, isSettled: true },
      { keys: 1, expires: 0, isSettled: true },
    ]);
    expect(keysOf(count(kit, { nowMs: 60_000 }))).toEqual([3, 1]);
    expect(keysOf(count(kit, { namespaces: [wanted(1)] }))).toEqual([1]);
  });

  it('has another digest where any live record is another one, is missing, or is there besides', () => {
    const kits = Array.from({ length: 5 }, () => new NodeKit());
    for (const kit of kits) for (let i = 0; i < 200; i++) plant(kit, i);
    const [same, other, missing, more, elsewhere] = kits;
    if (!same || !other || !missing || !more || !elsewhere) throw new Error('five kits');
    plant(same, 500, { dead: true });
    plant(other, 77, { ballotTime: 1_001 });
    plant(missing, 77, { dead: true });
    plant(more, 300);
    plant(elsewhere, 300, { namespace: 1 });
    const digests = kits.map((kit) => digestsOf(count(kit)));
    expect(new Set(digests.map(([first]) => first)).size).toBe(4);
    expect(digests[4]?.[0]).toBe(digests[0]?.[0]);
    expect(digests[4]?.[1]).not.toBe(digests[0]?.[1]);
  });

  it('looks at so many records at most, and says how far it got', () => {
    const kit = new NodeKit();
    const records = limits.scanExaminedRecords + 10;
    for (let i = 0; i < records; i++) plant(kit, i);
    const first = count(kit);
    expect(first.exhausted).toBe(false);
    const rest = count(kit, { afterId: first.lastId });
    expect(rest.exhausted).toBe(true);
    expect((keysOf(first)[0] ?? 0) + (keysOf(rest)[0] ?? 0)).toBe(records);
  });

  it('ends with `untilId`, whether or not that is there', () => {
    const kit = new NodeKit();
    for (const index of [1, 3, 5]) plant(kit, index);
    expect(count(kit, { untilId: idOf(3) })).toMatchObject({ exhausted: true, lastId: idOf(3) });
    expect(keysOf(count(kit, { untilId: idOf(3) }))).toEqual([2, 0]);
    expect(keysOf(count(kit, { untilId: idOf(4) }))).toEqual([2, 0]);
    expect(keysOf(count(kit, { afterId: idOf(1), untilId: idOf(4) }))).toEqual([1, 0]);
  });

  it('is refused under another epoch of the shard or of any of the namespaces', () => {
    const kit = new NodeKit();
    const base = { type: MessageType.countRecords, shard: 0, afterId: '', untilId: '', nowMs: 1 } as const;
    const [first, second] = [wanted(0), { ...wanted(1), namespaceEpoch: 2 }];
    expect(kit.ask({ ...base, shardEpoch: 2, namespaces: [first] })?.type).toBe(MessageType.epoch);
    expect(kit.ask({ ...base, shardEpoch: 1, namespaces: [first, second] })?.type).toBe(MessageType.epoch);
  });
});
