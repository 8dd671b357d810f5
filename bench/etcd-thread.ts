/** A thread of `runEtcdLoad`. */
import { parentPort, workerData } from 'node:worker_threads';
import { type EtcdLoad, runEtcdThread } from './etcd-load.ts';

const { load, seed }: { load: EtcdLoad; seed: number } = workerData;
parentPort?.postMessage(await runEtcdThread(load, seed));
