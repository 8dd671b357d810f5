import type { FileCallback } from './files.ts';

/** The room on one disk. The real one is `system-free-space.ts`. */
export interface FreeSpace {
  /** Bytes that this process may still use. The callback comes once, never before the call has returned. */
  freeBytes(callback: FileCallback<number>): void;
}
