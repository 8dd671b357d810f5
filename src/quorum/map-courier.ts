import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { decodeClusterMap } from '../cluster/cluster-map-text.ts';
import { MessageType, type RecordAddress } from '../rpc/messages.ts';
import { namespaceEpochOf } from '../rpc/namespace-epoch.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { MapHolder } from './map-holder.ts';
import type { NodeCaller } from './node-caller.ts';
import type { EpochListener } from './round.ts';

export interface MapCourierOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly map: MapHolder;
  readonly caller: NodeCaller;
  /** The nodes behind a number that rounds use. */
  nodesOf(nodeId: NodeId): readonly NodeId[];
}

/**
 * Sees to it that the node and the proposer of an epoch refusal get the same map (protocol §8): hands ours to a node that
 * is behind; asks the config store where we are behind, and the node itself where the store has not helped at once.
 */
export class MapCourier implements EpochListener {
  readonly #options: MapCourierOptions;
  /** Monotonic milliseconds until which a node is not called again. */
  readonly #calledUntilMs = new Map<NodeId, number>();
  #behindSinceMs = 0;
  #behindEpoch = 0;

  constructor(options: MapCourierOptions) {
    this.#options = options;
  }

  /** A node said in which epoch it is. */
  onOtherEpoch(nodeId: NodeId, mapEpoch: number): void {
    const { map } = this.#options;
    if (mapEpoch < map.current.epoch) {
      for (const node of this.#options.nodesOf(nodeId)) this.#handOut(node);
    } else if (mapEpoch > map.current.epoch) {
      this.#fetch(nodeId, mapEpoch);
    }
  }

  isCurrent({ shard, shardEpoch, namespace, namespaceEpoch }: RecordAddress): boolean {
    const { current } = this.#options.map;
    return current.shardEpochs[shard] === shardEpoch && namespaceEpochOf(current, namespace) === namespaceEpoch;
  }

  #handOut(node: NodeId): void {
    if (!this.#mayCall(node)) return;
    const request = { type: MessageType.adoptMap, map: this.#options.map.text() } as const;
    this.#options.caller.call(node, request, limits.deadlineMs, () => {});
  }

  #fetch(nodeId: NodeId, mapEpoch: number): void {
    const { map, clock } = this.#options;
    const { epoch } = map.current;
    const nowMs = clock.monotonicMs();
    map.refresh();
    if (this.#behindEpoch !== epoch) {
      this.#behindEpoch = epoch;
      this.#behindSinceMs = nowMs;
    }
    if (nowMs - this.#behindSinceMs < limits.mapStorePatienceMs) return;
    for (const node of this.#options.nodesOf(nodeId)) this.#ask(node, mapEpoch);
  }

  #ask(node: NodeId, mapEpoch: number): void {
    if (!this.#mayCall(node)) return;
    const { map, caller, log } = this.#options;
    const request = { type: MessageType.getMap, above: map.current.epoch } as const;
    caller.call(node, request, limits.deadlineMs, (response) => {
      if (response.type !== MessageType.mapText || response.map === '') return;
      const decoded = decodeClusterMap(response.map);
      if (!decoded.ok || decoded.map.clusterId !== map.current.clusterId) {
        log.error({ nodeId: node, mapEpoch }, 'a storage node handed on what is no map of this cluster');
        return;
      }
      map.adopt(decoded.map);
    });
  }

  #mayCall(node: NodeId): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < (this.#calledUntilMs.get(node) ?? 0)) return false;
    this.#calledUntilMs.set(node, nowMs + limits.mapCallPauseMs);
    return true;
  }
}
