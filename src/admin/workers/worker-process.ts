import { fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/** What is told of a worker's process. */
export interface WorkerProcessEvents {
  message(message: FromWorker): void;
  /** The process has ended; `how` in words, such as `signal SIGKILL`. */
  ended(how: string): void;
}

/** A connection as it is passed to another process: the handle of a socket that nobody reads from. */
export interface PassedHandle {
  close(): void;
}

/** A process that serves clients of a port that another one has. */
export interface WorkerProcess {
  readonly pid: number;
  /** What is sent after the end is lost. `done`: it is not on the way any more. */
  send(message: ToWorker, done?: () => void): void;
  /** `done` tells whether it has arrived there; who sends closes its own copy then. */
  pass(message: ToWorker, handle: PassedHandle, done: (passed: boolean) => void): void;
  /** Ends it at once. */
  kill(): void;
}

export type SpawnWorker = (events: WorkerProcessEvents) => WorkerProcess;

/** Starts a process that waits for `start`. */
export const spawnWorker: SpawnWorker = (events) => {
  // From src in a clone and from dist in the package.
  const program = fileURLToPath(new URL(`./worker-main${extname(import.meta.url)}`, import.meta.url));
  const child = fork(program, [], { serialization: 'advanced', stdio: 'inherit' });
  let hasEnded = false;
  const end = (how: string): void => {
    if (hasEnded) return;
    hasEnded = true;
    events.ended(how);
  };
  child.on('message', (message) => events.message(message as FromWorker));
  child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
  // Of a process that could not be started, and of messages that came too late.
  child.on('error', (error) => {
    if (child.pid === undefined) end(error.message);
  });
  return {
    pid: child.pid ?? 0,
    send(message, done = () => {}) {
      if (child.connected) child.send(message, () => done());
      else done();
    },
    pass(message, handle, done) {
      if (!child.connected) {
        done(false);
        return;
      }
      // The declarations know sockets only; Node passes on their handles, too, and then keeps nothing of them.
      child.send(message, handle as unknown as Socket, (error) => done(error === null));
    },
    kill: () => void child.kill('SIGKILL'),
  };
};
