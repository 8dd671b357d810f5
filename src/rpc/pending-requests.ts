import type { Response } from './messages.ts';
import type { ResponseReceiver } from './transport.ts';

/** A correlation id is a slot (low bits) and how often the slot was used before (high bits). */
const SLOT_BITS = 20;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const USE_MASK = (1 << (32 - SLOT_BITS)) - 1;

/** As many requests can be pending at a time. */
export const MAX_PENDING = 1 << SLOT_BITS;

/**
 * Requests that wait for their responses, by correlation id (u32). A request costs no allocation: its receiver and tag lie
 * in reused slots.
 */
export class PendingRequests {
  readonly #receivers: (ResponseReceiver | null)[] = [];
  readonly #tags: number[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];
  size = 0;

  /** The correlation id. At most MAX_PENDING at a time: the caller looks at `size`. */
  add(receiver: ResponseReceiver, tag: number): number {
    this.size++;
    const slot = this.#free.pop() ?? this.#receivers.push(null) - 1;
    const use = ((this.#uses[slot] ?? 0) + 1) & USE_MASK;
    this.#receivers[slot] = receiver;
    this.#tags[slot] = tag;
    this.#uses[slot] = use;
    return ((use << SLOT_BITS) | slot) >>> 0;
  }

  /** Gives the response to whom it is due. False: nothing is pending under this correlation id. */
  deliver(correlationId: number, response: Response): boolean {
    const slot = correlationId & SLOT_MASK;
    const receiver = this.#receivers[slot] ?? null;
    if (receiver === null || this.#uses[slot] !== correlationId >>> SLOT_BITS) return false;
    this.#clear(slot);
    receiver.onResponse(this.#tags[slot] ?? 0, response);
    return true;
  }

  /** Forgets one that was just added. */
  remove(correlationId: number): void {
    this.#clear(correlationId & SLOT_MASK);
  }

  /** Takes all out and gives each to `lose`, which must not add new ones. */
  drain(lose: (receiver: ResponseReceiver, tag: number) => void): void {
    for (let slot = 0; slot < this.#receivers.length; slot++) {
      const receiver = this.#receivers[slot] ?? null;
      if (receiver === null) continue;
      this.#clear(slot);
      lose(receiver, this.#tags[slot] ?? 0);
    }
  }

  #clear(slot: number): void {
    this.#receivers[slot] = null;
    this.#free.push(slot);
    this.size--;
  }
}
