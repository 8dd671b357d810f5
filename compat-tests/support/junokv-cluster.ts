import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildServer } from './child-server.ts';
import { freePorts } from './free-port.ts';
import { makeTempDir, spawnJunokv, waitUntilPrintedReady, waitUntilServing } from './junokv-server.ts';

const ZONES = 3;
const INIT_MS = 120_000;

export interface ClusterOptions {
  /** Default 1. */
  readonly nodesPerZone?: number;
  /** Default: the program's. */
  readonly shards?: number;
  /** More options of the storage processes. */
  readonly storage?: readonly string[];
  /** More options of the proxies. */
  readonly proxy?: readonly string[];
  /** Address of the etcd that holds the map, in place of a file. */
  readonly etcd?: string;
  /** A command that runs the command which follows it. */
  readonly launcher?: readonly string[];
}

/** A cluster of separate processes: storage nodes, one or more in each of three zones, and some proxies; on this machine's loopback. */
export class JunokvCluster {
  readonly dir: string;
  readonly proxyPorts: readonly number[];
  #shared: readonly string[];
  readonly #keystore: readonly string[];
  /** By their numbers. */
  readonly #storage = new Map<number, ChildServer>();
  readonly #proxies: ChildServer[] = [];
  readonly #options: ClusterOptions;

  private constructor(dir: string, proxyPorts: readonly number[], options: ClusterOptions) {
    this.dir = dir;
    this.proxyPorts = proxyPorts;
    this.#options = options;
    const place = options.etcd === undefined ? ['--map', join(dir, 'cluster-map.json')] : ['--etcd', options.etcd];
    this.#shared = [...place, '--secret', join(dir, 'cluster-secret')];
    this.#keystore = ['--keystore', join(dir, 'keystore.json')];
  }

  /** `cluster init`, then all processes; resolves when all serve. */
  static async start(proxies: number, options: ClusterOptions = {}): Promise<JunokvCluster> {
    const nodes = ZONES * (options.nodesPerZone ?? 1);
    const ports = await freePorts(nodes + proxies);
    const cluster = new JunokvCluster(makeTempDir('cluster'), ports.slice(nodes), options);
    try {
      await cluster.#start(ports.slice(0, nodes));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async #start(storagePorts: readonly number[]): Promise<void> {
    const nodes = storagePorts.map((port) => `127.0.0.1:${port}`).join(',');
    const args = ['cluster', 'init', '--nodes', nodes, '--nodes-per-zone', `${storagePorts.length / ZONES}`];
    if (this.#options.shards !== undefined) args.push('--shards', `${this.#options.shards}`);
    args.push(...this.#shared, ...this.#keystore);
    const init = spawnJunokv('junokv cluster init', args, this.dir);
    await init.waitUntilDone(INIT_MS);
    for (let node = 1; node <= storagePorts.length; node++) await this.startStorage(node);
    for (let proxy = 1; proxy <= this.proxyPorts.length; proxy++) await this.startProxy(proxy);
  }

  get dataDirs(): readonly string[] {
    return Array.from({ length: ZONES * (this.#options.nodesPerZone ?? 1) }, (_, i) => this.dataDir(i + 1));
  }

  dataDir(node: number): string {
    return join(this.dir, `data-${node}`);
  }

  /** Of its storage nodes, in their order, and of its proxies. */
  get pids(): { readonly storage: readonly number[]; readonly proxies: readonly number[] } {
    return { storage: [...this.#storage.values()].map(({ pid }) => pid), proxies: this.#proxies.map(({ pid }) => pid) };
  }

  /** Everything that its processes printed last. */
  get output(): string {
    return [...this.#storage.values(), ...this.#proxies].map(({ output }) => output).join('\n');
  }

  /**
   * Starts a storage node, numbered from 1, zone by zone, for the first time or again; resolves when it says that it is ready.
   * Through `launcher`, if one is given, in place of the cluster's.
   */
  async startStorage(node: number, launcher = this.#options.launcher): Promise<void> {
    const args = ['storage', '--node', `${node}`, '--data', this.dataDir(node), ...this.#shared];
    args.push(...(this.#options.storage ?? []));
    const server = spawnJunokv(`junokv storage ${node}`, args, this.dir, launcher);
    this.#storage.set(node, server);
    await waitUntilPrintedReady(server);
  }

  /** Stops a storage node that is not to come back, and forgets it. */
  async stopStorage(node: number): Promise<void> {
    const server = this.#storage.get(node);
    this.#storage.delete(node);
    await server?.stop();
  }

  /** Moves the map to an etcd; what is started from then on finds it there. */
  async moveToEtcd(url: string): Promise<void> {
    const [option = '', path = '', ...rest] = this.#shared;
    const args = ['cluster', 'move-to-etcd', option, path, '--etcd', url];
    await spawnJunokv('junokv cluster move-to-etcd', args, this.dir).waitUntilDone(INIT_MS);
    this.#shared = ['--etcd', url, ...rest];
  }

  /** Runs a command on this cluster; it must end by itself, and well. */
  command(words: readonly string[]): ChildServer {
    return spawnJunokv(`junokv ${words.join(' ')}`, [...words, ...this.#shared], this.dir);
  }

  /** `kill -9` of a storage node. */
  async killStorage(node: number): Promise<void> {
    await this.#storage.get(node)?.kill();
  }

  /** Starts a proxy, numbered from 1, for the first time or again on the same port; resolves when it serves. `launcher` as above. */
  async startProxy(proxy: number, launcher = this.#options.launcher): Promise<void> {
    const port = this.proxyPorts[proxy - 1];
    if (port === undefined) throw new Error(`there is no proxy ${proxy}`);
    const args = ['proxy', '--port', `${port}`, ...this.#shared, ...this.#keystore];
    args.push(...(this.#options.proxy ?? []));
    const server = spawnJunokv(`junokv proxy ${port}`, args, this.dir, launcher);
    this.#proxies[proxy - 1] = server;
    await waitUntilServing(server, port);
  }

  /** Asks a proxy to stop; resolves when its process has ended. */
  async stopProxy(proxy: number): Promise<void> {
    await this.#proxies[proxy - 1]?.stop();
  }

  /** `kill -9` of a proxy. */
  async killProxy(proxy: number): Promise<void> {
    await this.#proxies[proxy - 1]?.kill();
  }

  /** Those of the processes that have ended, and how; for a test to see that none did by itself. */
  get ended(): readonly string[] {
    return [...this.#storage.values(), ...this.#proxies].flatMap(({ name, exitText }) =>
      exitText === null ? [] : [`${name}: ${exitText}`],
    );
  }

  /** Ends all processes, proxies first, and removes the files. */
  async stop(): Promise<void> {
    try {
      await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
      await Promise.all([...this.#storage.values()].map((server) => server.stop()));
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}
