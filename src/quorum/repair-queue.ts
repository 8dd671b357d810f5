import { ChurningMap } from '../base/churning-map.ts';
import { limits } from '../base/limits.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { RecordChange } from './record-change.ts';
import { Repair, type RepairLink, type RepairOutcome, type RepairOwner } from './repair.ts';

interface Waiting {
  readonly address: RecordAddress;
  readonly change: RecordChange;
  readonly done: (outcome: RepairOutcome) => void;
  readonly link: RepairLink | null;
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

  /** `link`: where it may start without PREPARE. */
  run(
    address: RecordAddress,
    change: RecordChange,
    done: (outcome: RepairOutcome) => void,
    link: RepairLink | null = null,
  ): void {
    if (this.#waiting.length >= limits.repairsQueued) {
      done('failed');
      return;
    }
    this.#waiting.push({ address, change, done, link });
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
      repair.begin(next.link);
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
