/** Wakes the open loop more often than a timer of Node can: every so many milliseconds, or fractions of one. */
import { parentPort, workerData } from 'node:worker_threads';

/** cells[0]: not 0 to end; cells[1]: 1 while a wake-up is on its way. */
const { cells, tickMs }: { cells: Int32Array; tickMs: number } = workerData;

while (Atomics.wait(cells, 0, 0, tickMs) === 'timed-out') {
  if (Atomics.compareExchange(cells, 1, 0, 1) === 0) parentPort?.postMessage(null);
}
