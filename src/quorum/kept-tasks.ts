/** A task that may be let go once it has been idle for a while. */
export interface KeptTask {
  readonly idle: boolean;
  readonly lastWriteMs: number;
}

/** Consumed entries are cut off when so many have piled up. */
const COMPACT_AT = 4_096;

/**
 * Idle tasks with a chain, in the order of their last write: let go when the chain is over, or the oldest when there are
 * too many. A task that was written again stands further back once more; its older entries say nothing.
 */
export class KeptTasks<T extends KeptTask> {
  readonly #capacity: number;
  readonly #lifeMs: number;
  readonly #letGo: (task: T) => void;
  #entries: { readonly task: T; readonly writtenMs: number }[] = [];
  #first = 0;

  constructor(capacity: number, lifeMs: number, letGo: (task: T) => void) {
    this.#capacity = capacity;
    this.#lifeMs = lifeMs;
    this.#letGo = letGo;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  keep(task: T): void {
    this.#entries.push({ task, writtenMs: task.lastWriteMs });
    if (this.size > this.#capacity) this.#dropFirst();
  }

  /** Lets go of those whose time is over. */
  sweep(nowMs: number): void {
    for (;;) {
      const entry = this.#entries[this.#first];
      if (entry === undefined || nowMs - entry.writtenMs < this.#lifeMs) return;
      this.#dropFirst();
    }
  }

  #dropFirst(): void {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return;
    this.#first++;
    if (this.#first >= COMPACT_AT) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    if (entry.task.idle && entry.task.lastWriteMs === entry.writtenMs) this.#letGo(entry.task);
  }
}
