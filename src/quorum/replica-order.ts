import type { NodeId } from '../rpc/transport.ts';
import type { NodeHealth } from './node-health.ts';

const NONE: readonly NodeId[] = [];

/** Whom a task asks first: healthy nodes before suspect ones, and last those whose bytes did not authenticate in this round. */
export class ReplicaOrder {
  readonly #health: NodeHealth;
  #unreadable: readonly NodeId[] = NONE;

  constructor(health: NodeHealth) {
    this.#health = health;
  }

  get unreadableCount(): number {
    return this.#unreadable.length;
  }

  of(nodes: readonly NodeId[]): readonly NodeId[] {
    const preferred = this.#health.prefer(nodes);
    if (this.#unreadable.length === 0) return preferred;
    return this.readable(preferred).concat(this.#unreadable);
  }

  readable(holders: readonly NodeId[]): readonly NodeId[] {
    if (this.#unreadable.length === 0) return holders;
    return holders.filter((node) => !this.#unreadable.includes(node));
  }

  /** The first of the holders was asked for its state, and that did not authenticate. */
  markUnreadable(holders: readonly NodeId[]): void {
    const first = holders.find((node) => !this.#unreadable.includes(node));
    if (first !== undefined) this.#unreadable = this.#unreadable.concat(first);
  }

  clear(): void {
    this.#unreadable = NONE;
  }
}
