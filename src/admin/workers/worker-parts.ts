import type { CommandTable } from '../../proxy/command-table.ts';
import type { WorkerSeat } from '../../proxy/peers/peers.ts';
import type { TakenConnections } from '../../proxy/proxy.ts';
import type { ProxyContext } from '../../proxy/proxy-context.ts';
import type { WorkerLink } from './worker-link.ts';
import type { Door } from './worker-messages.ts';

/** A proxy that serves as one of several workers. */
export interface ServingWorker {
  readonly context: ProxyContext;
  /** The commands as they are for this worker alone. */
  readonly table: CommandTable;
  readonly doors: ReadonlyMap<Door, TakenConnections>;
}

/** What makes a proxy one of several workers. */
export interface WorkerParts {
  readonly seat: WorkerSeat;
  readonly link: WorkerLink;
  /** Of the plain port, as it came to listen elsewhere; 0: there is none. */
  readonly port: number;
  /** It takes connections from now on. */
  serving(worker: ServingWorker): void;
}
