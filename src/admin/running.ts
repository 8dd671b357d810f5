import type { Audit } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ClientTls } from '../proxy/client-tls.ts';
import type { TlsIdentity } from '../rpc/tls-identity.ts';
import type { Observed } from './metrics/observed.ts';
import type { WorkerParts } from './workers/worker-parts.ts';

export interface ProcessHost {
  readonly version: string;
  /** What its options were read from; empty: no file. */
  readonly configFile: string;
  /** In order, as a signal would. */
  stop(): void;
}

/** What every room needs of the process. */
export interface ProcessParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where changes that somebody makes are entered; none: nowhere. */
  readonly audit?: Audit | null;
  /** Calls `listener` when files are to be read again; absent where nobody says so. */
  readonly onReload?: (listener: () => void) => void;
  /** Where rooms enter themselves to be looked at; absent where nobody looks. */
  readonly observed?: Observed;
  /** What this process shows to the others of its cluster, and asks of them; none: connections are plain. */
  readonly tls?: TlsIdentity | null;
  /** Of the port on which clients are served over TLS; none: there is no such port. */
  readonly clientTls?: ClientTls | null;
  /** The process itself, of which clients may be told and which they may end; absent where others start and end it. */
  readonly host?: ProcessHost;
  /** Of a proxy that is one of several workers; absent: it listens itself. */
  readonly worker?: WorkerParts;
}

export interface ListeningPlace {
  readonly host: string;
  readonly port: number;
  /** For clients over TLS only. */
  readonly isTls?: boolean;
}

/** Rooms that run: a proxy, storage nodes, or both. */
export interface Running {
  /** Where clients or proxies connect, as they came to listen (a port 0 has become a real one). */
  readonly listening: readonly ListeningPlace[];
  /** Settles with the reason when the rooms can no longer go on by themselves; the process then stops. */
  readonly failed: Promise<string>;
  /** How long `stop` may wait for clients, milliseconds, beyond limits.stopMs; none if it is not there. */
  readonly drainMs?: () => number;
  /** Stops in order: no new commands, those in flight end, disks are synced and closed. */
  stop(): Promise<void>;
}

/** `problem` in words for the operator: what is wrong and what to do. */
export type StartResult =
  | { readonly ok: true; readonly running: Running; readonly summary: string }
  | { readonly ok: false; readonly problem: string };
