/** Numbers that rise and that no other row of the same proxy has: 1, 2, 3 ... of one worker; every N-th of N of them. */
export class NumberRow {
  readonly #step: number;
  readonly #offset: number;
  #taken: number;

  /** `taken`: how many of this seat's numbers were given out before. */
  constructor(index = 0, workers = 1, taken = 0) {
    this.#step = workers;
    this.#offset = index + 1;
    this.#taken = taken;
  }

  next(): number {
    return this.#taken++ * this.#step + this.#offset;
  }
}
