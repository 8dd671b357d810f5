import { limits } from '../base/limits.ts';
import { usableMemoryBytes } from '../base/system-memory.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { type Keystore, keystoreFingerprint } from '../crypto/keystore.ts';
import { LiveKeyRing } from '../crypto/live-key-ring.ts';
import { RecordIdHasher } from '../crypto/record-id.ts';
import { RecordSealer } from '../crypto/record-sealer.ts';
import { junoCommands } from '../juno-ext/juno-commands.ts';
import { auditedCommands } from '../proxy/audited-commands.ts';
import { auditedLogins } from '../proxy/audited-logins.ts';
import type { ClientTls } from '../proxy/client-tls.ts';
import type { CommandRow } from '../proxy/command.ts';
import { CommandTable } from '../proxy/command-table.ts';
import { allCommands } from '../proxy/commands/all-commands.ts';
import { commandsOverWorkers } from '../proxy/peers/commands-over-workers.ts';
import type { ProcessPort } from '../proxy/process-port.ts';
import { ProxyServer } from '../proxy/proxy.ts';
import { QuorumCluster } from '../proxy/quorum-cluster.ts';
import { Coordinator } from '../quorum/coordinator.ts';
import { MapHolder } from '../quorum/map-holder.ts';
import { ProposerRules } from '../quorum/rules.ts';
import type { Reply } from '../resp/reply.ts';
import type { Transport } from '../rpc/transport.ts';
import type { BackupHost } from './backup/backup-run.ts';
import { ProxyBackups } from './backup/proxy-backups.ts';
import { otherPorts } from './client-ports.ts';
import type { KeystoreSource } from './keys/keystore-source.ts';
import { KeystoreWatch } from './keys/keystore-watch.ts';
import { listenProblem, socketProblem } from './listen-problem.ts';
import type { Configuration } from './option-table.ts';
import { takeProposer } from './proposer-id.ts';
import { proxyConfig } from './proxy-config.ts';
import { rewriteConfigFile } from './rewrite-config.ts';
import type { ListeningPlace, ProcessParts } from './running.ts';
import { openTraces } from './tracing/open-traces.ts';
import { openUsers } from './users/proxy-users.ts';
import { takeConnections } from './workers/take-connections.ts';

/** A proxy that serves. */
export interface ProxyRoom {
  readonly listening: readonly ListeningPlace[];
  /** `Running.drainMs`. */
  drainMs(): number;
  stop(): Promise<void>;
}

export interface ProxyRoomSetup {
  readonly config: Configuration;
  readonly map: ClusterMap;
  readonly store: ConfigStore;
  readonly keystore: Keystore;
  /** Where newer ones are to be had; none: nowhere. */
  readonly keystoreSource?: KeystoreSource | null;
  readonly transport: Transport;
  /** Storage nodes on disks in this process, which need descriptors, too; default none. */
  readonly disks?: number;
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
  const users = await openUsers(config, setup.map, store.users ?? null, log);
  if (!users.ok) return users;
  const proposer = await store.nextProposerId();
  if (!proposer.ok) return proposer;
  const holder = new MapHolder(store, setup.map, clock, log);
  holder.onChange((map) => setup.onMap(map));
  const ring = new LiveKeyRing(setup.keystore, clock.wallMs());
  const ids = new RecordIdHasher(setup.keystore.recordIdKey);
  const traces = await openTraces(config, setup.transport, ids, () => holder.current, `${proposer.value}`, parts);
  const { transport } = traces;
  const affordableBytes = Math.floor(usableMemoryBytes() / 16 / (parts.worker?.seat.workers ?? 1));
  const coordinator = new Coordinator<Reply>({
    clock,
    random,
    log,
    transport,
    seal: new RecordSealer(ring, random),
    ids,
    map: holder,
    proposer: proposer.value,
    nextProposer: (done) => takeProposer(store, parts, done),
    rules: new ProposerRules(config.purgeAfter),
    recordTableBytes: Math.min(limits.recordTableBytes, affordableBytes),
    pageCacheBytes: Math.min(config.pageCache, affordableBytes),
  });
  const keys = watchKeystore(setup.keystoreSource ?? null, ring, parts);
  const watch = store.watch(setup.map.epoch, (map) => holder.adopt(map));
  const { worker } = parts;
  const runtime = proxyConfig(config, log, worker?.seat, setup.disks);
  const rows = [...allCommands, ...junoCommands];
  const commands = worker === undefined ? rows : commandsOverWorkers(rows, worker.link);
  const backups: ProxyBackups | null =
    config.backupDir === '' ? null : new ProxyBackups(config.backupDir, () => server.context, backupHost(parts));
  const server = new ProxyServer({
    clock,
    random,
    log,
    cluster: new QuorumCluster(coordinator, holder, transport, keystoreFingerprint(setup.keystore), ring),
    config: runtime,
    commands: parts.audit ? auditedLogins(auditedCommands(commands, parts.audit), parts.audit) : commands,
    users: users.users,
    process: processPort(backups, parts),
    tracer: traces.tracer,
    ...(worker === undefined ? {} : { worker: { seat: worker.seat, monitors: worker.link } }),
  });
  const seen = { context: server.context, coordinator, transport, isListening: false };
  parts.observed?.proxies.add(seen);
  const followed = users.follow(server.context);
  const stop = async (): Promise<void> => {
    backups?.stop();
    await server.stop();
    parts.observed?.proxies.delete(seen);
    watch.stop();
    followed.stop();
    keys?.stop();
    await traces.stop();
  };
  const drainMs = (): number => runtime.shutdownTimeoutSeconds * 1000;
  const listening = await open(server, config, parts, rows);
  seen.isListening = listening.ok;
  if (listening.ok) return { ok: true, room: { listening: listening.places, drainMs, stop } };
  await stop();
  return listening;
}

function processPort(backups: ProxyBackups | null, { host }: ProcessParts): ProcessPort {
  const path = host?.configFile ?? '';
  return {
    backups,
    stop: host?.stop ?? null,
    rewriteConfig: path === '' ? null : (changed) => rewriteConfigFile(path, changed),
  };
}

/** Of a process without a terminal: what a backup shows of its progress is in the log. */
function backupHost({ clock, random, log, host }: ProcessParts): BackupHost {
  const complain = (text: string): void => log.info({ text }, 'a backup is under way');
  return { clock, random, version: host?.version ?? 'unknown', redraw: null, complain };
}

function watchKeystore(source: KeystoreSource | null, ring: LiveKeyRing, parts: ProcessParts): KeystoreWatch | null {
  if (source === null) return null;
  const watch = new KeystoreWatch({ source, ring, clock: parts.clock, log: parts.log });
  parts.onReload?.(() => watch.reload());
  return watch;
}

type Listening =
  | { readonly ok: true; readonly places: readonly ListeningPlace[] }
  | { readonly ok: false; readonly problem: string };

/** A worker takes what another process has accepted. */
async function open(
  server: ProxyServer,
  config: Configuration,
  { clientTls = null, worker }: ProcessParts,
  rows: readonly CommandRow[],
): Promise<Listening> {
  if (worker === undefined) return listenOnAll(server, config, clientTls);
  const { context } = server;
  if (worker.port !== 0) context.config.listeningOn(worker.port);
  const doors = takeConnections(server, config, clientTls);
  worker.serving({ context, table: new CommandTable(rows), doors });
  return { ok: true, places: [] };
}

/** All addresses get the same port, also when any free one will do. */
async function listenOnAll(server: ProxyServer, config: Configuration, tls: ClientTls | null): Promise<Listening> {
  const places: ListeningPlace[] = [];
  const isPlain = tls === null || config.port !== 0;
  for (const host of isPlain ? config.bind : []) {
    const wanted = places[0]?.port ?? config.port;
    try {
      places.push({ host, port: await server.listen({ host, port: wanted }) });
    } catch (error) {
      return { ok: false, problem: listenProblem(error, host, wanted, '--port') };
    }
  }
  if (config.unixsocket !== '') {
    try {
      await server.listenOnSocket({ path: config.unixsocket, mode: config.unixsocketperm });
    } catch (error) {
      return { ok: false, problem: socketProblem(error, config.unixsocket) };
    }
  }
  for (const { port, option, isTls, isCluster } of otherPorts(config)) {
    const as = { ...(isTls ? { tls } : {}), ...(isCluster ? { clusterEnabled: true } : {}) };
    for (const host of config.bind) {
      try {
        places.push({ host, port: await server.listen({ host, port, ...as }), ...(isTls ? { isTls } : {}) });
      } catch (error) {
        return { ok: false, problem: listenProblem(error, host, port, option) };
      }
    }
  }
  return { ok: true, places };
}
