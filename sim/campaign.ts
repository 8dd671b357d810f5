import { Worker } from 'node:worker_threads';
import { DEFECTS } from './defects.ts';
import { makePlan, zonesOf } from './plan.ts';
import { outsidePromises } from './promises.ts';
import { isFailure } from './report.ts';
import { runPlan } from './run-plan.ts';
import { addRun, noTotals, type Totals } from './summary.ts';
import { SOUND_PARTS } from './world.ts';

/** Seeds of one piece of work. */
const SEEDS_AT_ONCE = 25;

/** Seeds `from` to `from + count - 1`. */
export interface Work {
  readonly from: number;
  readonly count: number;
  /** Null: of each seed its own. */
  readonly zones: number | null;
  /** Null: the product as it is. */
  readonly defect: string | null;
}

export interface Failed {
  readonly seed: number;
  readonly problem: string;
}

export interface Done {
  readonly totals: Totals;
  readonly failed: readonly Failed[];
}

/** Runs seeds in this thread; outside promises. With a defect the first one that fails is the last. */
export function runSeeds({ from, count, zones, defect }: Work): Done {
  const parts = defect === null ? SOUND_PARTS : (DEFECTS.get(defect) ?? SOUND_PARTS);
  const totals = noTotals();
  const failed: Failed[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const result = runPlan(makePlan(seed, zones ?? zonesOf(seed)), parts, false);
    addRun(totals, result);
    if (!isFailure(result)) continue;
    failed.push({ seed, problem: result.problems[0]?.split('\n')[0] ?? '' });
    if (defect !== null) break;
  }
  return { totals, failed };
}

/**
 * Runs many seeds, by threads if there are to be some. Pieces are given out in order, and `onDone` hears of each as it
 * ends; when it returns false no more are given out.
 */
export async function runCampaign(work: Work, workers: number, onDone: (done: Done) => boolean): Promise<void> {
  const end = work.from + work.count;
  let next = work.from;
  let goesOn = true;
  const take = (): Work | null => {
    if (!goesOn || next >= end) return null;
    const piece = { ...work, from: next, count: Math.min(SEEDS_AT_ONCE, end - next) };
    next += piece.count;
    return piece;
  };
  const onPiece = (done: Done): void => {
    if (!onDone(done)) goesOn = false;
  };
  if (workers <= 1) {
    for (let piece = take(); piece !== null; piece = take()) {
      const current = piece;
      onPiece(await outsidePromises(() => runSeeds(current)));
    }
    return;
  }
  await Promise.all(Array.from({ length: workers }, () => runThread(take, onPiece)));
}

function runThread(take: () => Work | null, onPiece: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./campaign-worker.ts', import.meta.url));
    const giveOut = (): void => worker.postMessage(take());
    worker.on('message', (done: Done) => {
      onPiece(done);
      giveOut();
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve());
    giveOut();
  });
}
