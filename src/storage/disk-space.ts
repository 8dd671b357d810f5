import type { Clock } from '../base/clock.ts';
import type { FreeSpace } from '../base/free-space.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type Ballot, sameBallot } from '../record/ballot.ts';
import { type SealedState, StateKind } from '../record/state.ts';
import { type FaultResponse, MessageType } from '../rpc/messages.ts';

export interface DiskSpaceParts {
  readonly free: FreeSpace;
  /** Kept free; 0: none. */
  readonly reserveBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

export const DISK_FULL: FaultResponse = {
  type: MessageType.fault,
  fault: 'full',
  detail: 'the disk has no room for what grows',
};

/** Part of the reserve that must be free beyond it before growth is allowed again: not to change one's mind all the time. */
const SLACK = 1 / 8;

/**
 * Whether a node's disk has room for what grows. It looks now and then, and is told of writes that failed for lack of
 * room. Below the reserve the node takes no COMMIT of a new value that makes a live record larger; below half of it no
 * repair that does, either (a record under repair cannot be read before). What is left is for tombstones, changes that do
 * not grow, and RocksDB's own work, which is what makes room again.
 */
export class DiskSpace {
  readonly #parts: DiskSpaceParts;
  #isFull = false;
  #freeBytes: number | null = null;
  #isBrimful = false;
  #hasShrunk = false;
  #stopped = false;

  constructor(parts: DiskSpaceParts) {
    this.#parts = parts;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** At the last look; null before the first. */
  get freeBytes(): number | null {
    return this.#freeBytes;
  }

  get reserveBytes(): number {
    return this.#parts.reserveBytes;
  }

  /** Something became smaller since the last call, or was deleted, while the disk was full. */
  takeShrunk(): boolean {
    const hasShrunk = this.#hasShrunk;
    this.#hasShrunk = false;
    return hasShrunk;
  }

  /** `ready`: the first look was taken. */
  start(ready: () => void): void {
    this.#look(() => {
      ready();
      this.#tick();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A write failed for lack of room. */
  noteFull(): void {
    this.#isBrimful = true;
    this.#set(true, 0);
  }

  /** True if there is no room to put `next`, under `ballot`, in the place of `held` (null: absent). */
  refuses(held: SealedState | null, next: SealedState, ballot: Ballot): boolean {
    if (!this.#isFull) return false;
    if (!growsOver(held, next)) {
      this.#hasShrunk = true;
      return false;
    }
    const isRepair = !sameBallot(next.header.origin, ballot);
    return !isRepair || this.#isBrimful;
  }

  #tick(): void {
    this.#parts.clock.after(limits.diskCheckMs, () => {
      if (!this.#stopped) this.#look(() => this.#tick());
    });
  }

  #look(done: () => void): void {
    const { free, reserveBytes, log } = this.#parts;
    free.freeBytes((error, freeBytes) => {
      if (error !== null || freeBytes === undefined) {
        log.warn({ detail: error?.message }, 'the free space of the disk cannot be told');
      } else {
        this.#freeBytes = freeBytes;
        this.#isBrimful = freeBytes < reserveBytes / 2;
        const neededBytes = this.#isFull ? reserveBytes * (1 + SLACK) : reserveBytes;
        this.#set(freeBytes < neededBytes, freeBytes);
      }
      done();
    });
  }

  #set(isFull: boolean, freeBytes: number): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    const { log, reserveBytes } = this.#parts;
    if (isFull) log.error({ freeBytes, reserveBytes }, 'the disk is full: what would grow is refused');
    else log.warn({ freeBytes, reserveBytes }, 'the disk has room again');
  }
}

function growsOver(held: SealedState | null, next: SealedState): boolean {
  if (next.header.kind !== StateKind.live) return false;
  return held === null || held.header.kind !== StateKind.live || next.header.sizeBytes > held.header.sizeBytes;
}
