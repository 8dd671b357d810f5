import { parentPort } from 'node:worker_threads';
import { runSeeds, type Work } from './campaign.ts';
import { outsidePromises } from './promises.ts';

/** A thread of a campaign: runs what it is given until it is given nothing more. */
parentPort?.on('message', (work: Work | null) => {
  if (work === null) parentPort?.close();
  else void outsidePromises(() => runSeeds(work)).then((done) => parentPort?.postMessage(done));
});
