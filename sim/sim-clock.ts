import type { Clock, Timer } from '../src/base/clock.ts';
import { settlePromises } from './promises.ts';

/** Start of the simulated time: 2024-01-01, microseconds. */
export const START_US = 1_704_067_200_000_000;

/** Something that happens at a moment of the simulated time. `owner` null: nobody's, it always happens. */
interface SimEvent {
  atUs: number;
  readonly order: number;
  readonly owner: SimProcess | null;
  run: (() => void) | null;
}

/** A process that can end: what it had planned never happens then. */
export class SimProcess {
  readonly name: string;
  alive = true;
  /** It stands still until then (a long collection of garbage, a stopped virtual machine). */
  pausedUntilUs = 0;

  constructor(name: string) {
    this.name = name;
  }
}

interface TurnEntry {
  readonly owner: SimProcess;
  readonly run: () => void;
}

/**
 * One queue of events in virtual time (microseconds from 0). Events of the same moment run in the order in which they
 * were planned. After each event the end of the turn runs, and what promises have waiting.
 */
export class SimScheduler {
  #nowUs = 0;
  #order = 0;
  #events = 0;
  readonly #heap: SimEvent[] = [];
  #turn: TurnEntry[] = [];

  get nowUs(): number {
    return this.#nowUs;
  }

  /** Events that ran. */
  get events(): number {
    return this.#events;
  }

  at(atUs: number, owner: SimProcess | null, run: () => void): Timer {
    const event: SimEvent = { atUs: Math.max(this.#nowUs, Math.ceil(atUs)), order: this.#order++, owner, run };
    this.#push(event);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  after(delayUs: number, owner: SimProcess | null, run: () => void): Timer {
    return this.at(this.#nowUs + delayUs, owner, run);
  }

  endOfTurn(owner: SimProcess, run: () => void): void {
    this.#turn.push({ owner, run });
  }

  /** Runs the next event that still has someone to happen to; false if there is none up to `untilUs`. */
  step(untilUs: number): boolean {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.atUs > untilUs) return false;
      this.#pop();
      const { run, owner } = event;
      if (run === null || owner?.alive === false) continue;
      if (owner !== null && owner.pausedUntilUs > event.atUs) {
        event.atUs = owner.pausedUntilUs;
        this.#push(event);
        continue;
      }
      this.#nowUs = event.atUs;
      this.#events++;
      run();
      this.flushTurn();
      return true;
    }
  }

  /** Runs all events up to this moment, and makes it the present. */
  runUntil(untilUs: number): void {
    this.flushTurn();
    while (this.step(untilUs)) {}
    this.#nowUs = Math.max(this.#nowUs, untilUs);
  }

  /** The rest of the turn of the event loop. */
  flushTurn(): void {
    settlePromises();
    while (this.#turn.length > 0) {
      const turn = this.#turn;
      this.#turn = [];
      for (const { owner, run } of turn) if (owner.alive) run();
      settlePromises();
    }
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(event, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      let smaller = heap[child];
      if (smaller === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, smaller)) {
        child++;
        smaller = right;
      }
      if (!before(smaller, last)) break;
      heap[i] = smaller;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.atUs !== b.atUs ? a.atUs < b.atUs : a.order < b.order;
}

/** The clocks of one machine: they outlive its processes. The wall clock is off by `offsetUs` and may drift. */
export class MachineTime {
  readonly #scheduler: SimScheduler;
  offsetUs: number;
  readonly #driftPerMillion: number;

  constructor(scheduler: SimScheduler, offsetUs: number, driftPerMillion: number) {
    this.#scheduler = scheduler;
    this.offsetUs = offsetUs;
    this.#driftPerMillion = driftPerMillion;
  }

  wallUs(): number {
    const nowUs = this.#scheduler.nowUs;
    return START_US + nowUs + this.offsetUs + Math.floor((nowUs * this.#driftPerMillion) / 1_000_000);
  }
}

/** One process's view of its machine's time. */
export class SimClock implements Clock {
  readonly #scheduler: SimScheduler;
  readonly #machine: MachineTime;
  readonly #process: SimProcess;

  constructor(scheduler: SimScheduler, machine: MachineTime, process: SimProcess) {
    this.#scheduler = scheduler;
    this.#machine = machine;
    this.#process = process;
  }

  wallUs(): number {
    return this.#machine.wallUs();
  }

  wallMs(): number {
    return Math.floor(this.#machine.wallUs() / 1000);
  }

  monotonicMs(): number {
    return this.#scheduler.nowUs / 1000;
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#scheduler.after(Math.max(0, delayMs) * 1000, this.#process, fn);
  }

  endOfTurn(fn: () => void): void {
    this.#scheduler.endOfTurn(this.#process, fn);
  }
}
