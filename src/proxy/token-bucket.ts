/** A rate as a bucket that holds one second's worth: what is left over fills it, and no more. */
export class TokenBucket {
  readonly perSecond: number;
  /** The part of the rate that is to be had here, from above 0 to 1. */
  #share: number;
  #level: number;
  #filledAtMs: number;

  /** Full at first, or as full as the one that it takes the place of. `nowMs` is monotonic. */
  constructor(perSecond: number, nowMs: number, before: TokenBucket | null, share = 1) {
    this.perSecond = perSecond;
    this.#share = share;
    this.#level = before === null ? this.capacity : Math.min(this.capacity, before.level(nowMs));
    this.#filledAtMs = nowMs;
  }

  /** What it holds when it is full. */
  get capacity(): number {
    return this.perSecond * this.#share;
  }

  /** What may be taken at this time; below 0 if more was taken than there was. */
  level(nowMs: number): number {
    if (nowMs > this.#filledAtMs) {
      const { capacity } = this;
      this.#level = Math.min(capacity, this.#level + ((nowMs - this.#filledAtMs) * capacity) / 1000);
      this.#filledAtMs = nowMs;
    }
    return this.#level;
  }

  /** Whether `amount` may be taken: what is more than it ever holds, once it is full. */
  has(amount: number, nowMs: number): boolean {
    return this.level(nowMs) >= Math.min(amount, this.capacity);
  }

  /** After `has` has said so. */
  take(amount: number): void {
    this.#level -= amount;
  }

  /** Another part of the rate from now on. */
  setShare(share: number, nowMs: number): void {
    const level = this.level(nowMs);
    this.#share = share;
    this.#level = Math.min(this.capacity, level);
  }
}
