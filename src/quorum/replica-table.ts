import { replicaSets } from '../cluster/cluster-map.ts';
import type { ClusterMap } from '../cluster/map.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { MapHolder } from './map-holder.ts';
import { NO_NODES } from './replica-order.ts';

/** The replica set of each shard, kept up with the map. */
export class ReplicaTable {
  #map: ClusterMap;
  #sets: readonly (readonly NodeId[])[];

  constructor(holder: MapHolder) {
    this.#map = holder.current;
    this.#sets = replicaSets(this.#map);
    holder.onChange((map) => {
      this.#map = map;
      this.#sets = replicaSets(map);
    });
  }

  /** Empty if the epochs of the address are not the map's. */
  nodesOf(address: RecordAddress): readonly NodeId[] {
    const { shard, shardEpoch, namespace, namespaceEpoch } = address;
    const current =
      this.#map.shardEpochs[shard] === shardEpoch && this.#map.namespaces[namespace]?.epoch === namespaceEpoch;
    return current ? (this.#sets[shard] ?? NO_NODES) : NO_NODES;
  }
}
