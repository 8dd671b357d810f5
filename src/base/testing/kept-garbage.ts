import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const STEPS = 20_000;
const STEPS_PER_COLLECTION = 500;
/** Of `litter`, about. */
const BYTES_PER_STEP = 1_600;

/** Something that can be seen in the heap if it is kept. */
export function litter(): number[] {
  return new Array<number>(BYTES_PER_STEP / 8).fill(1);
}

/**
 * What part of the litter of thousands of steps, each of which is to keep none, is left where only the young generation is
 * collected: more than nearly nothing, if something that has grown old still refers to it.
 */
export function keptShare(step: (i: number) => void): number {
  setFlagsFromString('--expose-gc');
  const collect: (options: { type: 'minor' | 'major'; execution: 'sync' }) => void = runInNewContext('gc');
  collect({ type: 'major', execution: 'sync' });
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < STEPS; i++) {
    step(i);
    if (i % STEPS_PER_COLLECTION === 0) collect({ type: 'minor', execution: 'sync' });
  }
  // What has survived one collection goes with the next.
  for (let i = 0; i < 2; i++) collect({ type: 'minor', execution: 'sync' });
  return (process.memoryUsage().heapUsed - before) / (STEPS * BYTES_PER_STEP);
}
