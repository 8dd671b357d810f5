import type { Assembly } from './assembly.ts';
import { openClusterKeystore } from './cluster-keystore.ts';
import type { ProcessParts, Running } from './running.ts';
import { selfTests } from './self-tests.ts';
import {
  type ClusterRequest,
  openSharedCluster,
  SHARED_KEYSTORE_FILE,
  type SharedCluster,
} from './separate-cluster.ts';

export type OpenedProxy =
  | {
      readonly ok: true;
      readonly running: Running;
      /** Closed by its owner, after `running` has stopped. */
      readonly shared: SharedCluster;
      /** Where its keys come from. */
      readonly keystore: string;
    }
  | { readonly ok: false; readonly problem: string };

/** Opens the cluster that the options name and starts a proxy of it. */
export async function openProxy(
  request: ClusterRequest,
  assembly: Assembly,
  parts: ProcessParts,
): Promise<OpenedProxy> {
  const { config } = request;
  const untested = await selfTests({ rocksdb: false });
  if (untested !== null) return { ok: false, problem: untested };
  const opened = await openSharedCluster(request, parts, config.stateDir);
  if (!opened.ok) return opened;
  const shared = opened.cluster;
  const { map, store, secret, keystoreMark } = shared;
  const keys = await openClusterKeystore(
    {
      keystoreFile: config.keystore === '' ? SHARED_KEYSTORE_FILE : config.keystore,
      keystoreCommand: config.keystoreCommand,
      mapFile: keystoreMark,
      hasData: true,
      create: false,
    },
    parts.random,
    parts.clock.wallMs(),
  );
  if (!keys.ok) {
    store.close();
    return keys;
  }
  const { keystore, source } = keys;
  const started = await assembly.startProxy({ config, map, store, secret, keystore, keystoreSource: source }, parts);
  if (!started.ok) {
    store.close();
    return started;
  }
  return { ok: true, running: started.running, shared, keystore: source.name };
}
