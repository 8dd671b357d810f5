import { randomFillSync } from 'node:crypto';
import type { Random } from './random.ts';

/** The machine's randomness. The only file that may call Math.random and node:crypto's random functions. */
export class SystemRandom implements Random {
  fill(target: Uint8Array): void {
    randomFillSync(target);
  }

  unit(): number {
    return Math.random();
  }

  below(below: number): number {
    return Math.floor(Math.random() * below);
  }
}
