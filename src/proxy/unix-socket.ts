import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** A Unix socket to listen on. */
export interface SocketFile {
  readonly path: string;
  /** Permissions, as for chmod; 0: as the process's umask has them. */
  readonly mode: number;
}

/**
 * Removes the socket that a process left at `path` when it was killed: nobody can listen there before. A file of another
 * kind stays, and so does a socket that somebody listens on, which Redis would take away from him.
 */
export async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found?.isSocket() !== true || (await answers(path))) return;
  // Should it have gone by itself meanwhile, all the better; what else may be wrong is seen when listening.
  await unlink(path).catch(() => {});
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    // A full queue (EAGAIN) or a socket of somebody else (EACCES) is in use as well.
    socket.once('error', (error) => done(!('code' in error && error.code === 'ECONNREFUSED')));
  });
}
