import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { type ManyRepaired, type ManyRepairItem, repairMany } from '../quorum/repair-many.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { type StateHeader, StateKind } from '../record/state.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { ExpiryNote, ExpiryQueue } from './expiry-queue.ts';
import type { PurgeQueue } from './purge-queue.ts';
import type { SweepCounts } from './sweep-counts.ts';
import { glanceAt } from './sweep-rules.ts';
import type { SweepServer } from './sweep-server.ts';
import { type SweptShards, sweptShards } from './swept-shards.ts';

export interface ExpiryRunnerOptions {
  readonly nodeId: NodeId;
  readonly server: SweepServer;
  readonly repairer: Repairer;
  readonly clock: Clock;
  readonly counts: SweepCounts;
  /** Told of the tombstones that all replicas have taken. */
  readonly purges: PurgeQueue;
}

/**
 * Writes dead what the expiry queue says is due (protocol §6), many records to a message. Spread over some looks, more of them
 * the more is due: it keeps up with what clients write. What cannot be written dead now is left to the sweep.
 */
export class ExpiryRunner {
  readonly #options: ExpiryRunnerOptions;
  readonly #queue: ExpiryQueue;
  #shards: SweptShards;
  #timer: Timer | null = null;
  #open = 0;
  #stopped = false;

  constructor(options: ExpiryRunnerOptions) {
    this.#options = options;
    const { map, expiry } = options.server.parts;
    this.#queue = expiry;
    this.#shards = sweptShards(map.current, options.nodeId);
  }

  /** Which node looks after which shards, by the node's map. */
  get shards(): SweptShards {
    const { current } = this.#options.server.parts.map;
    if (this.#shards.map !== current) {
      this.#shards = sweptShards(current, this.#options.nodeId);
      if (!this.#stopped) this.#queue.open(this.#shards.mine);
    }
    return this.#shards;
  }

  start(): void {
    this.#queue.poll(this.#options.clock.wallMs());
    this.#queue.open(this.#shards.mine);
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#queue.close();
  }

  #tick(): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    const due = this.#queue.poll(clock.wallMs());
    if (due > 0) this.#take(Math.max(limits.expiryBatchRecordsMin, Math.ceil(due / limits.expirySpreadTicks)));
    this.#timer = clock.after(due > 0 ? limits.expiryTickMs : limits.expiryIdleTickMs, () => this.#tick());
  }

  #take(most: number): void {
    for (let left = most; left > 0 && this.#open < limits.expiryBatchesAtOnce; left -= limits.expiryBatchRecords) {
      const notes = this.#queue.take(Math.min(left, limits.expiryBatchRecords));
      if (notes.length === 0) return;
      this.#open++;
      this.#options.server.whenInMemory(notes, () => {
        this.#open--;
        if (!this.#stopped) this.#kill(notes);
      });
    }
  }

  #kill(notes: readonly ExpiryNote[]): void {
    const { shards } = this;
    const nowMs = this.#options.clock.wallMs();
    const groups = new Map<number, ManyRepairItem[]>();
    for (const note of notes) {
      const item = this.#itemOf(note, nowMs);
      if (item === null) continue;
      const group = shards.groups[note.shard] ?? 0;
      const items = groups.get(group);
      if (items === undefined) groups.set(group, [item]);
      else items.push(item);
    }
    const { repairer } = this.#options;
    for (const [group, items] of groups) {
      const nodes = shards.replicas[group] ?? [];
      const losses = repairer.lossesOf(nodes);
      this.#open++;
      repairMany(repairer, items, (repaired) => {
        this.#open--;
        if (!this.#stopped) this.#onRepaired(items, repaired, losses, repairer.lossesOf(nodes) === losses);
      });
    }
  }

  /** Null: it has not expired, or it is left to the sweep. */
  #itemOf({ shard, id }: ExpiryNote, nowMs: number): ManyRepairItem | null {
    const { server, repairer } = this.#options;
    const { map, rules } = server.parts;
    const { shardEpochs, namespaces } = map.current;
    const shardEpoch = shardEpochs[shard];
    if (shardEpoch === undefined || map.shardRefusal(shard, shardEpoch) !== null || repairer.isMoving(shard))
      return null;
    const record = server.held(id);
    const state = record?.state ?? null;
    if (record === null || state === null) return null;
    const { header } = state;
    const namespace = namespaces[header.namespace];
    if (namespace === undefined || namespace.generation !== header.generation) return null;
    if (!rules.isExpired(glanceAt(record.accepted, state), nowMs)) {
      this.#noteAgain(shard, id, header, nowMs);
      return null;
    }
    const address = { id, shard, shardEpoch, namespace: header.namespace, namespaceEpoch: namespace.epoch };
    return { address, accepted: record.accepted, state, kill: true };
  }

  /** It was prolonged. */
  #noteAgain(shard: number, id: ExpiryNote['id'], header: StateHeader, nowMs: number): void {
    if (header.kind !== StateKind.live || header.expiresAtMs <= nowMs || this.#shards.mine[shard] !== 1) return;
    this.#queue.note(shard, id, header.expiresAtMs + (header.remembers ? limits.requestReachMs : 0));
  }

  #onRepaired(items: readonly ManyRepairItem[], repaired: ManyRepaired, losses: number, isSound: boolean): void {
    const { counts, purges, server } = this.#options;
    const { ballot, acks, quorum, replicas } = repaired;
    for (let i = 0; i < items.length; i++) {
      const address = items[i]?.address;
      const acked = acks[i] ?? 0;
      if (address === undefined || acked < quorum) continue;
      counts.killed++;
      counts.killedFromQueue++;
      if (!isSound || !server.parts.rules.allAgree(acked - 1, replicas - 1)) continue;
      purges.note(address.shard, address.shardEpoch, losses, address.id, ballot);
    }
  }
}
