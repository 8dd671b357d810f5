import { paceCollections } from '../../base/collection-pace.ts';
import { assembly } from '../assemble.ts';
import { createSystem } from '../system.ts';
import { type ParentPort, Worker } from './worker.ts';
import type { ToWorker } from './worker-messages.ts';

/** A process that `worker-process.ts` has forked, as it reaches the one that did. */
const parent: ParentPort = {
  send(message, sent = () => {}) {
    if (process.connected) process.send?.(message, undefined, {}, () => sent());
    else sent();
  },
  onMessage: (listener) => process.on('message', (message, handle) => listener(message as ToWorker, handle)),
  onCut: (listener) => process.on('disconnect', listener),
};

paceCollections();
new Worker(createSystem(), assembly, parent);
