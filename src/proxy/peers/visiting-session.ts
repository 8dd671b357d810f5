import type { AccessLevel } from '../access.ts';
import type { ProxyContext } from '../proxy-context.ts';
import type { Session } from '../session.ts';
import { SessionState } from '../session-state.ts';

/** Who has sent a command, for workers to which he is not connected. */
export interface CallerFacts {
  readonly id: number;
  readonly createdAtMs: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly clusterEnabled: boolean;
  readonly encrypted: boolean;
  readonly database: number;
  readonly namespaceGroup: number;
  readonly namespaceBound: boolean;
  readonly access: AccessLevel;
  readonly protocol: 2 | 3;
  readonly name: string;
  readonly user: string;
}

export function callerFacts(session: Session): CallerFacts {
  const { id, createdAtMs, remoteAddress, localAddress, clusterEnabled, encrypted, database } = session;
  const { namespaceGroup, namespaceBound, access, protocol, name, user } = session;
  return {
    id,
    createdAtMs,
    remoteAddress,
    localAddress,
    clusterEnabled,
    encrypted,
    database,
    namespaceGroup,
    namespaceBound,
    access,
    protocol,
    name,
    user,
  };
}

/** A session of a proxy context that its client is not connected to: commands about others can be carried out in it. */
export class VisitingSession extends SessionState implements Session {
  readonly proxy: ProxyContext;
  readonly id: number;
  readonly createdAtMs: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly clusterEnabled: boolean;
  readonly encrypted: boolean;
  authenticated = true;

  constructor(proxy: ProxyContext, caller: CallerFacts) {
    super();
    this.proxy = proxy;
    this.id = caller.id;
    this.createdAtMs = caller.createdAtMs;
    this.remoteAddress = caller.remoteAddress;
    this.localAddress = caller.localAddress;
    this.clusterEnabled = caller.clusterEnabled;
    this.encrypted = caller.encrypted;
    this.database = caller.database;
    this.namespaceGroup = caller.namespaceGroup;
    this.namespaceBound = caller.namespaceBound;
    this.access = caller.access;
    this.protocol = caller.protocol;
    this.name = caller.name;
    this.user = caller.user;
  }

  /** Nobody is there to get it. */
  push(): void {}
  closeAfterReplies(): void {}
  destroy(): void {}
  reset(): void {}
  describe(): string {
    return '';
  }
}
