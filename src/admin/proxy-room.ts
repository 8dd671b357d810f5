import { limits } from '../base/limits.ts';
import { usableMemoryBytes } from '../base/system-memory.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { type Keystore, keyRing, keystoreFingerprint } from '../crypto/keystore.ts';
import { RecordIdHasher } from '../crypto/record-id.ts';
import { RecordSealer } from '../crypto/record-sealer.ts';
import { junoCommands } from '../juno-ext/juno-commands.ts';
import { allCommands } from '../proxy/commands/all-commands.ts';
import { ProxyServer } from '../proxy/proxy.ts';
import { QuorumCluster } from '../proxy/quorum-cluster.ts';
import { RuntimeConfig } from '../proxy/runtime-config.ts';
import { Coordinator } from '../quorum/coordinator.ts';
import { MapHolder } from '../quorum/map-holder.ts';
import { ProposerRules } from '../quorum/rules.ts';
import type { Reply } from '../resp/reply.ts';
import type { Transport } from '../rpc/transport.ts';
import { listenProblem } from './listen-problem.ts';
import type { Configuration } from './option-table.ts';
import { takeProposer } from './proposer-id.ts';
import type { ProcessParts } from './running.ts';
import { openUsers } from './users-file.ts';

/** A proxy that serves. */
export interface ProxyRoom {
  readonly listening: readonly { readonly host: string; readonly port: number }[];
  stop(): Promise<void>;
}

export interface ProxyRoomSetup {
  readonly config: Configuration;
  readonly map: ClusterMap;
  readonly store: ConfigStore;
  readonly keystore: Keystore;
  readonly transport: Transport;
  /** Told of every newer map. */
  onMap(map: ClusterMap): void;
}

export type StartedProxy =
  | { readonly ok: true; readonly room: ProxyRoom }
  | { readonly ok: false; readonly problem: string };

/** Starts a proxy over a transport to storage nodes. Resolves when it listens on every address. */
export async function startProxyRoom(setup: ProxyRoomSetup, parts: ProcessParts): Promise<StartedProxy> {
  const { config, store } = setup;
  const { clock, random, log } = parts;
  const users = openUsers(config, setup.map, log);
  if (!users.ok) return users;
  const proposer = await store.nextProposerId();
  if (!proposer.ok) return proposer;
  const holder = new MapHolder(store, setup.map, clock, log);
  holder.onChange((map) => setup.onMap(map));
  const coordinator = new Coordinator<Reply>({
    clock,
    random,
    log,
    transport: setup.transport,
    seal: new RecordSealer(keyRing(setup.keystore), random),
    ids: new RecordIdHasher(setup.keystore.recordIdKey),
    map: holder,
    proposer: proposer.value,
    nextProposer: (done) => takeProposer(store, parts, done),
    rules: new ProposerRules(config.purgeAfter),
    recordTableBytes: Math.min(limits.recordTableBytes, Math.floor(usableMemoryBytes() / 16)),
  });
  const watch = store.watch(setup.map.epoch, (map) => holder.adopt(map));
  const server = new ProxyServer({
    clock,
    random,
    log,
    cluster: new QuorumCluster(coordinator, holder, setup.transport, keystoreFingerprint(setup.keystore)),
    config: new RuntimeConfig({
      bind: config.bind,
      port: config.port,
      protectedMode: config.protectedMode,
      requirepass: config.requirepass,
      maxClients: config.maxclients,
      clusterEnabled: config.clusterEnabled,
      clusterAnnounceIp: config.clusterAnnounceIp,
      clusterAnnouncePort: config.clusterAnnouncePort,
      appendfsync: config.fsync,
    }),
    commands: [...allCommands, ...junoCommands],
    users: users.users,
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    watch.stop();
  };
  const listening = await listenOnAll(server, config);
  if (listening.ok) return { ok: true, room: { listening: listening.places, stop } };
  await stop();
  return listening;
}

type Listening =
  | { readonly ok: true; readonly places: { readonly host: string; readonly port: number }[] }
  | { readonly ok: false; readonly problem: string };

/** All addresses get the same port, also when any free one will do. */
async function listenOnAll(server: ProxyServer, config: Configuration): Promise<Listening> {
  const places: { host: string; port: number }[] = [];
  for (const host of config.bind) {
    const wanted = places[0]?.port ?? config.port;
    try {
      places.push({ host, port: await server.listen({ host, port: wanted }) });
    } catch (error) {
      return { ok: false, problem: listenProblem(error, host, wanted, '--port') };
    }
  }
  if (config.clusterPort === 0) return { ok: true, places };
  for (const host of config.bind) {
    const port = config.clusterPort;
    try {
      places.push({ host, port: await server.listen({ host, port, clusterEnabled: true }) });
    } catch (error) {
      return { ok: false, problem: listenProblem(error, host, port, '--cluster-port') };
    }
  }
  return { ok: true, places };
}
