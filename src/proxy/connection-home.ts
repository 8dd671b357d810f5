import type { SocketOwner } from './client-socket.ts';
import type { Lingerer } from './linger.ts';
import type { Closable, PacedCloser } from './paced-closer.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { QueryBudget } from './query-budget.ts';
import type { TurnMember, TurnQueue } from './turn-queue.ts';

/** What all connections of one listener share. */
export interface ConnectionHome {
  readonly proxy: ProxyContext;
  readonly budget: QueryBudget;
  readonly lingerer: Lingerer;
  readonly closer: PacedCloser;
  readonly turns: TurnQueue;
  /** Clients are answered as by a node of a Redis Cluster. */
  readonly clusterEnabled: boolean;
  /** They speak TLS. */
  readonly encrypted: boolean;
  /** The connection's socket is closed. */
  left(connection: ServedConnection): void;
}

/** The two ends of a connection. */
export interface ConnectionEnds {
  /** Of a Unix socket: its path, and port 0, as Redis shows it. */
  readonly remoteHost: string;
  readonly remotePort: number;
  /** As Redis prints it. */
  readonly localAddress: string;
}

/** A connection as its listener has it. */
export interface ServedConnection extends SocketOwner, TurnMember, Closable {
  /** Answers what has arrived, a request that has arrived in part included, and closes. */
  drain(): void;
  /** Leaves at once; its socket is closed now or soon (`PacedCloser`). */
  destroy(): void;
  /**
   * Now and then: disconnects a client that has been idle for longer than `idleLimitMs` (0: never) or does not read, and lets
   * go of what an idle one does not need. `nowMs` is monotonic.
   */
  check(nowMs: number, idleLimitMs: number): void;
}
