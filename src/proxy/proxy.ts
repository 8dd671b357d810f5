import type { Socket } from 'node:net';
import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { ClientRegistry } from './client-registry.ts';
import type { ClientTls } from './client-tls.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { CommandRow } from './command.ts';
import { CommandTable } from './command-table.ts';
import { KeyUse } from './key-use.ts';
import { LatencyMonitor } from './latency-monitor.ts';
import { type ListenAddress, Listener } from './listener.ts';
import { MemoryLimit } from './memory/memory-limit.ts';
import { MonitorHub } from './monitor-hub.ts';
import { Namespaces } from './namespaces.ts';
import { NumberRow } from './peers/number-row.ts';
import type { MonitorLink, WorkerSeat } from './peers/peers.ts';
import { NO_PROCESS, type ProcessPort } from './process-port.ts';
import type { ProxyContext } from './proxy-context.ts';
import { ProxyInfo } from './proxy-info.ts';
import { ProxyStats } from './proxy-stats.ts';
import { QueryBudget } from './query-budget.ts';
import type { RuntimeConfig } from './runtime-config.ts';
import { SlowLog } from './slow-log.ts';
import type { CommandTracer } from './tracing/command-tracer.ts';
import type { SocketFile } from './unix-socket.ts';
import { type User, Users } from './users.ts';

export interface ProxySetup {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly cluster: ClusterPort;
  readonly config: RuntimeConfig;
  /** Every command that this proxy knows. */
  readonly commands: Iterable<CommandRow>;
  /** Of the users file; default none but `default`. */
  readonly users?: readonly User[];
  /** Default: no command is traced. Its transport is the cluster's. */
  readonly tracer?: CommandTracer | null;
  /** What the process can do for clients; default: nothing. */
  readonly process?: ProcessPort;
  /** For all half received requests and commands under way; default limits.allQueryBytes. */
  readonly queryBudgetBytes?: number;
  /** Default: there are no other workers. */
  readonly worker?: { readonly seat: WorkerSeat; readonly monitors: MonitorLink };
}

/** Where a worker gets connections that another process has accepted. */
export interface TakenConnections {
  take(socket: Socket): void;
}

export interface ListenOptions extends ListenAddress {
  /** Answer as a Redis Cluster node on this port; default: the configuration's cluster-enabled. */
  readonly clusterEnabled?: boolean;
  /** Clients of this port come over TLS only; default: over plain TCP. */
  readonly tls?: ClientTls | null;
}

/** A stateless proxy: listens for Redis clients and carries their commands out on the cluster. */
export class ProxyServer {
  readonly context: ProxyContext;
  readonly #budget: QueryBudget;
  readonly #listeners: Listener[] = [];
  #ticker: Timer | null = null;
  #isStopping = false;

  constructor(setup: ProxySetup) {
    const { clock, random, log, cluster, config, worker } = setup;
    const seat = worker?.seat;
    const numbers = (): NumberRow => new NumberRow(seat?.index, seat?.workers, seat?.firstNumber);
    const table = new CommandTable(setup.commands);
    const keyUse = new KeyUse(config, random);
    const stats = new ProxyStats(table);
    this.context = {
      clock,
      random,
      log,
      cluster,
      config,
      table,
      keyUse,
      memory: new MemoryLimit({ clock, random, log, config, keyUse, stats, cluster, port: cluster.memory ?? null }),
      process: setup.process ?? NO_PROCESS,
      stats,
      clients: new ClientRegistry(numbers()),
      slowLog: new SlowLog(config, clock, numbers()),
      latency: new LatencyMonitor(clock, config),
      monitors: new MonitorHub(clock, worker?.monitors),
      info: new ProxyInfo(clock, random, cluster, seat?.identity),
      namespaces: new Namespaces(cluster, clock, seat?.workers),
      users: new Users(config, setup.users),
      tracer: setup.tracer ?? null,
    };
    this.#budget = new QueryBudget(setup.queryBudgetBytes);
  }

  /** Listens on one more address. Resolves with its port; rejects with the system's error, e.g. EADDRINUSE. */
  async listen(options: ListenOptions): Promise<number> {
    assert(!this.#isStopping, 'a proxy that stops does not listen');
    const { config } = this.context;
    const { clusterEnabled = config.clusterEnabled, tls = null } = options;
    const listener = new Listener(this.context, this.#budget, clusterEnabled, tls);
    const port = await listener.listen(options);
    if (this.#listeners.length === 0 && tls === null) config.listeningOn(port);
    this.#listeners.push(listener);
    if (this.#ticker === null) this.#tick();
    return port;
  }

  /** Listens on a Unix socket as well. Rejects with the system's error, e.g. EADDRINUSE. */
  async listenOnSocket(file: SocketFile): Promise<void> {
    assert(!this.#isStopping, 'a proxy that stops does not listen');
    const listener = new Listener(this.context, this.#budget, this.context.config.clusterEnabled);
    await listener.listenOnSocket(file);
    this.#listeners.push(listener);
    if (this.#ticker === null) this.#tick();
  }

  /** Serves connections that another process accepts, as `listen` and `listenOnSocket` (`path` not empty) do their own. */
  takeConnections(options: Omit<ListenOptions, 'host' | 'port'> & { readonly path: string }): TakenConnections {
    assert(!this.#isStopping, 'a proxy that stops does not listen');
    const { clusterEnabled = this.context.config.clusterEnabled, tls = null } = options;
    const listener = new Listener(this.context, this.#budget, clusterEnabled, tls);
    listener.openForTaken(options.path);
    this.#listeners.push(listener);
    if (this.#ticker === null) this.#tick();
    return listener;
  }

  /** Accepts nobody any more, answers what clients have sent for at most shutdown-timeout, and closes every connection. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const { clock, clients, config } = this.context;
    clients.unpause();
    for (const listener of this.#listeners) listener.close();
    for (const listener of this.#listeners) listener.drain();
    const deadlineMs = clock.monotonicMs() + config.shutdownTimeoutSeconds * 1000;
    // Until the sockets are closed, not only the connections done: a client has to be able to read its last reply.
    while (this.#listeners.some(({ size }) => size > 0) && clock.monotonicMs() < deadlineMs) {
      await new Promise<void>((resolve) => clock.after(limits.drainPollMs, resolve));
    }
    for (const listener of this.#listeners) listener.destroyAll();
    this.#ticker?.cancel();
    this.#ticker = null;
  }

  /** The regular work: rates, idle clients, clients that do not read, the end of a pause. */
  #tick(): void {
    const { clock, stats, clients, memory } = this.context;
    const nowMs = clock.monotonicMs();
    stats.sample(nowMs);
    memory.tick();
    clients.endPauseIfDue(nowMs);
    for (const listener of this.#listeners) listener.checkClients(nowMs);
    this.#ticker = clock.after(limits.rateSampleMs, () => this.#tick());
  }
}
