import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { NodeId } from '../rpc/transport.ts';
import { FullDisks } from './full-disks.ts';
import { isPair } from './joint-transport.ts';
import { LatencyEstimate } from './latency-estimate.ts';
import type { ProtocolCounters } from './protocol-counters.ts';

/** A hedge goes out when a node takes so many times what is usual: mean and deviation of the healthy nodes. */
const HEDGE_FACTOR = 4;
/** A node that takes so many times what the others take is asked last. */
const SLOW_FACTOR = 4;
/** Estimates are compared after so many samples. */
const SAMPLES_PER_LOOK = 16;
/** Quick probes in a row that bring a node back: the first number, doubled for each relapse up to the second. */
const PROBES_NEEDED = 2;
const PROBES_NEEDED_MAX = 32;

/** What a proposer knows of one node, for its operators. */
export interface NodeReport {
  readonly nodeId: NodeId;
  readonly isSuspect: boolean;
  /** Of READs and PREPAREs, milliseconds; 0 before the first. */
  readonly meanMs: number;
  readonly deviationMs: number;
  /** Since the start: times that it was found slow, or failed, while it was trusted. */
  readonly suspicions: number;
  /** How far the node's wall clock was ahead of this process's when they last shook hands; absent before that. */
  readonly clockAheadMs?: number;
}

class Watched {
  readonly latency = new LatencyEstimate();
  nextSampleMs = 0;
  isSuspect = false;
  suspicions = 0;
  returnedAtMs = Number.NEGATIVE_INFINITY;
  probesNeeded = PROBES_NEEDED;
  quickProbes = 0;
  clockAheadMs: number | null = null;
}

/**
 * What one proposer has seen of the nodes: whom to ask first, and when to ask another. A node that did not answer within
 * the hedge delay, failed, or takes several times what the others take is suspect: it is asked last, until probes in the
 * background (NodeProber) find it quick again. So a node that hangs costs those who had asked it one hedge delay, and no
 * one else anything. Pairs (JointTransport) are watched like nodes.
 */
export class NodeHealth {
  /** Told of each node that becomes suspect. */
  onSuspect: ((node: NodeId) => void) | null = null;
  readonly full: FullDisks;
  readonly #clock: Clock;
  readonly #counters: ProtocolCounters | null;
  readonly #log: Log;
  readonly #nodes = new Map<NodeId, Watched>();
  #suspects = 0;
  /** Preferred orders while some are suspect, by the array asked for: a node may be down for long. */
  #orders = new WeakMap<readonly NodeId[], readonly NodeId[]>();
  #hedgeDelayMs: number = limits.hedgeDelayMs;
  /** What healthy nodes take, in the middle; 0 before it is known. */
  #usualMs = 0;
  #samples = 0;

  constructor(clock: Clock, counters: ProtocolCounters | null = null, log: Log = silentLog) {
    this.full = new FullDisks(clock);
    this.#clock = clock;
    this.#counters = counters;
    this.#log = log;
  }

  get hedgeDelayMs(): number {
    return this.#hedgeDelayMs;
  }

  /** A node asked at `startedMs` for a record gave a usable answer. Sampled: the clock is not read for every response. */
  answered(node: NodeId, startedMs: number): void {
    const watched = this.#watched(node);
    if (startedMs < watched.nextSampleMs) return;
    const nowMs = this.#clock.monotonicMs();
    watched.nextSampleMs = nowMs + limits.latencySampleMs;
    const latencyMs = Math.min(nowMs - startedMs, limits.hedgeDelayMaxMs);
    if (watched.isSuspect) {
      this.#onProbe(node, watched, latencyMs);
      return;
    }
    watched.latency.add(latencyMs);
    this.#samples++;
    if (this.#samples % SAMPLES_PER_LOOK === 0) this.#compare(node, watched);
  }

  /** No answer within the hedge delay. */
  slow(node: NodeId): void {
    this.#suspect(node, 'it did not answer in time');
  }

  /** No connection, or an answer that could not be used. */
  failed(node: NodeId): void {
    this.#suspect(node, 'it has no connection, or gave no usable answer');
  }

  /** The node has just shaken hands: whatever was the matter is over. */
  cameUp(node: NodeId): void {
    const watched = this.#nodes.get(node);
    if (watched?.isSuspect === true) this.#takeBack(node, watched);
  }

  /** What the node's wall clock showed when it shook hands, microseconds. */
  noteClock(node: NodeId, clockUs: number): void {
    this.#watched(node).clockAheadMs = (clockUs - this.#clock.wallUs()) / 1000;
  }

  /** A suspect node answered a probe; null: not in time. */
  probed(node: NodeId, latencyMs: number | null): void {
    const watched = this.#nodes.get(node);
    if (watched?.isSuspect === true) this.#onProbe(node, watched, latencyMs);
  }

  isSuspect(node: NodeId): boolean {
    return this.#suspects > 0 && this.#nodes.get(node)?.isSuspect === true;
  }

  /** How many quick answers bring the node back. */
  quickProbes(node: NodeId): number {
    return this.#nodes.get(node)?.quickProbes ?? 0;
  }

  /** The replica set, suspect nodes last; the order is otherwise kept. The array itself while all are well. */
  prefer(nodes: readonly NodeId[]): readonly NodeId[] {
    if (this.#suspects === 0) return nodes;
    const known = this.#orders.get(nodes);
    if (known !== undefined) return known;
    const good = nodes.filter((node) => !this.isSuspect(node));
    const bad = nodes.filter((node) => this.isSuspect(node));
    const order = good.length === 0 || bad.length === 0 ? nodes : good.concat(bad);
    this.#orders.set(nodes, order);
    return order;
  }

  /** Forgets nodes that are not in the map any more. */
  retain(isWanted: (node: NodeId) => boolean): void {
    for (const [node, watched] of this.#nodes) {
      if (isWanted(node)) continue;
      if (watched.isSuspect) this.#setSuspect(watched, false);
      this.#nodes.delete(node);
    }
  }

  reports(): NodeReport[] {
    return [...this.#nodes].map(([nodeId, { isSuspect, latency, suspicions, clockAheadMs }]) => ({
      nodeId,
      isSuspect,
      meanMs: latency.meanMs,
      deviationMs: latency.deviationMs,
      suspicions,
      ...(clockAheadMs === null ? {} : { clockAheadMs }),
    }));
  }

  #watched(node: NodeId): Watched {
    let watched = this.#nodes.get(node);
    if (watched === undefined) {
      watched = new Watched();
      this.#nodes.set(node, watched);
    }
    return watched;
  }

  #suspect(node: NodeId, reason: string): void {
    const watched = this.#watched(node);
    watched.quickProbes = 0;
    if (watched.isSuspect) return;
    const isRelapse = this.#clock.monotonicMs() - watched.returnedAtMs < limits.suspectRelapseMs;
    watched.probesNeeded = isRelapse ? Math.min(2 * watched.probesNeeded, PROBES_NEEDED_MAX) : PROBES_NEEDED;
    watched.suspicions++;
    this.#counters?.add('node-suspected');
    this.#setSuspect(watched, true);
    if (!isPair(node)) this.#log.warn({ nodeId: node, reason }, 'a storage node is suspect: it is asked last');
    this.onSuspect?.(node);
  }

  #onProbe(node: NodeId, watched: Watched, latencyMs: number | null): void {
    const quickMs = Math.max(limits.slowNodeMs, SLOW_FACTOR * this.#usualMs);
    watched.quickProbes = latencyMs !== null && latencyMs <= quickMs ? watched.quickProbes + 1 : 0;
    if (watched.quickProbes >= watched.probesNeeded) this.#takeBack(node, watched);
  }

  #takeBack(node: NodeId, watched: Watched): void {
    this.#counters?.add('node-taken-back');
    watched.returnedAtMs = this.#clock.monotonicMs();
    watched.latency.forget();
    this.#setSuspect(watched, false);
    if (!isPair(node)) this.#log.warn({ nodeId: node }, 'a storage node is taken back: it is asked like the others');
  }

  #setSuspect(watched: Watched, isSuspect: boolean): void {
    watched.isSuspect = isSuspect;
    this.#suspects += isSuspect ? 1 : -1;
    this.#orders = new WeakMap();
  }

  /** Brings the hedge delay up to what is usual, and finds out whether this node is slower than the others. */
  #compare(node: NodeId, watched: Watched): void {
    const means: number[] = [];
    const typical: number[] = [];
    const others: number[] = [];
    for (const [other, { isSuspect, latency }] of this.#nodes) {
      if (isSuspect || !latency.isKnown) continue;
      means.push(latency.meanMs);
      typical.push(latency.meanMs + latency.deviationMs);
      if (other !== node) others.push(latency.meanMs);
    }
    if (means.length === 0) return;
    this.#usualMs = median(means);
    const hedgeMs = HEDGE_FACTOR * median(typical);
    this.#hedgeDelayMs = Math.min(limits.hedgeDelayMaxMs, Math.max(limits.hedgeDelayMs, hedgeMs));
    if (others.length === 0 || !watched.latency.isKnown) return;
    const usualMs = median(others);
    const { meanMs } = watched.latency;
    if (meanMs > SLOW_FACTOR * usualMs && meanMs > usualMs + limits.slowNodeMs) {
      this.#suspect(node, 'it takes several times as long as the others');
    }
  }
}

/** Of an even number the lower one: one slow node of two is not what is usual. */
function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[(values.length - 1) >>> 1] ?? 0;
}
