import type { ConfigStore } from '../cluster/config-store.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import type { Keystore } from '../crypto/keystore.ts';
import type { DataDirectory } from './data-directory.ts';
import type { KeystoreSource } from './keys/keystore-source.ts';
import type { Configuration } from './option-table.ts';
import type { ProcessParts, Running } from './running.ts';
import type { SingleCluster } from './single-cluster.ts';

/** What a storage process is made of. */
export interface StorageParts {
  readonly config: Configuration;
  readonly map: ClusterMap;
  readonly store: ConfigStore;
  readonly secret: Buffer;
  /** The map's entry for this node; an empty incarnation means that it never started. */
  readonly node: NodeEntry;
  readonly directory: DataDirectory;
}

/** What a proxy process is made of. */
export interface ProxyParts {
  readonly config: Configuration;
  readonly map: ClusterMap;
  readonly store: ConfigStore;
  readonly secret: Buffer;
  readonly keystore: Keystore;
  /** Where newer ones are to be had; none: nowhere. */
  readonly keystoreSource?: KeystoreSource | null;
}

export type AssemblyResult =
  | { readonly ok: true; readonly running: Running }
  /** In words for the operator; what was started has been stopped again. */
  | { readonly ok: false; readonly problem: string };

/** Builds rooms out of their parts and starts them: `assemble.ts`, or a test's own. */
export interface Assembly {
  startSingleProcess(cluster: SingleCluster, parts: ProcessParts): Promise<AssemblyResult>;
  startStorage(storage: StorageParts, parts: ProcessParts): Promise<AssemblyResult>;
  startProxy(proxy: ProxyParts, parts: ProcessParts): Promise<AssemblyResult>;
}
