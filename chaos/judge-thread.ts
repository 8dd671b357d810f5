import { parentPort } from 'node:worker_threads';
import { checkKey, type HistoryOp } from '../sim/checker.ts';

parentPort?.on('message', ({ number, history }: { number: number; history: readonly HistoryOp[] }) => {
  parentPort?.postMessage({ number, verdict: checkKey(history) });
});
