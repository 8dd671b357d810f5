import type { ClusterMap, NodeEntry } from '../../cluster/map.ts';
import type { NodeHealth } from '../cluster-port.ts';

const ZONES = 3;
const SHARDS = 1024;
const FIRST_PORT = 7001;

/** A plausible map for tests: three zones with one node each, 1024 shards, epoch 1. */
export function localMap(namespaces: number): ClusterMap {
  return {
    formatVersion: 1,
    clusterId: 'local-cluster',
    epoch: 1,
    shards: SHARDS,
    zones: Array.from({ length: ZONES }, (_, zone) => ({
      name: `zone${zone + 1}`,
      nodes: [nodeOf(zone)],
      placement: new Array<number>(SHARDS).fill(zone + 1),
    })),
    shardEpochs: new Array<number>(SHARDS).fill(1),
    namespaces: Array.from({ length: namespaces }, () => ({ generation: 0, epoch: 1 })),
  };
}

function nodeOf(zone: number): NodeEntry {
  return { id: zone + 1, incarnation: `incarnation-${zone + 1}`, host: '127.0.0.1', port: FIRST_PORT + zone };
}

/** Every node of the map, up. */
export function localNodes(map: ClusterMap): NodeHealth[] {
  return map.zones.flatMap((zone) =>
    zone.nodes.map((node) => ({
      nodeId: node.id,
      zone: zone.name,
      host: node.host,
      port: node.port,
      up: true,
      status: {
        nodeId: node.id,
        mapEpoch: map.epoch,
        engine: 'memory',
        fsync: 'no',
        dataBytes: 0,
        corruptRecords: 0,
        unsyncedMs: 0,
      },
    })),
  );
}
