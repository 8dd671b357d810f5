import { numberInGroup } from '../cluster/namespace-groups.ts';
import type { Reply } from '../resp/reply.ts';
import type { AccessLevel } from './access.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { TransactionState } from './transaction-state.ts';

/** One client connection as command handlers see it. `connection.ts` implements it over a socket, tests without one. */
export interface Session {
  readonly id: number;
  readonly proxy: ProxyContext;
  readonly createdAtMs: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** SELECTed database, 0-15, of the namespace group: `namespaceNumber` makes one number of both. */
  database: number;
  /** Index into the cluster map's namespaceGroups. */
  namespaceGroup: number;
  /** The user belongs to that group alone. */
  namespaceBound: boolean;
  /** What the user may do. */
  access: AccessLevel;
  protocol: 2 | 3;
  name: string;
  libName: string;
  libVersion: string;
  user: string;
  authenticated: boolean;
  /** CLIENT REPLY: on, off, or skip the reply of the next command; `skip-this` while that command runs. */
  replyMode: 'on' | 'off' | 'skip-next' | 'skip-this';
  noEvict: boolean;
  noTouch: boolean;
  monitoring: boolean;
  /** Begun with MULTI or WATCH; null for most clients. */
  transaction: TransactionState | null;
  /** This listener answers as a Redis Cluster node (`cluster-enabled`). */
  readonly clusterEnabled: boolean;
  /** The client came over TLS. */
  readonly encrypted: boolean;
  /** Writes out of band, in order with the replies (MONITOR lines, push messages). */
  push(reply: Reply): void;
  /** Closes after what is queued has been written. */
  closeAfterReplies(): void;
  /** Closes at once. */
  destroy(): void;
  /** Back to the state of a new connection, for RESET. */
  reset(): void;
  /** CLIENT LIST's fields for this connection, one line without the newline. */
  describe(): string;
}

/** The namespace that the session's commands work in, as the cluster numbers them. */
export function namespaceNumber(session: Session): number {
  return numberInGroup(session.namespaceGroup, session.database);
}
