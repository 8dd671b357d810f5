import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const mounted = new Set<string>();
process.on('exit', () => {
  for (const path of mounted) spawnSync('umount', ['--lazy', path]);
});

const PIECE = Buffer.alloc(1_048_576, 1);

/** A file system in memory of a few megabytes, which can be filled. */
export class SmallDisk {
  readonly path: string;
  readonly #ballast: string;

  private constructor(path: string) {
    this.path = path;
    this.#ballast = join(path, 'ballast');
  }

  /** Null where this process may not mount. */
  static mount(path: string, bytes: number): SmallDisk | null {
    if (process.platform !== 'linux') return null;
    const made = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'junokv-chaos', path]);
    if (made.status !== 0) return null;
    mounted.add(path);
    return new SmallDisk(path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Leaves about so much free. */
  fillUpTo(freeBytes: number): void {
    const file = openSync(this.#ballast, 'a');
    try {
      for (let left = this.freeBytes - freeBytes; left > 0; left -= PIECE.length) {
        writeSync(file, PIECE, 0, Math.min(left, PIECE.length));
      }
    } catch (error) {
      // The node was faster.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** After the processes on it have ended. */
  remove(): void {
    const undone = spawnSync('umount', [this.path]);
    if (undone.status !== 0) throw new Error(`${this.path} could not be unmounted: ${undone.stderr}`);
    mounted.delete(this.path);
  }
}
