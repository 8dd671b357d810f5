/** A rate as a bucket that holds one second's worth: what is left over fills it, and no more. */
export class TokenBucket {
  readonly perSecond: number;
  #level: number;
  #filledAtMs: number;

  /** Full at first, or as full as the one that it takes the place of. `nowMs` is monotonic. */
  constructor(perSecond: number, nowMs: number, before: TokenBucket | null) {
    this.perSecond = perSecond;
    this.#level = before === null ? perSecond : Math.min(perSecond, before.level(nowMs));
    this.#filledAtMs = nowMs;
  }

  /** What may be taken at this time. */
  level(nowMs: number): number {
    if (nowMs > this.#filledAtMs) {
      this.#level = Math.min(this.perSecond, this.#level + ((nowMs - this.#filledAtMs) * this.perSecond) / 1000);
      this.#filledAtMs = nowMs;
    }
    return this.#level;
  }

  /** After `level` has said that there is so much. */
  take(amount: number): void {
    this.#level -= amount;
  }
}
