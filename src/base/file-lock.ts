import { DatabaseSync } from 'node:sqlite';

/** Held until released or until this process ends in whatever way: the kernel drops it, so that no lock is ever stale. */
export interface FileLock {
  release(): void;
}

export type FileLockResult =
  | { readonly kind: 'held'; readonly lock: FileLock }
  /** Another holder, in this process or in another on this machine. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly problem: string };

const SQLITE_BUSY = 5;

/** Keeps what holds a lock from the garbage collector, which would close it and so drop the lock. */
const held = new Set<DatabaseSync>();

/**
 * Takes an exclusive lock on the file at `path` (created empty if missing) without waiting. Node has no call for a
 * kernel lock; SQLite's exclusive transaction is one, and nothing is ever written into the file.
 */
export function tryLockFile(path: string): FileLockResult {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    return { kind: 'failed', problem: `cannot open the lock file ${path}: ${messageOf(error)}` };
  }
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return { kind: 'taken' };
    return { kind: 'failed', problem: `cannot lock ${path}: ${messageOf(error)}` };
  }
  held.add(database);
  return {
    kind: 'held',
    lock: {
      release() {
        if (held.delete(database)) database.close();
      },
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
