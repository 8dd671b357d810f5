import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { NodeId, Transport } from '../rpc/transport.ts';

/** Weight of the newest latency in the moving average. */
const LATENCY_WEIGHT = 0.02;
/** A hedge goes out when a node takes so many times the average. */
const HEDGE_FACTOR = 8;

/** What one proxy has seen of the nodes: whom to ask first, and when to ask another. */
export class NodeHealth {
  readonly #clock: Clock;
  readonly #transport: Transport;
  /** Monotonic time until which a node is asked last. */
  readonly #suspectUntilMs = new Map<NodeId, number>();
  #averageMs: number = limits.hedgeDelayMs / HEDGE_FACTOR;
  #nextSampleMs = 0;

  constructor(clock: Clock, transport: Transport) {
    this.#clock = clock;
    this.#transport = transport;
  }

  get hedgeDelayMs(): number {
    return Math.min(limits.hedgeDelayMaxMs, Math.max(limits.hedgeDelayMs, this.#averageMs * HEDGE_FACTOR));
  }

  /** A round that began at `startedMs` got a usable answer. Sampled: the clock is not read for every response. */
  answered(node: NodeId, startedMs: number): void {
    if (startedMs < this.#nextSampleMs) return;
    const nowMs = this.#clock.monotonicMs();
    this.#nextSampleMs = nowMs + limits.latencySampleMs;
    this.#averageMs += (nowMs - startedMs - this.#averageMs) * LATENCY_WEIGHT;
    const until = this.#suspectUntilMs.get(node);
    if (until !== undefined && nowMs >= until) this.#suspectUntilMs.delete(node);
  }

  /** No answer within the hedge delay. */
  slow(node: NodeId): void {
    this.#suspect(node);
  }

  /** No connection, or an answer that could not be used. */
  failed(node: NodeId): void {
    this.#suspect(node);
  }

  /** The replica set, nodes that are down or suspect last; the order is otherwise kept. Usually the array itself. */
  prefer(nodes: readonly NodeId[]): readonly NodeId[] {
    if (this.#suspectUntilMs.size === 0) return nodes;
    const nowMs = this.#clock.monotonicMs();
    const good: NodeId[] = [];
    const bad: NodeId[] = [];
    for (const node of nodes) {
      const until = this.#suspectUntilMs.get(node);
      const suspect = until !== undefined && (nowMs < until || !this.#transport.isUp(node));
      if (suspect) bad.push(node);
      else good.push(node);
      if (until !== undefined && !suspect) this.#suspectUntilMs.delete(node);
    }
    return bad.length === 0 ? nodes : good.concat(bad);
  }

  #suspect(node: NodeId): void {
    this.#suspectUntilMs.set(node, this.#clock.monotonicMs() + limits.suspectMs);
  }
}
