import { ChurningMap } from '../base/churning-map.ts';
import { limits } from '../base/limits.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { RecordChange } from './record-change.ts';
import { Repair, type RepairOutcome, type RepairOwner } from './repair.ts';

interface Waiting {
  readonly address: RecordAddress;
  readonly change: RecordChange;
  readonly done: (outcome: RepairOutcome) => void;
}

/**
 * Repairs of one process: at most `atOnce` are under way, more wait their turn, and more than limits.repairsQueued fail at once.
 */
export class RepairQueue {
  readonly #owner: RepairOwner;
  readonly #atOnce: number;
  readonly #open = new ChurningMap<Repair, Repair>();
  #waiting: Waiting[] = [];
  #ticking = false;

  constructor(owner: RepairOwner, atOnce: number) {
    this.#owner = owner;
    this.#atOnce = atOnce;
  }

  /** Under way and waiting. */
  get pending(): number {
    return this.#open.size + this.#waiting.length;
  }

  run(address: RecordAddress, change: RecordChange, done: (outcome: RepairOutcome) => void): void {
    if (this.#waiting.length >= limits.repairsQueued) {
      done('failed');
      return;
    }
    this.#waiting.push({ address, change, done });
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (this.#open.size < this.#atOnce) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const repair = new Repair(this.#owner, next.address, next.change, (outcome) => {
        this.#open.delete(repair);
        next.done(outcome);
        this.#startWaiting();
      });
      this.#open.set(repair, repair);
      repair.begin();
    }
    if (this.#open.size > 0 && !this.#ticking) this.#tick();
  }

  #tick(): void {
    this.#ticking = true;
    const { clock } = this.#owner;
    clock.after(limits.roundTickMs, () => {
      const nowMs = clock.monotonicMs();
      this.#open.each((repair) => repair.onTick(nowMs));
      this.#ticking = false;
      if (this.#open.size > 0) this.#tick();
    });
  }
}
