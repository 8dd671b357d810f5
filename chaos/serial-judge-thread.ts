import { parentPort } from 'node:worker_threads';
import { checkSerial, type SerialTxn } from '../sim/serial-checker.ts';

parentPort?.on('message', ({ number, history }: { number: number; history: readonly SerialTxn[] }) => {
  parentPort?.postMessage({ number, problems: checkSerial(history) });
});
