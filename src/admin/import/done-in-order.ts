/** Tells how many of the things that were begun, one after the other, have ended without a gap. */
export class DoneInOrder {
  #done: number;
  #begun: number;
  readonly #ended = new Set<number>();

  /** `done`: of an earlier run. */
  constructor(done = 0) {
    this.#done = done;
    this.#begun = done;
  }

  /** All before this one have ended. */
  get done(): number {
    return this.#done;
  }

  /** Begins the next; to be called when it has ended. */
  begin(): () => void {
    const index = this.#begun++;
    return () => {
      this.#ended.add(index);
      while (this.#ended.delete(this.#done)) this.#done++;
    };
  }
}
