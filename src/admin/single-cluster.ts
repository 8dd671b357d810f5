import { existsSync } from 'node:fs';
import { createClusterMap, type NewZone, nodesOf } from '../cluster/cluster-map.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import { FileConfigStore } from '../cluster/file-config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { MemoryConfigStore } from '../cluster/memory-config-store.ts';
import { generateKeystore, type Keystore } from '../crypto/keystore.ts';
import { keystorePathBeside, openClusterKeystore } from './cluster-keystore.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import type { KeystoreSource } from './keys/keystore-source.ts';
import type { Configuration, OptionKey } from './option-table.ts';
import type { ProcessParts } from './running.ts';

/** All that a one-process cluster is made of, before any room runs. */
export interface SingleCluster {
  readonly config: Configuration;
  readonly map: ClusterMap;
  readonly store: ConfigStore;
  readonly keystore: Keystore;
  /** Where newer ones are to be had; null with the memory engine. */
  readonly keystoreSource: KeystoreSource | null;
  /** Or the option that names a command. Null with the memory engine, which leaves nothing behind. */
  readonly keystoreFile: string | null;
  readonly directory: DataDirectory | null;
  readonly isNew: boolean;
  /** Lets another process have the data; to be called when the rooms have stopped. */
  release(): void;
}

export type PreparedCluster =
  | { readonly ok: true; readonly cluster: SingleCluster }
  | { readonly ok: false; readonly problem: string };

/** Opens or makes data directory, keystore and cluster map; `given` are the options that were named. */
export async function prepareSingleCluster(
  config: Configuration,
  given: ReadonlySet<OptionKey>,
  parts: ProcessParts,
): Promise<PreparedCluster> {
  if (config.engine === 'memory') return { ok: true, cluster: memoryCluster(config, parts) };
  const opened = openDataDirectory(config.data);
  if (!opened.ok) return opened;
  const { directory } = opened;
  const prepared = await prepareOnDisk(config, given, parts, directory);
  if (!prepared.ok) directory.release();
  return prepared;
}

async function prepareOnDisk(
  config: Configuration,
  given: ReadonlySet<OptionKey>,
  parts: ProcessParts,
  directory: DataDirectory,
): Promise<PreparedCluster> {
  const keystoreFile = config.keystore === '' ? keystorePathBeside(config.data) : config.keystore;
  const store = new FileConfigStore({ path: directory.mapFile, ...parts });
  const read = await store.read();
  if (!read.ok) return read;
  if (read.value === null && hasNodes(directory)) {
    return { ok: false, problem: `${directory.mapFile} is missing, without which the data beside it cannot be used` };
  }
  const opened = await openClusterKeystore(
    {
      keystoreFile,
      keystoreCommand: config.keystoreCommand,
      mapFile: directory.mapFile,
      hasData: read.value !== null,
      create: true,
    },
    parts.random,
    parts.clock.wallMs(),
  );
  if (!opened.ok) return opened;

  let map = read.value;
  if (map === null) {
    map = createClusterMap(newSingleCluster(config, parts));
    const stored = await store.compareAndSet(0, map);
    if (!stored.ok) return stored;
  } else {
    const problem = differsFromOptions(map, config, given);
    if (problem !== null) return { ok: false, problem };
  }
  const release = (): void => {
    store.close();
    directory.release();
  };
  const isNew = read.value === null;
  return {
    ok: true,
    cluster: {
      config,
      map,
      store,
      keystore: opened.keystore,
      keystoreSource: opened.source,
      keystoreFile: opened.source.name,
      directory,
      isNew,
      release,
    },
  };
}

function memoryCluster(config: Configuration, parts: ProcessParts): SingleCluster {
  const map = createClusterMap(newSingleCluster(config, parts));
  const store = new MemoryConfigStore(map);
  return {
    config,
    map,
    store,
    keystore: generateKeystore(parts.random, parts.clock.wallMs()),
    keystoreSource: null,
    keystoreFile: null,
    directory: null,
    isNew: true,
    release: () => store.close(),
  };
}

function newSingleCluster(config: Configuration, parts: ProcessParts) {
  const id = Buffer.alloc(16);
  parts.random.fill(id);
  const zones: NewZone[] = [];
  for (let zone = 0; zone < config.zones; zone++) {
    const first = zone * config.nodesPerZone + 1;
    zones.push({
      name: `zone${zone + 1}`,
      // In process: nothing listens on a port of its own.
      nodes: Array.from({ length: config.nodesPerZone }, (_, i) => ({ id: first + i, host: '127.0.0.1', port: 0 })),
    });
  }
  return { clusterId: id.toString('hex'), shards: config.shards, zones };
}

/** The shape of a cluster is decided when it is made; an option that says otherwise must not go unnoticed. */
function differsFromOptions(map: ClusterMap, config: Configuration, given: ReadonlySet<OptionKey>): string | null {
  const shape: [OptionKey, string, number, number][] = [
    ['zones', '--zones', map.zones.length, config.zones],
    ['nodesPerZone', '--nodes-per-zone', nodesOf(map).length / map.zones.length, config.nodesPerZone],
    ['shards', '--shards', map.shards, config.shards],
  ];
  for (const [key, name, stored, wanted] of shape) {
    if (given.has(key) && stored !== wanted) {
      return `the cluster in ${config.data} was made with ${name} ${stored}, so ${name} ${wanted} cannot be; leave the option out, or give another --data`;
    }
  }
  return null;
}

/** Node directories without a map: somebody deleted it. */
function hasNodes(directory: DataDirectory): boolean {
  return !directory.isNew && existsSync(directory.nodePath(1));
}
