import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Ballot } from '../record/ballot.ts';
import type { Call } from '../rpc/transport.ts';
import type { Acceptor } from './acceptor.ts';
import type { NodeStore } from './node-store.ts';

/**
 * Keeps the durable ceiling above what the node is asked to promise (protocol §2, the ceiling rule): ahead of time by a
 * timer, and on demand for a ballot above it, whose calls wait until the new ceiling is on the disk.
 */
export class CeilingKeeper {
  readonly #acceptor: Acceptor;
  readonly #store: NodeStore;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Takes waiting calls up again; `raised` false: the ceiling could not be written. */
  readonly #resume: (calls: readonly Call[], raised: boolean) => void;
  #waiting: Call[] = [];
  #neededUs = 0;
  #saving = false;
  #stopped = false;

  constructor(
    acceptor: Acceptor,
    store: NodeStore,
    clock: Clock,
    log: Log,
    resume: (calls: readonly Call[], raised: boolean) => void,
  ) {
    this.#acceptor = acceptor;
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#resume = resume;
  }

  /** Raises the ceiling before the first answer and then at half the distance, traffic or not. */
  start(ready: () => void): void {
    const targetUs = this.#clock.wallUs() + limits.ceilingAheadMs * 1000;
    this.#save(Math.max(targetUs, this.#acceptor.ceilingUs), ready);
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The call is taken up again when ballots of this time may be promised and accepted. */
  waitFor(ballot: Ballot, call: Call): void {
    this.#waiting.push(call);
    this.#neededUs = Math.max(this.#neededUs, ballot.time);
    if (!this.#saving) this.#raise();
  }

  /** Raises the durable ceiling to at least this; false: it could not be written. */
  raiseTo(ceilingUs: number, done: (isRaised: boolean) => void): void {
    if (ceilingUs <= this.#acceptor.ceilingUs) {
      done(true);
      return;
    }
    this.#store.saveCeiling(ceilingUs, (error) => {
      if (this.#stopped) return;
      if (error === null) this.#acceptor.raiseCeiling(ceilingUs);
      done(error === null);
    });
  }

  #raise(): void {
    const targetUs = Math.max(
      this.#clock.wallUs() + limits.ceilingAheadMs * 1000,
      this.#neededUs + limits.ceilingAboveBallotMs * 1000,
    );
    this.#save(targetUs, () => {});
  }

  #save(targetUs: number, done: () => void): void {
    this.#saving = true;
    this.#store.saveCeiling(targetUs, (error) => {
      this.#saving = false;
      if (this.#stopped) return;
      if (error === null) this.#acceptor.raiseCeiling(targetUs);
      else this.#log.error({ detail: error.message }, 'the ceiling could not be written');
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#neededUs = 0;
      if (waiting.length > 0) this.#resume(waiting, error === null);
      done();
    });
  }

  #tick(): void {
    this.#clock.after(limits.ceilingAheadMs / 4, () => {
      if (this.#stopped) return;
      const aheadUs = this.#acceptor.ceilingUs - this.#clock.wallUs();
      if (aheadUs < (limits.ceilingAheadMs * 1000) / 2 && !this.#saving) this.#raise();
      this.#tick();
    });
  }
}
