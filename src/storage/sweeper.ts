import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { nodeKey } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import type { ShardSweep, SweepShardRequest, SweepStatusRequest } from '../rpc/sweep-messages.ts';
import type { Call, NodeId } from '../rpc/transport.ts';
import { ExpiryRunner } from './expiry-runner.ts';
import type { NodeWork } from './node-peer-parts.ts';
import { PurgeQueue } from './purge-queue.ts';
import { PurgeRunner } from './purge-runner.ts';
import { SweepCounts } from './sweep-counts.ts';
import { SweepPace } from './sweep-pace.ts';
import { type RangeSwept, type SweepTools, sweepRange } from './sweep-range.ts';
import type { SweepRunner, SweepServer } from './sweep-server.ts';
import { sweepOrder } from './swept-shards.ts';

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
/** A shard that is being purged is looked at again after so long. */
const PURGE_WAIT_MS = 20;

/** One of the shards that are being swept; -1: none yet. */
interface Lane {
  shard: number;
  afterId: RecordId;
  timer: Timer | null;
}

/**
 * Sweeps this node's share of the shards for ever (protocol §7): each shard is swept by one of its replicas, by another one
 * where that is down or has not done it for long. Paced, and goes on where it was after a restart. One shard at a time,
 * several while so much is due that it would fall behind. Most of what expires it never sees alive: the node has noted it, and kills and
 * purges it by itself (`ExpiryRunner`, `PurgeRunner`). So a pass that finds little to do takes its time.
 */
export class Sweeper implements NodeWork, SweepRunner {
  readonly counts = new SweepCounts();
  readonly #options: SweeperOptions;
  readonly #tools: SweepTools;
  readonly #purges = new PurgeQueue();
  readonly #killing: ExpiryRunner;
  readonly #purging: PurgeRunner;
  /** Shards of which a range is being compared, and how many. */
  readonly #comparing = new Map<number, number>();
  readonly #pace: SweepPace;
  readonly #startedMs: number;
  /** Monotonic time at which this node last came to the end of a shard. */
  readonly #sweptMs = new Map<number, number>();
  readonly #lanes = new Set<Lane>();
  /** The shard that is looked at next. */
  #cursor = 0;
  #stopped = false;
  #passStartedMs: number;
  #lastPassMs = 0;
  #sweptThisPass = 0;
  #savedMs = 0;
  #adjustedMs = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
    const { nodeId, server, repairer } = options;
    const shared = { ...options, counts: this.counts, purges: this.#purges };
    this.#tools = { nodeId, server, repairer, counts: this.counts, purges: this.#purges };
    this.#killing = new ExpiryRunner(shared);
    this.#purging = new PurgeRunner({
      ...shared,
      shards: () => this.#killing.shards,
      isCompared: (shard) => this.#comparing.has(shard),
    });
    this.#startedMs = options.clock.monotonicMs();
    this.#pace = new SweepPace();
    this.#passStartedMs = this.#startedMs;
    this.#savedMs = this.#startedMs;
    server.runner = this;
  }

  /** Finds its place and begins. */
  start(): void {
    this.#killing.start();
    this.#purging.start();
    this.#options.server.parts.engine.getMany([POSITION_KEY], (_error, values) => {
      const text = values?.[0]?.toString('latin1') ?? '';
      const shard = Number.parseInt(text, 10);
      if (Number.isInteger(shard) && shard >= 0 && shard < this.#shards) this.#cursor = shard;
      this.#open();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#killing.stop();
    this.#purging.stop();
    for (const lane of this.#lanes) lane.timer?.cancel();
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
      this.#compare(tools, request.shard, afterId, (swept) => {
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
    const { pageSweep, expiry } = this.#options.server.parts;
    const notesDropped = expiry.dropped + this.#purges.dropped;
    const findings = { ...this.counts, pagesPurged: pageSweep.purged, notesDropped };
    call.respond({ type: MessageType.sweepTold, findings, shards });
  }

  get #shards(): number {
    return this.#options.server.parts.map.current.shards;
  }

  #open(): void {
    const lane: Lane = { shard: -1, afterId: '', timer: null };
    this.#lanes.add(lane);
    this.#later(lane, limits.sweepPauseMs);
  }

  #later(lane: Lane, delayMs: number): void {
    if (this.#stopped) return;
    lane.timer = this.#options.clock.after(delayMs, () => {
      lane.timer = null;
      this.#step(lane);
    });
  }

  #step(lane: Lane): void {
    if (this.#stopped) return;
    const startMs = this.#options.clock.monotonicMs();
    if (lane.shard < 0 && !this.#assign(lane, startMs)) {
      this.#later(lane, this.#cursor === 0 ? limits.sweepPassMs : limits.sweepPauseMs);
      return;
    }
    const { shard } = lane;
    this.#compare(this.#tools, shard, lane.afterId, (swept) => {
      if (this.#stopped) return;
      const nowMs = this.#options.clock.monotonicMs();
      if (swept === null || swept.exhausted) {
        if (swept !== null) this.#sweptMs.set(shard, nowMs);
        this.#sweptThisPass++;
        lane.shard = -1;
      } else {
        lane.afterId = swept.lastId;
      }
      if (nowMs - this.#savedMs >= limits.sweepSaveMs) this.#save(nowMs);
      if (swept !== null) this.#pace.note(swept);
      if (this.#adjust(lane, nowMs)) this.#later(lane, this.#pauseMs(swept, nowMs - startMs));
    });
  }

  /** Gives the lane the next shard that is this node's to sweep; false if there is none, or none before the pass ends. */
  #assign(lane: Lane, nowMs: number): boolean {
    for (let looked = 0; looked < SHARDS_PER_LOOK; looked++) {
      const shard = this.#cursor;
      if (this.#isMine(shard, nowMs) && !this.#isBusy(shard)) {
        lane.shard = shard;
        lane.afterId = '';
        this.#advance(nowMs);
        return true;
      }
      this.#advance(nowMs);
      if (this.#cursor === 0) return false;
    }
    return false;
  }

  #isBusy(shard: number): boolean {
    for (const lane of this.#lanes) if (lane.shard === shard) return true;
    return false;
  }

  /** One range, not while replicas are asked to forget something of the shard. */
  #compare(tools: SweepTools, shard: number, afterId: RecordId, done: (swept: RangeSwept | null) => void): void {
    if (this.#stopped) {
      done(null);
      return;
    }
    if (this.#purging.isPurging(shard)) {
      this.#options.clock.after(PURGE_WAIT_MS, () => this.#compare(tools, shard, afterId, done));
      return;
    }
    this.#comparing.set(shard, (this.#comparing.get(shard) ?? 0) + 1);
    sweepRange(tools, shard, afterId, (swept) => {
      const others = (this.#comparing.get(shard) ?? 0) - 1;
      if (others > 0) this.#comparing.set(shard, others);
      else this.#comparing.delete(shard);
      done(swept);
    });
  }

  /** More lanes while much is due and the pass takes too long, fewer again after that; false if this one has ended. */
  #adjust(lane: Lane, nowMs: number): boolean {
    if (lane.shard >= 0 || nowMs - this.#adjustedMs < limits.sweepAdjustMs) return true;
    this.#adjustedMs = nowMs;
    const done = Math.max(1, this.#cursor) / this.#shards;
    const isLate = (nowMs - this.#passStartedMs) / done > 1.5 * limits.sweepPassMs;
    const most = Math.min(limits.sweepLanes, Math.floor(this.#mine() / limits.sweepShardsPerLane));
    if (isLate && this.#pace.dueShare > limits.sweepDueShare) {
      if (this.#lanes.size < most) this.#open();
    } else if (this.#lanes.size > 1) {
      this.#lanes.delete(lane);
      return false;
    }
    return true;
  }

  /**
   * Longer where the step took long, for then the node is busy, unless much is due; and shards are spread over the least time
   * of a pass.
   */
  #pauseMs(swept: RangeSwept | null, tookMs: number): number {
    const lanes = this.#lanes.size;
    const readMs = ((swept?.bytes ?? 0) * 1000 * lanes) / limits.sweepBytesPerSecond;
    const busyMs = lanes > 1 ? 0 : tookMs * limits.sweepPauseShare;
    const calmMs = swept === null ? 0 : this.#pace.calmMs(swept.records) * lanes;
    const paceMs = Math.max(limits.sweepPauseMs, busyMs, readMs - tookMs, calmMs - tookMs);
    if (swept !== null && !swept.exhausted) return paceMs;
    const share = (limits.sweepPassMs * lanes) / Math.max(1, this.#mine());
    return Math.max(paceMs, share - tookMs);
  }

  /** How many shards this node sweeps, about. */
  #mine(): number {
    const { zones, shards } = this.#options.server.parts.map.current;
    const zone = zones.find(({ nodes }) => nodes.some(({ id }) => id === this.#options.nodeId));
    return shards / zones.length / Math.max(1, zone?.nodes.length ?? 1);
  }

  #advance(nowMs: number): void {
    this.#cursor = (this.#cursor + 1) % this.#shards;
    if (this.#cursor !== 0) return;
    this.#lastPassMs = nowMs - this.#passStartedMs;
    this.#pace.passEnded();
    this.#passStartedMs = nowMs;
    this.#options.log.debug({ tookMs: this.#lastPassMs, shards: this.#sweptThisPass }, 'all shards were swept');
    this.#sweptThisPass = 0;
  }

  /** The replica in zone shard mod N sweeps; the next ones where those before are down, or nobody has for long. */
  #isMine(shard: number, nowMs: number): boolean {
    const { nodeId, server, repairer } = this.#options;
    const { map } = server.parts;
    const epoch = map.current.shardEpochs[shard];
    if (epoch === undefined || map.shardRefusal(shard, epoch) !== null) return false;
    const { transport } = repairer.rounds;
    let before = 0;
    for (const node of sweepOrder(map.current, shard)) {
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
    this.#options.server.parts.pipeline.add({ key: POSITION_KEY, value: Buffer.from(`${this.#cursor}`, 'latin1') });
  }
}
