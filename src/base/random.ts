/** Randomness, as the rest of the code sees it; `system-random.ts` is the real one, the simulator's is seeded. */
export interface Random {
  /** Fills `target` with random bytes; cryptographically strong in production. */
  fill(target: Uint8Array): void;
  /** A uniform number in [0, 1). Not for secrets. */
  unit(): number;
  /** A uniform integer in [0, below). Not for secrets. */
  below(below: number): number;
}
