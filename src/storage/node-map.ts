import type { Log } from '../base/log.ts';
import { decodeClusterMap, encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { MessageType, type RecordAddress, type Response, type ScanRequest } from '../rpc/messages.ts';
import type { Call } from '../rpc/transport.ts';
import type { NodeStore } from './node-store.ts';

/** The cluster map as one storage node holds it, and the fence that it makes of it (protocol §8). */
export class NodeMap {
  readonly #nodeId: number;
  readonly #store: NodeStore;
  readonly #log: Log;
  readonly #onAdopted: (map: ClusterMap) => void;
  #map: ClusterMap;
  #ownsShard: Uint8Array;

  constructor(nodeId: number, map: ClusterMap, store: NodeStore, log: Log, onAdopted: (map: ClusterMap) => void) {
    this.#onAdopted = onAdopted;
    this.#nodeId = nodeId;
    this.#store = store;
    this.#log = log;
    this.#map = map;
    this.#ownsShard = ownedShards(map, nodeId);
  }

  get epoch(): number {
    return this.#map.epoch;
  }

  get current(): ClusterMap {
    return this.#map;
  }

  /** Null if the message's epochs are this node's own and it holds the shard. */
  refusal(address: RecordAddress): Response | null {
    return this.#check(address.shard, address.shardEpoch, address.namespace, address.namespaceEpoch);
  }

  scanRefusal(request: ScanRequest): Response | null {
    return this.#check(request.shard, request.shardEpoch, request.namespace, request.namespaceEpoch);
  }

  /** Answers once the map, if it is newer, is durable; from then on messages of the old epochs are refused. */
  adopt(text: string, call: Call): void {
    const decoded = decodeClusterMap(text);
    if (!decoded.ok || decoded.map.clusterId !== this.#map.clusterId) {
      call.respond({ type: MessageType.fault, fault: 'malformed', detail: 'not a map of this cluster' });
      return;
    }
    this.#adopt(decoded.map, text, (isSaved) => {
      call.respond(
        isSaved
          ? { type: MessageType.mapAdopted, mapEpoch: this.#map.epoch }
          : { type: MessageType.fault, fault: 'io', detail: 'the map could not be written' },
      );
    });
  }

  /** As `adopt`, for a map that this process has read itself. */
  adoptMap(map: ClusterMap): void {
    if (map.epoch > this.#map.epoch) this.#adopt(map, encodeClusterMap(map), () => {});
  }

  #adopt(map: ClusterMap, text: string, done: (isSaved: boolean) => void): void {
    if (map.epoch <= this.#map.epoch) {
      done(true);
      return;
    }
    this.#store.saveMap(text, (error) => {
      if (error !== null) {
        this.#log.error({ detail: error.message }, 'a new cluster map could not be written');
        done(false);
        return;
      }
      if (map.epoch > this.#map.epoch) {
        this.#map = map;
        this.#ownsShard = ownedShards(map, this.#nodeId);
        this.#onAdopted(map);
      }
      done(true);
    });
  }

  #check(shard: number, shardEpoch: number, namespace: number, namespaceEpoch: number): Response | null {
    if (
      this.#ownsShard[shard] === 1 &&
      this.#map.shardEpochs[shard] === shardEpoch &&
      this.#map.namespaces[namespace]?.epoch === namespaceEpoch
    ) {
      return null;
    }
    return { type: MessageType.epoch, mapEpoch: this.#map.epoch };
  }
}

function ownedShards(map: ClusterMap, nodeId: number): Uint8Array {
  const owned = new Uint8Array(map.shards);
  for (const zone of map.zones) {
    for (let shard = 0; shard < map.shards; shard++) {
      if (zone.placement[shard] === nodeId) owned[shard] = 1;
    }
  }
  return owned;
}
