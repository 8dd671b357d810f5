import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { createClusterMap } from '../cluster/cluster-map.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { MemoryConfigStore } from '../cluster/memory-config-store.ts';
import { MessageType, type RecordAddress } from '../rpc/messages.ts';
import { MapCourier } from './map-courier.ts';
import { MapHolder } from './map-holder.ts';
import { NodeCaller } from './node-caller.ts';
import { ADDRESS } from './testing/round-kit.ts';
import { ScriptedTransport } from './testing/scripted-transport.ts';

function mapOf(epoch: number, clusterId = 'c'): ClusterMap {
  const zones = [{ name: 'z', nodes: [{ id: 1, host: 'h', port: 1 }] }];
  const map = createClusterMap({ clusterId, shards: 1, zones });
  return { ...map, epoch, shardEpochs: [epoch] };
}

function courierKit(storeHas: ClusterMap | null) {
  const clock = new ManualClock();
  const network = new ScriptedTransport();
  const store = new MemoryConfigStore(storeHas);
  const map = new MapHolder(store, mapOf(3), clock, silentLog);
  const caller = new NodeCaller(clock, network);
  const nodesOf = (node: number): number[] => (node > 100 ? [1, 2] : [node]);
  const courier = new MapCourier({ clock, log: silentLog, map, caller, nodesOf });
  /** A node refuses for another epoch, every five milliseconds for so long. */
  const refusals = async (node: number, epoch: number, durationMs: number): Promise<void> => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 5) {
      courier.onOtherEpoch(node, epoch);
      for (let i = 0; i < 5; i++) await Promise.resolve();
      clock.advance(5);
    }
  };
  return { network, map, courier, refusals };
}

describe('a map courier', () => {
  it('hands its map to a node that is behind, now and then until it has it', async () => {
    const { network, refusals } = courierKit(mapOf(3));
    await refusals(1, 2, 4 * limits.mapCallPauseMs);
    expect(network.sent.map(({ nodeId, request }) => [nodeId, request])).toEqual(
      Array.from({ length: 4 }, () => [1, { type: MessageType.adoptMap, map: encodeClusterMap(mapOf(3)) }]),
    );
  });

  it('says nothing to a node that has the same map', async () => {
    const { network, refusals } = courierKit(mapOf(3));
    await refusals(1, 3, 100);
    expect(network.sent).toEqual([]);
  });

  it('asks the config store first, and the node not at all if that helps', async () => {
    const { network, map, refusals } = courierKit(mapOf(5));
    await refusals(1, 5, 100);
    expect(map.current.epoch).toBe(5);
    expect(network.sent).toEqual([]);
  });

  it('asks both nodes of a pair where the store does not help, and takes only a map of its cluster', async () => {
    const { network, map, refusals } = courierKit(mapOf(3));
    await refusals(200, 5, limits.mapStorePatienceMs + 10);
    expect(network.asked()).toEqual([1, 2]);
    expect(network.open[0]?.request).toEqual({ type: MessageType.getMap, above: 3 });
    network.answer(1, { type: MessageType.mapText, mapEpoch: 9, map: encodeClusterMap(mapOf(9, 'another')) });
    expect(map.current.epoch).toBe(3);
    network.answer(2, { type: MessageType.mapText, mapEpoch: 5, map: encodeClusterMap(mapOf(5)) });
    expect(map.current.epoch).toBe(5);
    await refusals(200, 5, 100);
    expect(network.asked()).toEqual([]);
  });

  it('tells whether an address is of the newest map', () => {
    const { map, courier } = courierKit(null);
    const address: RecordAddress = { ...ADDRESS, shard: 0, shardEpoch: 3 };
    expect(courier.isCurrent(address)).toBe(true);
    expect(courier.isCurrent({ ...address, namespaceEpoch: 2 })).toBe(false);
    map.adopt(mapOf(4));
    expect(courier.isCurrent(address)).toBe(false);
  });
});
