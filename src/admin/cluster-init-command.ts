import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { silentLog } from '../base/log.ts';
import { createClusterMap, type NewZone, nodesOf } from '../cluster/cluster-map.ts';
import { FileConfigStore } from '../cluster/file-config-store.ts';
import { openClusterKeystore } from './cluster-keystore.ts';
import type { CommandInput } from './command-input.ts';
import { parseHostAndPort } from './host-and-port.ts';
import type { Configuration } from './option-table.ts';
import { SHARED_KEYSTORE_FILE } from './separate-cluster.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';

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

async function initCluster({ config, system }: CommandInput): Promise<string | null> {
  const zones = planZones(config);
  if (typeof zones === 'string') return zones;
  for (const path of [config.map, config.secret]) {
    if (existsSync(path))
      return `${path} is there already; a cluster is made once. Remove it first if it is not needed.`;
  }
  const keystoreFile = config.keystore === '' ? SHARED_KEYSTORE_FILE : config.keystore;
  const randomHex = (bytes: number): string => {
    const buffer = Buffer.alloc(bytes);
    system.random.fill(buffer);
    return buffer.toString('hex');
  };
  try {
    for (const path of [config.map, config.secret]) mkdirSync(dirname(path), { recursive: true });
    const keystore = openClusterKeystore(
      { keystoreFile, mapFile: config.map, hasData: false, create: true },
      system.random,
      system.clock.wallMs(),
    );
    if (!keystore.ok) return keystore.problem;
    writeFileSync(config.secret, `${randomHex(SECRET_BYTES)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const map = createClusterMap({ clusterId: randomHex(16), shards: config.shards, zones });
  const store = new FileConfigStore({ path: config.map, clock: system.clock, random: system.random, log: silentLog });
  const stored = await store.compareAndSet(0, map);
  store.close();
  if (!stored.ok) return stored.problem;
  if (!stored.value.swapped) return `${config.map} was made by another process meanwhile`;
  const rows = map.zones.flatMap((zone) =>
    zone.nodes.map((node) => `  node ${node.id}  ${zone.name}  ${node.host}:${node.port}`),
  );
  system.print(`A new cluster of ${map.shards} shards:

${rows.join('\n')}

  map       ${config.map}
  secret    ${config.secret} (every process needs it; keep it from others)
  keystore  ${keystoreFile} (every proxy needs it; keep a copy elsewhere)

Start its processes with
  junokv storage --node ID --data DIRECTORY    (ID: ${nodesOf(map)
    .map((node) => node.id)
    .join(', ')})
  junokv proxy --port 6379
`);
  return null;
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
