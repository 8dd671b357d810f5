import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLog } from '../base/log.ts';
import { createClusterMap, type NewZone, nodesOf } from '../cluster/cluster-map.ts';
import type { StoreResult } from '../cluster/config-store.ts';
import { FileConfigStore } from '../cluster/file-config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { keystoreFingerprint } from '../crypto/keystore.ts';
import { openClusterKeystore } from './cluster-keystore.ts';
import type { CommandInput } from './command-input.ts';
import { etcdPlace, storeOptionsProblem } from './etcd-place.ts';
import { parseHostAndPort } from './host-and-port.ts';
import type { Configuration } from './option-table.ts';
import { SHARED_KEYSTORE_FILE } from './separate-cluster.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';
import type { System } from './system.ts';

const FIRST_PORT = 7001;
const SECRET_BYTES = 32;

/** `junokv cluster init`: writes map, secret and keystore of a new cluster; overwrites nothing. */
export async function clusterInitCommand(input: CommandInput): Promise<number> {
  const hold = input.system.hold();
  const problem = await initCluster(input);
  hold.cancel();
  if (problem === null) return EXIT_OK;
  input.system.complain(`junokv: ${problem}`);
  return EXIT_FAILED;
}

async function initCluster(input: CommandInput): Promise<string | null> {
  const { config, given, system } = input;
  const zones = planZones(config);
  if (typeof zones === 'string') return zones;
  const contradiction = storeOptionsProblem(config, given);
  if (contradiction !== null) return contradiction;
  const store = await openNewStore(config, system);
  const files = config.etcd.length === 0 ? [config.map, config.secret] : [config.secret];
  const map = createClusterMap({ clusterId: randomHex(system, 16), shards: config.shards, zones });
  const taken = await store.taken();
  const made = taken === null ? await makeCluster(config, system, files, map, store) : failed(taken);
  store.close();
  if (!made.ok) return made.problem;
  printCluster(config, system, map, { map: store.place, keystore: made.value });
  return null;
}

/** Files first, then the map. Resolves to where the keystore is. */
async function makeCluster(
  config: Configuration,
  system: System,
  files: readonly string[],
  map: ClusterMap,
  store: NewStore,
): Promise<StoreResult<string>> {
  for (const path of files) {
    if (existsSync(path))
      return failed(`${path} is there already; a cluster is made once. Remove it first if it is not needed.`);
  }
  const keystoreFile = config.keystore === '' ? SHARED_KEYSTORE_FILE : config.keystore;
  let markDirectory: string | null = null;
  try {
    for (const path of files) mkdirSync(dirname(path), { recursive: true });
    if (store.keystoreMark === null) markDirectory = mkdtempSync(join(tmpdir(), 'junokv-init-'));
    const mapFile = store.keystoreMark ?? join(markDirectory ?? '', 'map');
    const keystore = await openClusterKeystore(
      { keystoreFile, keystoreCommand: config.keystoreCommand, mapFile, hasData: false, create: true },
      system.random,
      system.clock.wallMs(),
    );
    if (!keystore.ok) return keystore;
    writeFileSync(config.secret, `${randomHex(system, SECRET_BYTES)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    const problem = await store.put(map, keystoreFingerprint(keystore.keystore));
    return problem === null ? { ok: true, value: keystore.source.name } : failed(problem);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    if (markDirectory !== null) rmSync(markDirectory, { recursive: true, force: true });
  }
}

/** Where the map of a new cluster goes. */
interface NewStore {
  readonly place: string;
  /** What remembers the keystore beside the map; null: the store does so itself. */
  readonly keystoreMark: string | null;
  /** Why no cluster can be made there; null if one can. */
  taken(): Promise<string | null>;
  put(map: ClusterMap, fingerprint: string): Promise<string | null>;
  close(): void;
}

async function openNewStore(config: Configuration, system: System): Promise<NewStore> {
  const parts = { clock: system.clock, random: system.random, log: silentLog };
  if (config.etcd.length === 0) {
    const store = new FileConfigStore({ path: config.map, ...parts });
    const put = async (map: ClusterMap): Promise<string | null> => {
      const stored = await store.compareAndSet(0, map);
      if (!stored.ok) return stored.problem;
      return stored.value.swapped ? null : `${config.map} was made by another process meanwhile`;
    };
    return { place: config.map, keystoreMark: config.map, taken: async () => null, put, close: () => store.close() };
  }
  // Loaded when needed: the library of etcd is large.
  const { openEtcdStore } = await import('./etcd-cluster.ts');
  const store = openEtcdStore(config, parts);
  const place = etcdPlace(config);
  const isTaken = `${place}: there is a cluster already; --etcd-prefix names another place`;
  return {
    place,
    keystoreMark: null,
    async taken() {
      const read = await store.read();
      if (!read.ok) return read.problem;
      return read.value === null ? null : isTaken;
    },
    async put(map, keystoreFingerprint) {
      const stored = await store.create({ map, keystoreFingerprint, lastProposerId: 0 });
      if (!stored.ok) {
        return stored.uncertain === true
          ? `${stored.problem}; the cluster may have been made: 'junokv cluster status' tells`
          : stored.problem;
      }
      return stored.value.swapped ? null : isTaken;
    },
    close: () => store.close(),
  };
}

function printCluster(
  config: Configuration,
  system: System,
  map: ClusterMap,
  places: { readonly map: string; readonly keystore: string },
): void {
  const rows = map.zones.flatMap((zone) =>
    zone.nodes.map((node) => `  node ${node.id}  ${zone.name}  ${node.host}:${node.port}`),
  );
  const where = config.etcd.length === 0 ? '' : ` --etcd ${config.etcd.join(',')}`;
  system.print(`A new cluster of ${map.shards} shards:

${rows.join('\n')}

  map       ${places.map}
  secret    ${config.secret} (every process needs it; keep it from others)
  keystore  ${places.keystore} (every proxy needs it; keep a copy elsewhere)

Start its processes with
  junokv storage${where} --node ID --data DIRECTORY    (ID: ${nodesOf(map)
    .map((node) => node.id)
    .join(', ')})
  junokv proxy${where} --port 6379
`);
}

function failed(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

function randomHex(system: System, bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  system.random.fill(buffer);
  return buffer.toString('hex');
}

/** The zones as the options want them, or what is wrong. */
function planZones(config: Configuration): NewZone[] | string {
  const wanted = config.zones * config.nodesPerZone;
  if (config.nodes.length !== 0 && config.nodes.length !== wanted) {
    return `--nodes: ${config.nodes.length} addresses for ${config.zones} zones of ${config.nodesPerZone} nodes; there must be ${wanted}`;
  }
  if (new Set(config.nodes).size !== config.nodes.length) return '--nodes: an address stands there twice';
  return Array.from({ length: config.zones }, (_, zone) => ({
    name: `zone${zone + 1}`,
    nodes: Array.from({ length: config.nodesPerZone }, (_, i) => {
      const index = zone * config.nodesPerZone + i;
      const address = parseHostAndPort(config.nodes[index] ?? '') ?? { host: '127.0.0.1', port: FIRST_PORT + index };
      return { id: index + 1, ...address };
    }),
  }));
}
