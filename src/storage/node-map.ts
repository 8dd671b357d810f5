import type { Log } from '../base/log.ts';
import { findNode } from '../cluster/cluster-map.ts';
import { decodeClusterMap, encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap, ShardMove } from '../cluster/map.ts';
import type { CountRecordsRequest } from '../rpc/count-messages.ts';
import { type FaultResponse, MessageType, type RecordAddress, type Response } from '../rpc/messages.ts';
import { namespaceEpochOf } from '../rpc/namespace-epoch.ts';
import type { ScanRequest } from '../rpc/scan-messages.ts';
import type { Call } from '../rpc/transport.ts';
import type { NodeStore } from './node-store.ts';

/** What a node does for one shard. */
export const Role = {
  none: 0,
  /** It holds the shard, or learns it beside an old node that votes: it answers everything. */
  answers: 1,
  /** It learns the shard without an old node: COMMITs and pages only, and its zone does not count. */
  takes: 2,
  /** The map gives it the shard, but what it has of it must not count: it waits to learn it. */
  waits: 3,
} as const;
export type Role = (typeof Role)[keyof typeof Role];

const NOT_LEARNED: FaultResponse = {
  type: MessageType.fault,
  fault: 'busy',
  detail: 'this node has yet to learn the shard',
};

export interface NodeMapOptions {
  readonly nodeId: number;
  /** The node's own, which the map may not know yet. */
  readonly incarnation: string;
  readonly map: ClusterMap;
  readonly store: NodeStore;
  readonly log: Log;
  readonly isDistrusted?: boolean;
}

/**
 * The cluster map as one storage node holds it, and the fence that it makes of it (protocol §8): messages of other epochs are
 * refused, and so are those for shards that the node does not answer for, or not yet.
 */
export class NodeMap {
  readonly #nodeId: number;
  readonly #store: NodeStore;
  readonly #log: Log;
  readonly #onAdopted: (map: ClusterMap) => void;
  /** Shards that are being learned, by the epoch at which what was there before was deleted. */
  readonly #opened = new Map<number, number>();
  /** Shards of which this node has deleted or learned a part: they must not count until they are learned. */
  readonly #unlearned = new Set<number>();
  /** From before the disk was distrusted, and nothing of it was deleted yet. */
  #hasOldData: boolean;
  #incarnation: string;
  #map: ClusterMap;
  #roles: Uint8Array;
  #learns: Uint8Array;

  constructor(options: NodeMapOptions, onAdopted: (map: ClusterMap) => void) {
    const { map } = options;
    this.#onAdopted = onAdopted;
    this.#nodeId = options.nodeId;
    this.#incarnation = options.incarnation;
    this.#store = options.store;
    this.#log = options.log;
    this.#hasOldData = options.isDistrusted ?? false;
    this.#map = map;
    this.#roles = new Uint8Array(map.shards);
    this.#learns = new Uint8Array(map.shards);
    this.#assignRoles();
  }

  get nodeId(): number {
    return this.#nodeId;
  }

  get epoch(): number {
    return this.#map.epoch;
  }

  get current(): ClusterMap {
    return this.#map;
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  /** The map knows this node by its own incarnation: otherwise it answers for nothing. */
  get isEntered(): boolean {
    const known = findNode(this.#map, this.#nodeId)?.node.incarnation;
    return known === '' || known === this.#incarnation;
  }

  /** What the map calls this node, which is whom peers mean. */
  get knownAs(): string {
    const known = findNode(this.#map, this.#nodeId)?.node.incarnation;
    return known === undefined || known === '' ? this.#incarnation : known;
  }

  /** What the node has may lack acknowledged writes, and waits for the operator's word or for being learned anew. */
  get isDistrusted(): boolean {
    return this.#hasOldData && (!this.isEntered || this.#map.moves.some((move) => this.#relearns(move)));
  }

  /** The disk that this node had is not to be trusted any more; the new incarnation is durable. */
  become(incarnation: string): void {
    this.#incarnation = incarnation;
    this.#assignRoles();
  }

  roleOf(shard: number): Role {
    return (this.#roles[shard] ?? Role.none) as Role;
  }

  /** True for a shard that the map has this node learn. */
  learns(shard: number): boolean {
    return this.#learns[shard] === 1;
  }

  /** How many shards this node has yet to learn. */
  get learningShards(): number {
    let count = 0;
    for (const learns of this.#learns) count += learns;
    return count;
  }

  /** What this node held of the shard from before is being deleted, or learning has not ended: it must not count. */
  noteUnlearned(shard: number): void {
    this.#hasOldData = false;
    this.#unlearned.add(shard);
    this.#assignRoles();
  }

  /** The shard is empty here, and takes part in rounds of this epoch from now on. */
  open(shard: number, shardEpoch: number): void {
    this.#opened.set(shard, shardEpoch);
    this.#assignRoles();
  }

  /** All of the shard was learned, or it was deleted and is nobody's here. */
  noteLearned(shard: number): void {
    this.#unlearned.delete(shard);
    this.#assignRoles();
  }

  /** The shards that the map gives to this node although it has not learned them to their end: it must enter itself anew. */
  spoiledShards(): number[] {
    const spoiled: number[] = [];
    for (const shard of this.#unlearned) if (this.#holds(shard) && !this.learns(shard)) spoiled.push(shard);
    return spoiled;
  }

  /** Null if the message's epochs are this node's own and it answers for the shard. */
  refusal(address: RecordAddress): Response | null {
    return this.#check(Role.answers, address.shard, address.shardEpoch, address.namespace, address.namespaceEpoch);
  }

  /** The same for what a learner takes that does not count yet: COMMITs and pages. */
  takeRefusal(address: RecordAddress): Response | null {
    const { shard, shardEpoch, namespace, namespaceEpoch } = address;
    const needed = this.#roles[shard] === Role.takes ? Role.takes : Role.answers;
    return this.#check(needed, shard, shardEpoch, namespace, namespaceEpoch);
  }

  scanRefusal(request: ScanRequest): Response | null {
    return this.#check(Role.answers, request.shard, request.shardEpoch, request.namespace, request.namespaceEpoch);
  }

  countRefusal({ shard, shardEpoch, namespaces }: CountRecordsRequest): Response | null {
    for (const { namespace, namespaceEpoch } of namespaces) {
      const refusal = this.#check(Role.answers, shard, shardEpoch, namespace, namespaceEpoch);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** Of questions about all that a shard holds, which only those may answer who hold it and do not learn it. */
  shardRefusal(shard: number, shardEpoch: number): Response | null {
    if (this.#map.shardEpochs[shard] !== shardEpoch) return { type: MessageType.epoch, mapEpoch: this.#map.epoch };
    return this.#roles[shard] === Role.answers && this.#learns[shard] === 0 ? null : NOT_LEARNED;
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
        this.#assignRoles();
        this.#onAdopted(map);
      }
      done(true);
    });
  }

  #check(needed: Role, shard: number, shardEpoch: number, namespace: number, namespaceEpoch: number): Response | null {
    if (
      this.#roles[shard] === needed &&
      this.#map.shardEpochs[shard] === shardEpoch &&
      namespaceEpochOf(this.#map, namespace) === namespaceEpoch
    ) {
      return null;
    }
    const isKnown = this.#map.shardEpochs[shard] === shardEpoch && this.#roles[shard] !== Role.none;
    if (isKnown && this.#roles[shard] !== needed) return NOT_LEARNED;
    return { type: MessageType.epoch, mapEpoch: this.#map.epoch };
  }

  #relearns({ shard, learner, oldVotes }: ShardMove): boolean {
    return learner === this.#nodeId && !oldVotes && this.#holds(shard);
  }

  #holds(shard: number): boolean {
    return this.#map.zones.some((zone) => zone.placement[shard] === this.#nodeId);
  }

  #assignRoles(): void {
    const map = this.#map;
    const roles = new Uint8Array(map.shards);
    const learns = new Uint8Array(map.shards);
    for (const { placement } of map.zones) {
      for (let shard = 0; shard < map.shards; shard++) {
        if (placement[shard] === this.#nodeId) roles[shard] = this.#unlearned.has(shard) ? Role.waits : Role.answers;
      }
    }
    for (const { shard, zone, learner, oldVotes } of map.moves) {
      if (learner === this.#nodeId) {
        const isOpen = this.#opened.get(shard) === map.shardEpochs[shard];
        roles[shard] = isOpen ? (oldVotes ? Role.answers : Role.takes) : Role.waits;
        learns[shard] = 1;
      } else if (!oldVotes && map.zones[zone]?.placement[shard] === this.#nodeId) {
        roles[shard] = Role.waits;
      }
    }
    if (!this.isEntered) {
      for (let shard = 0; shard < map.shards; shard++) if (roles[shard] !== Role.none) roles[shard] = Role.waits;
    }
    this.#roles = roles;
    this.#learns = learns;
  }
}
