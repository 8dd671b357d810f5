import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import type { ClusterPort } from '../cluster-port.ts';
import type { CommandRow } from '../command.ts';
import { connectionCommands } from '../commands/connection-commands.ts';
import { stringCommands } from '../commands/string-commands.ts';
import type { ConfigValues } from '../config-values.ts';
import { ProxyServer } from '../proxy.ts';
import { RuntimeConfig } from '../runtime-config.ts';
import type { User } from '../users.ts';
import { LocalCluster } from './local-cluster.ts';
import { RawClient } from './raw-client.ts';

export interface HarnessOptions {
  readonly config?: Partial<ConfigValues>;
  readonly commands?: readonly CommandRow[];
  readonly users?: readonly User[];
  /** Wraps the in-memory cluster. */
  readonly wrap?: (cluster: LocalCluster) => ClusterPort;
  readonly queryBudgetBytes?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** A proxy on a free loopback port over an in-memory cluster, and the clients that a test has connected to it. */
export class ProxyHarness {
  readonly cluster: LocalCluster;
  readonly proxy: ProxyServer;
  readonly port: number;
  readonly errors: string[];
  readonly #clients: RawClient[] = [];

  private constructor(cluster: LocalCluster, proxy: ProxyServer, port: number, errors: string[]) {
    this.cluster = cluster;
    this.proxy = proxy;
    this.port = port;
    this.errors = errors;
  }

  static async start(options: HarnessOptions = {}): Promise<ProxyHarness> {
    const clock = options.clock ?? new SystemClock();
    const cluster = new LocalCluster(clock);
    const errors: string[] = [];
    const log: Log = { debug() {}, info() {}, warn() {}, error: (_fields, message) => errors.push(message) };
    const proxy = new ProxyServer({
      clock,
      random: new SystemRandom(),
      log,
      cluster: options.wrap?.(cluster) ?? cluster,
      config: new RuntimeConfig(options.config),
      commands: [...connectionCommands, ...stringCommands, ...(options.commands ?? [])],
      ...(options.users === undefined ? {} : { users: options.users }),
      ...(options.queryBudgetBytes === undefined ? {} : { queryBudgetBytes: options.queryBudgetBytes }),
    });
    const port = await proxy.listen({ host: '127.0.0.1', port: 0 });
    return new ProxyHarness(cluster, proxy, port, errors);
  }

  async client(): Promise<RawClient> {
    const client = await RawClient.connect(this.port);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.proxy.stop();
  }
}
