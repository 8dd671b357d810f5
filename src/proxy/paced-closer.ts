import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { ClientRegistry } from './client-registry.ts';

/** Somebody whose socket is to be closed. */
export interface Closable {
  closeNow(): void;
}

/**
 * Closes connections, not too many in one turn: to close a socket takes the system some ten microseconds and more, and when
 * thousands go at once (CLIENT KILL, clients that all go away, a stop) the others would have to wait for all of them.
 */
export class PacedCloser {
  readonly #clock: Clock;
  readonly #clients: ClientRegistry;
  readonly #waiting: Closable[] = [];
  /** How many may still be closed before the timer. */
  #left: number = limits.closesAtOnce;
  #timer: Timer | null = null;

  constructor(clock: Clock, clients: ClientRegistry) {
    this.#clock = clock;
    this.#clients = clients;
  }

  /** Now, mostly, or soon. Meanwhile its socket counts as one of maxclients. */
  close(one: Closable): void {
    if (this.#left > 0) {
      this.#left -= 1;
      this.#timer ??= this.#later();
      one.closeNow();
      return;
    }
    this.#waiting.push(one);
    this.#clients.leaving += 1;
  }

  /** All that wait, at once. */
  closeAll(): void {
    this.#closeSome(this.#waiting.length);
  }

  #later(): Timer {
    return this.#clock.after(limits.closePauseMs, () => {
      this.#left = limits.closesAtOnce - this.#closeSome(limits.closesAtOnce);
      this.#timer = this.#left < limits.closesAtOnce ? this.#later() : null;
    });
  }

  #closeSome(most: number): number {
    let closed = 0;
    for (; closed < most; closed++) {
      const one = this.#waiting.pop();
      if (one === undefined) break;
      this.#clients.leaving -= 1;
      one.closeNow();
    }
    return closed;
  }
}
