import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { MessageType } from '../rpc/messages.ts';
import type { AcceptedRecord } from '../rpc/sweep-messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { PurgeQueue } from './purge-queue.ts';
import type { SweepCounts } from './sweep-counts.ts';
import type { SweepServer } from './sweep-server.ts';
import type { SweptShards } from './swept-shards.ts';

export interface PurgeRunnerOptions {
  readonly nodeId: NodeId;
  readonly server: SweepServer;
  readonly repairer: Repairer;
  readonly clock: Clock;
  readonly counts: SweepCounts;
  readonly purges: PurgeQueue;
  /** By the node's map. */
  shards(): SweptShards;
  /** A range of the shard is being compared: what one replica forgets meanwhile would be found to differ. */
  isCompared(shard: number): boolean;
}

/**
 * Asks all replicas to forget the tombstones that the purge queue knows all of them to hold, once they are old enough (protocol
 * §6). Shard by shard, each every limits.purgeRoundMs. Each replica looks again whether it may.
 */
export class PurgeRunner {
  readonly #options: PurgeRunnerOptions;
  readonly #purging = new Set<number>();
  /** Messages under way, and pauses after them. */
  #open = 0;
  #round: Iterator<number> | null = null;
  /** Shards of which some were noted when the round began: it is as long whatever becomes of them. */
  #roundShards = 0;
  /** Shards that may be looked at, with a fraction. */
  #credit = 0;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(options: PurgeRunnerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.after(limits.purgeTickMs, () => this.#tick());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Replicas may hold the shard differently for a moment. */
  isPurging(shard: number): boolean {
    return this.#purging.has(shard);
  }

  #tick(): void {
    if (this.#stopped) return;
    const shards = Math.max(1, this.#roundShards);
    this.#credit = Math.min(this.#credit + (shards * limits.purgeTickMs) / limits.purgeRoundMs, shards);
    while (this.#credit >= 1 && this.#open < limits.purgesAtOnce) {
      this.#credit--;
      const shard = this.#nextShard();
      if (shard !== null && !this.#purging.has(shard)) this.#purge(shard);
    }
    this.start();
  }

  #nextShard(): number | null {
    const { purges } = this.#options;
    const next = this.#round?.next();
    if (next !== undefined && next.done !== true) return next.value;
    this.#round = purges.shardNumbers();
    this.#roundShards = purges.shards;
    const first = this.#round.next();
    return first.done === true ? null : first.value;
  }

  /** One message after the other until nothing of the shard is due. */
  #purge(shard: number): void {
    const { server, repairer, clock, purges, shards, isCompared } = this.#options;
    const { map, rules, purgeAfterMs } = server.parts;
    const shardEpoch = map.current.shardEpochs[shard] ?? 0;
    const { groups, replicas } = shards();
    const nodes = replicas[groups[shard] ?? 0] ?? [];
    const isSame = purges.holdsFor(shard, shardEpoch, repairer.lossesOf(nodes)) && !repairer.isMoving(shard);
    if (!isSame && !rules.purgesWhileMoving()) {
      purges.forget(shard);
      return;
    }
    if (isCompared(shard)) return;
    const untilUs = clock.wallUs() - (purgeAfterMs + limits.purgeGraceMs) * 1000;
    const records = purges.take(shard, untilUs, limits.purgeRecords);
    if (records.length === 0) return;
    this.#send(shard, shardEpoch, records, nodes, () => {
      if (!this.#stopped) this.#purge(shard);
    });
  }

  /** Calls `done` after a pause as long as the message took: the busier the nodes are, the more is left to clients. */
  #send(
    shard: number,
    shardEpoch: number,
    records: readonly AcceptedRecord[],
    nodes: readonly NodeId[],
    done: () => void,
  ): void {
    const { nodeId, repairer, clock, counts } = this.#options;
    const request = { type: MessageType.purge, shard, shardEpoch, records } as const;
    const startMs = clock.monotonicMs();
    let missing = nodes.length;
    this.#open++;
    this.#purging.add(shard);
    for (const node of nodes) {
      repairer.caller.call(node, request, limits.sweepTimeoutMs, (response) => {
        if (response.type === MessageType.purged && node === nodeId) {
          counts.purged += response.purged;
          counts.purgedFromQueue += response.purged;
        }
        missing--;
        if (missing > 0) return;
        this.#purging.delete(shard);
        clock.after(clock.monotonicMs() - startMs, () => {
          this.#open--;
          done();
        });
      });
    }
  }
}
