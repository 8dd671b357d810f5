import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';

/** What every room needs of the process. */
export interface ProcessParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Rooms that run: a proxy, storage nodes, or both. */
export interface Running {
  /** Where clients or proxies connect, as they came to listen (a port 0 has become a real one). */
  readonly listening: readonly { readonly host: string; readonly port: number }[];
  /** Settles with the reason when the rooms can no longer go on by themselves; the process then stops. */
  readonly failed: Promise<string>;
  /** Stops in order: no new commands, those in flight end, disks are synced and closed. */
  stop(): Promise<void>;
}

/** `problem` in words for the operator: what is wrong and what to do. */
export type StartResult =
  | { readonly ok: true; readonly running: Running; readonly summary: string }
  | { readonly ok: false; readonly problem: string };
