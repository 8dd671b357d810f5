/**
 * Numbers that look random, from a seed that the command's arguments were read with: a step may run several times and must
 * pick the same elements each time.
 */
export class RandomPicks {
  #state: number;

  /** `seed`: an integer below 2^32. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A uniform integer in [0, below); `below` is at most 2^48. */
  below(below: number): number {
    if (below <= 1) return 0;
    const unit = (this.#next() * 65_536 + (this.#next() >>> 16)) / 2 ** 48;
    return Math.floor(unit * below);
  }

  /** `count` different integers in [0, below), in ascending order; all of them if there are no more. */
  distinct(count: number, below: number): number[] {
    const picked = new Set<number>();
    // Floyd: each round adds one that is new, and all choices are as likely.
    for (let top = Math.max(0, below - count); top < below; top++) {
      const pick = this.below(top + 1);
      picked.add(picked.has(pick) ? top : pick);
    }
    return [...picked].sort((a, b) => a - b);
  }

  /** Splitmix32. */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
}
