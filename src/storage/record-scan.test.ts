import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { recordKey } from '../record/record-id.ts';
import { type RecordId, StateKind } from '../record/state.ts';
import { encodeStored } from '../record/state-codec.ts';
import { MessageType, Want } from '../rpc/messages.ts';
import type { ScannedResponse, ScanRequest } from '../rpc/scan-messages.ts';
import { NodeKit, stateWith } from './testing/node-kit.ts';

const idOf = (index: number): RecordId => String(index).padStart(16, '0');
const BALLOT = { time: 1_000, proposer: 1 };

interface Planted {
  readonly dead?: boolean;
  readonly namespace?: number;
  readonly generation?: number;
  readonly shard?: number;
  readonly text?: string;
}

function plant(kit: NodeKit, index: number, what: Planted = {}): void {
  const state = stateWith(BALLOT, what.text);
  const header = {
    ...state.header,
    kind: what.dead === true ? StateKind.dead : StateKind.live,
    namespace: what.namespace ?? 0,
    generation: what.generation ?? 1,
  };
  kit.engine.plant(recordKey(what.shard ?? 0, idOf(index)), encodeStored(BALLOT, { ...state, header }));
}

function scan(kit: NodeKit, change: Partial<ScanRequest> = {}): ScannedResponse {
  const response = kit.ask({
    type: MessageType.scan,
    shard: 0,
    shardEpoch: 1,
    namespace: 0,
    namespaceEpoch: 1,
    generation: 1,
    afterId: '',
    limit: 100,
    want: Want.meta,
    ...change,
  });
  expect(response?.type).toBe(MessageType.scanned);
  return response as ScannedResponse;
}

const foundIn = (response: ScannedResponse): RecordId[] => response.entries.map((entry) => entry.id);

describe('a scan', () => {
  it('finds the live records of one namespace and generation of one shard, in order', () => {
    const kit = new NodeKit();
    for (const index of [5, 1, 3]) plant(kit, index);
    plant(kit, 2, { dead: true });
    plant(kit, 4, { namespace: 1 });
    plant(kit, 6, { generation: 2 });
    plant(kit, 7, { shard: 1 });
    const response = scan(kit);
    expect(foundIn(response)).toEqual([1, 3, 5].map(idOf));
    expect(response.exhausted).toBe(true);
    expect(response.entries[0]).toEqual({
      id: idOf(1),
      accepted: BALLOT,
      state: { ...stateWith(BALLOT), value: null },
    });
    expect(foundIn(scan(kit, { namespace: 1 }))).toEqual([idOf(4)]);
  });

  it('sends no metadata where only the number is wanted', () => {
    const kit = new NodeKit();
    plant(kit, 1);
    expect(scan(kit, { want: Want.nothing }).entries[0]?.state.meta.length).toBe(0);
  });

  it('goes on behind an id, and says how far it has looked', () => {
    const kit = new NodeKit();
    for (let index = 0; index < 10; index++) plant(kit, index, { dead: index === 4 });
    const first = scan(kit, { limit: 4 });
    expect(first).toMatchObject({ lastId: idOf(3), exhausted: false });
    const second = scan(kit, { afterId: first.lastId, limit: 4 });
    expect(foundIn(second)).toEqual([5, 6, 7, 8].map(idOf));
    expect(second.lastId).toBe(idOf(8));
    const last = scan(kit, { afterId: second.lastId, limit: 4 });
    expect([foundIn(last), last.exhausted]).toEqual([[idOf(9)], true]);
  });

  it('returns after so many records, found or not', () => {
    const kit = new NodeKit();
    for (let index = 0; index < limits.scanExaminedRecords + 600; index++) plant(kit, index, { dead: true });
    const response = scan(kit);
    expect(response).toMatchObject({ entries: [], exhausted: false });
    expect(Number(response.lastId)).toBeGreaterThanOrEqual(limits.scanExaminedRecords - 1);
    expect(scan(kit, { afterId: response.lastId }).exhausted).toBe(true);
  });

  it('returns after so many bytes, so that its answer fits into a message', () => {
    const kit = new NodeKit();
    const text = 'k'.repeat(200_000);
    for (let index = 0; index < 20; index++) plant(kit, index, { text });
    const response = scan(kit);
    const bytes = response.entries.reduce((sum, entry) => sum + entry.state.meta.length, 0);
    expect(response.exhausted).toBe(false);
    expect(bytes).toBeLessThan(limits.scanStepBytes + 300_000);
    expect(response.entries.length).toBeGreaterThan(3);
  });

  it('leaves corrupt records out', () => {
    const kit = new NodeKit();
    plant(kit, 1);
    plant(kit, 3);
    kit.engine.plant(recordKey(0, idOf(2)), Buffer.from('damaged'));
    expect(foundIn(scan(kit))).toEqual([1, 3].map(idOf));
  });

  it('is refused in another epoch, and a fault when the disk fails', () => {
    const kit = new NodeKit();
    const request: ScanRequest = {
      type: MessageType.scan,
      shard: 0,
      shardEpoch: 1,
      namespace: 0,
      namespaceEpoch: 9,
      generation: 1,
      afterId: '',
      limit: 1,
      want: Want.meta,
    };
    expect(kit.ask(request)).toEqual({ type: MessageType.epoch, mapEpoch: 1 });
    kit.engine.fail('scan', 'io');
    expect(kit.ask({ ...request, namespaceEpoch: 1 })).toMatchObject({ type: MessageType.fault, fault: 'io' });
  });
});
