import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { NodeId, Transport } from '../rpc/transport.ts';
import { majority } from './majority.ts';

/** Which storage nodes said lately that their disk has no room for what grows. */
export class FullDisks {
  readonly #clock: Clock;
  #transport: Pick<Transport, 'isUp'> | null = null;
  /** Monotonic time until which a node is taken at its word. */
  readonly #untilMs = new Map<NodeId, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on nodes without a connection count, too, where one that is full is among them. */
  watch(transport: Pick<Transport, 'isUp'>): void {
    this.#transport = transport;
  }

  note(node: NodeId): void {
    this.#untilMs.set(node, this.#clock.monotonicMs() + limits.diskFullMemoryMs);
  }

  isFull(node: NodeId): boolean {
    const untilMs = this.#untilMs.get(node);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#untilMs.delete(node);
    return false;
  }

  /** So few nodes of this replica set are there and have room that nothing which grows can be chosen. */
  tooMany(nodes: readonly NodeId[]): boolean {
    if (this.#untilMs.size === 0) return false;
    let full = 0;
    let down = 0;
    for (const node of nodes) {
      if (this.isFull(node)) full++;
      else if (this.#transport?.isUp(node) === false) down++;
    }
    return full > 0 && full + down > nodes.length - majority(nodes.length);
  }

  /** Full ones first: they did not take what was refused, so among themselves they agree on what was before. */
  fullFirst(nodes: readonly NodeId[]): readonly NodeId[] {
    if (this.#untilMs.size === 0) return nodes;
    return [...nodes.filter((node) => this.isFull(node)), ...nodes.filter((node) => !this.isFull(node))];
  }
}
