import { limits } from '../../base/limits.ts';
import { databaseOf } from '../../cluster/databases.ts';
import type { Coordinator } from '../../quorum/coordinator.ts';
import { type RecordId, StateKind } from '../../record/state.ts';
import { MessageType, Want } from '../../rpc/messages.ts';
import { EVERY_GENERATION, type ScanEntry, type ScannedResponse, type ScanRequest } from '../../rpc/scan-messages.ts';
import type { NodeId } from '../../rpc/transport.ts';
import { lastIdOf } from '../scan-cursor.ts';
import {
  type Candidate,
  type Gathered,
  type MemoryPort,
  type NodeMemory,
  RECORD_OVERHEAD_BYTES,
} from './memory-port.ts';

/** Records of one shard; `isAll`: it has no others. */
interface Sample {
  readonly entries: readonly ScanEntry[];
  readonly isAll: boolean;
}

/** The storage nodes' memory, over the coordinator: a node is asked for what it has, and nobody else. */
export class QuorumMemory<R> implements MemoryPort {
  readonly #coordinator: Coordinator<R>;
  /** Records that a shard gave in the last sample, on average. */
  #perShard: number = limits.evictionShardRecords;

  constructor(coordinator: Coordinator<R>) {
    this.#coordinator = coordinator;
  }

  /** A node that is suspect is not waited for: it takes part in few writes, and tells again when it is well. */
  look(done: (nodes: readonly NodeMemory[]) => void): void {
    const { map, rounds, caller } = this.#coordinator;
    const asked = map.zones.flatMap(({ nodes }) => nodes).filter(({ id }) => !rounds.health.isSuspect(id));
    const told: NodeMemory[] = [];
    let open = asked.length;
    if (open === 0) done(told);
    for (const { id } of asked) {
      caller.call(id, { type: MessageType.nodeStatus }, limits.memoryLookTimeoutMs, (response) => {
        if (response.type === MessageType.status) {
          const { engine, liveBytes, expiringRecords } = response.status;
          told.push({ nodeId: id, isMemory: engine === 'memory', liveBytes, expiringRecords });
        }
        if (--open === 0) done(told);
      });
    }
  }

  async gather(node: NodeId, wanted: number, expiring: boolean): Promise<Gathered> {
    const { map, random } = this.#coordinator;
    const placement = map.zones.find(({ nodes }) => nodes.some(({ id }) => id === node))?.placement ?? [];
    const shards = placement.flatMap((holder, shard) => (holder === node ? shard : []));
    const first = random.below(Math.max(1, shards.length));
    const candidates: Candidate[] = [];
    let visited = 0;
    let found = 0;
    let complete = true;
    while (visited < shards.length && candidates.length < wanted) {
      const lacking = wanted - candidates.length;
      const width = Math.min(this.#width(lacking), shards.length - visited);
      const some = Array.from({ length: width }, (_, i) => shards[(first + visited + i) % shards.length] ?? 0);
      const each = Math.max(limits.evictionShardRecords, Math.ceil(lacking / width));
      for (const { entries, isAll } of await Promise.all(some.map((shard) => this.#ofShard(node, shard, each)))) {
        found += entries.length;
        complete &&= isAll;
        for (const entry of entries) {
          // To open a record is what costs most.
          if (candidates.length >= wanted) break;
          const candidate = this.#open(entry, expiring);
          if (candidate !== null) candidates.push(candidate);
        }
      }
      visited += width;
      this.#perShard = found / visited;
    }
    return { candidates, complete: complete && visited >= shards.length };
  }

  /** How many shards are likely to have so many records, from the last that were looked at. */
  #width(records: number): number {
    const shards = Math.ceil(records / Math.max(1, this.#perShard));
    return Math.max(1, Math.min(limits.evictionShardsAtOnce, shards));
  }

  /** Records from a random id on, and then from the start. */
  async #ofShard(node: NodeId, shard: number, limit: number): Promise<Sample> {
    const after = lastIdOf(this.#coordinator.random.below(2 ** 30) * 2 ** 8);
    const behind = await this.#scan(node, shard, after, limit);
    if (behind === null || !behind.exhausted) return { entries: behind?.entries ?? [], isAll: false };
    const before = await this.#scan(node, shard, '', limit);
    if (before === null) return { entries: behind.entries, isAll: false };
    const entries = [...behind.entries, ...before.entries.filter(({ id }) => id <= after)];
    return { entries, isAll: before.exhausted || before.lastId > after };
  }

  #scan(node: NodeId, shard: number, afterId: RecordId, limit: number): Promise<ScannedResponse | null> {
    const { map, caller, rounds } = this.#coordinator;
    const request: ScanRequest = {
      type: MessageType.scan,
      shard,
      shardEpoch: map.shardEpochs[shard] ?? 0,
      namespace: 0,
      namespaceEpoch: map.namespaces[0]?.epoch ?? 0,
      generation: EVERY_GENERATION,
      afterId,
      limit,
      want: Want.meta,
    };
    return new Promise((resolve) => {
      caller.call(node, request, limits.deadlineMs, (response) => {
        if (response.type === MessageType.epoch) rounds.epochs?.onOtherEpoch(node, response.mapEpoch);
        resolve(response.type === MessageType.scanned ? response : null);
      });
    });
  }

  /** Null: it is not to be evicted, or does not open. */
  #open({ id, state }: ScanEntry, expiring: boolean): Candidate | null {
    const { map, seal } = this.#coordinator;
    const { kind, namespace, generation, sizeBytes } = state.header;
    if (kind !== StateKind.live || map.namespaces[namespace]?.generation !== generation) return null;
    if (expiring && state.header.expiresAtMs === 0) return null;
    const content = seal.open(id, state)?.content;
    if (content === undefined) return null;
    const expiresAtMs = content.keyExpiresAtMs ?? state.header.expiresAtMs;
    if (expiring && expiresAtMs === 0) return null;
    const { key, lastModifiedMs } = content;
    const bytes = RECORD_OVERHEAD_BYTES + key.length + sizeBytes;
    return { namespace: databaseOf(map, namespace), key, bytes, expiresAtMs, lastModifiedMs };
  }
}
