import type { Lingerer } from './linger.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { QueryBudget } from './query-budget.ts';

/** What a connection is given besides its socket. */
export interface ConnectionSetup {
  readonly proxy: ProxyContext;
  readonly budget: QueryBudget;
  readonly lingerer: Lingerer;
  readonly clusterEnabled: boolean;
  readonly remoteAddress: string;
  readonly localAddress: string;
}
