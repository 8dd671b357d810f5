import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { seatsOf } from '../cluster/seats.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { nodeKey } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import type { ShardSweep, SweepShardRequest, SweepStatusRequest } from '../rpc/sweep-messages.ts';
import type { Call, NodeId } from '../rpc/transport.ts';
import type { NodeWork } from './node-peer-parts.ts';
import { SweepCounts } from './sweep-counts.ts';
import { type RangeSwept, type SweepTools, sweepRange } from './sweep-range.ts';
import type { SweepRunner, SweepServer } from './sweep-server.ts';

export interface SweeperOptions {
  readonly nodeId: NodeId;
  readonly server: SweepServer;
  readonly repairer: Repairer;
  readonly clock: Clock;
  readonly log: Log;
}

const POSITION_KEY = nodeKey('sweep');
/** Shards that are not this node's to sweep, passed over in one go. */
const SHARDS_PER_LOOK = 1_024;

/**
 * Sweeps this node's share of the shards for ever (protocol §7): each shard is swept by one of its replicas, by another one
 * where that is down or has not done it for long. Paced, and goes on where it was after a restart.
 */
export class Sweeper implements NodeWork, SweepRunner {
  readonly counts = new SweepCounts();
  readonly #options: SweeperOptions;
  readonly #tools: SweepTools;
  readonly #startedMs: number;
  /** Monotonic time at which this node last came to the end of a shard. */
  readonly #sweptMs = new Map<number, number>();
  #shard = 0;
  #afterId: RecordId = '';
  #timer: Timer | null = null;
  #stopped = false;
  #passStartedMs: number;
  #lastPassMs = 0;
  #sweptThisPass = 0;
  #savedMs = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
    const { nodeId, server, repairer } = options;
    this.#tools = { nodeId, server, repairer, counts: this.counts };
    this.#startedMs = options.clock.monotonicMs();
    this.#passStartedMs = this.#startedMs;
    this.#savedMs = this.#startedMs;
    server.runner = this;
  }

  /** Finds its place and begins. */
  start(): void {
    this.#options.server.parts.engine.getMany([POSITION_KEY], (_error, values) => {
      const text = values?.[0]?.toString('latin1') ?? '';
      const shard = Number.parseInt(text, 10);
      if (Number.isInteger(shard) && shard >= 0 && shard < this.#shards) {
        this.#shard = shard;
        this.#afterId = text.slice(text.indexOf(' ') + 1);
      }
      this.#later(limits.sweepPauseMs);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    if (this.#options.server.runner === this) this.#options.server.runner = null;
  }

  sweepShard(request: SweepShardRequest, call: Call): void {
    const refusal = this.#options.server.parts.map.shardRefusal(request.shard, request.shardEpoch);
    if (refusal !== null) {
      call.respond(refusal);
      return;
    }
    const counts = new SweepCounts();
    const tools = { ...this.#tools, counts };
    let ranges = 0;
    const step = (afterId: RecordId): void => {
      sweepRange(tools, request.shard, afterId, (swept) => {
        ranges++;
        if (swept === null) {
          call.respond({ type: MessageType.fault, fault: 'busy', detail: 'this node cannot sweep the shard now' });
          return;
        }
        const { lastId, exhausted } = swept;
        if (!exhausted && ranges < limits.sweepRangesPerRequest && !this.#stopped) {
          step(lastId);
          return;
        }
        if (exhausted) this.#sweptMs.set(request.shard, this.#options.clock.monotonicMs());
        this.counts.add(counts);
        call.respond({ type: MessageType.shardSwept, findings: counts, lastId, exhausted });
      });
    };
    step(request.afterId);
  }

  status(_request: SweepStatusRequest, call: Call): void {
    const nowMs = this.#options.clock.monotonicMs();
    const shards: ShardSweep[] = [];
    for (const [shard, sweptMs] of this.#sweptMs) shards.push({ shard, ageMs: Math.round(nowMs - sweptMs) });
    const findings = { ...this.counts, pagesPurged: this.#options.server.parts.pageSweep.purged };
    call.respond({ type: MessageType.sweepTold, findings, shards });
  }

  get #shards(): number {
    return this.#options.server.parts.map.current.shards;
  }

  #later(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = null;
      this.#step();
    });
  }

  #step(): void {
    if (this.#stopped) return;
    const startMs = this.#options.clock.monotonicMs();
    for (let looked = 0; !this.#isMine(startMs); looked++) {
      this.#nextShard(startMs);
      if (looked < SHARDS_PER_LOOK && this.#shard !== 0) continue;
      this.#later(this.#shard === 0 ? limits.sweepPassMs : limits.sweepPauseMs);
      return;
    }
    const shard = this.#shard;
    sweepRange(this.#tools, shard, this.#afterId, (swept) => {
      if (this.#stopped) return;
      const nowMs = this.#options.clock.monotonicMs();
      if (swept === null || swept.exhausted) {
        if (swept !== null) this.#sweptMs.set(shard, nowMs);
        this.#sweptThisPass++;
        this.#nextShard(nowMs);
      } else {
        this.#afterId = swept.lastId;
      }
      if (nowMs - this.#savedMs >= limits.sweepSaveMs) this.#save(nowMs);
      this.#later(this.#pauseMs(swept, nowMs - startMs));
    });
  }

  /** Longer where the step took long, for then the node is busy; and shards are spread over the least time of a pass. */
  #pauseMs(swept: RangeSwept | null, tookMs: number): number {
    const readMs = ((swept?.bytes ?? 0) * 1000) / limits.sweepBytesPerSecond;
    const paceMs = Math.max(limits.sweepPauseMs, tookMs * limits.sweepPauseShare, readMs - tookMs);
    if (swept !== null && !swept.exhausted) return paceMs;
    const share = limits.sweepPassMs / Math.max(1, this.#mine());
    return Math.max(paceMs, share - tookMs);
  }

  /** How many shards this node sweeps, about. */
  #mine(): number {
    const { zones, shards } = this.#options.server.parts.map.current;
    const zone = zones.find(({ nodes }) => nodes.some(({ id }) => id === this.#options.nodeId));
    return shards / zones.length / Math.max(1, zone?.nodes.length ?? 1);
  }

  #nextShard(nowMs: number): void {
    this.#afterId = '';
    this.#shard = (this.#shard + 1) % this.#shards;
    if (this.#shard !== 0) return;
    this.#lastPassMs = nowMs - this.#passStartedMs;
    this.#passStartedMs = nowMs;
    this.#options.log.debug({ tookMs: this.#lastPassMs, shards: this.#sweptThisPass }, 'all shards were swept');
    this.#sweptThisPass = 0;
  }

  /** The replica in zone shard mod N sweeps; the next ones where those before are down, or nobody has for long. */
  #isMine(nowMs: number): boolean {
    const { nodeId, server, repairer } = this.#options;
    const { map } = server.parts;
    const shard = this.#shard;
    const epoch = map.current.shardEpochs[shard];
    if (epoch === undefined || map.shardRefusal(shard, epoch) !== null) return false;
    const seats = seatsOf(map.current, shard);
    const { transport } = repairer.rounds;
    let before = 0;
    for (let i = 0; i < seats.length; i++) {
      const node = seats[(shard + i) % seats.length]?.node ?? 0;
      if (node === nodeId) break;
      if (transport.isUp(node)) before++;
    }
    if (before === 0) return true;
    const sweptMs = Math.max(
      this.#startedMs,
      server.sweptByOthersMs(shard),
      this.#sweptMs.get(shard) ?? Number.NEGATIVE_INFINITY,
    );
    return nowMs - sweptMs > Math.max(limits.sweepTakeoverMs, 3 * this.#lastPassMs) * before;
  }

  #save(nowMs: number): void {
    this.#savedMs = nowMs;
    const value = Buffer.from(`${this.#shard} ${this.#afterId}`, 'latin1');
    this.#options.server.parts.pipeline.add({ key: POSITION_KEY, value });
  }
}
