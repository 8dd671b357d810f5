import { mkdirSync, rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { makeTempDir, spawnJunokv } from '../compat-tests/support/junokv-server.ts';
import { answersPing } from '../compat-tests/support/ping.ts';
import type { Place } from '../compat-tests/support/place.ts';
import { Door } from './door.ts';
import { SmallDisk } from './small-disk.ts';

const ZONES = 3;
const INIT_MS = 60_000;
/** On a machine that does ten things at once. */
const READY_MS = 180_000;

export interface ChaosClusterOptions {
  readonly nodesPerZone: number;
  readonly proxies: number;
  /** These nodes, numbered from 1, get a disk of their own of so many bytes, where the machine allows. */
  readonly smallDisks?: { readonly nodes: readonly number[]; readonly bytes: number; readonly reserveBytes: number };
  /** Where the cluster map lives in the place of a file: the options that say so, and how to read it (JSON with `map`). */
  readonly map?: { readonly options: readonly string[]; read(): Promise<string> };
  /** More options of storage nodes, proxies and `command`. */
  readonly inside?: readonly string[];
  /** How clients reach the proxy that is given this port, and the options for that. Default: over plain TCP. */
  readonly outside?: (port: number) => { readonly place: Place; readonly options: readonly string[] };
}

/** A storage process, the door before it, and its disk if that is small. */
export interface ChaosNode {
  /** From 1, zone by zone. */
  readonly number: number;
  readonly zone: number;
  readonly door: Door;
  readonly disk: SmallDisk | null;
  server: ChildServer;
}

/** A cluster of separate processes whose map names the doors before the storage nodes as their addresses. */
export class ChaosCluster {
  readonly dir: string;
  readonly nodes: ChaosNode[] = [];
  readonly proxies: ChildServer[] = [];
  /** Where clients reach the proxies. */
  readonly proxyPlaces: readonly Place[];
  readonly #proxyOptions: readonly (readonly string[])[];
  readonly #nodePorts: readonly number[];
  readonly #options: ChaosClusterOptions;
  readonly #shared: readonly string[];
  readonly #keystore: readonly string[];

  private constructor(dir: string, ports: readonly number[], options: ChaosClusterOptions) {
    this.dir = dir;
    this.#options = options;
    const plain = (port: number) => ({ place: port, options: ['--port', `${port}`] });
    const proxies = ports.slice(0, options.proxies).map(options.outside ?? plain);
    this.proxyPlaces = proxies.map(({ place }) => place);
    this.#proxyOptions = proxies.map((proxy) => proxy.options);
    this.#nodePorts = ports.slice(options.proxies);
    const map = options.map?.options ?? ['--map', join(dir, 'cluster-map.json')];
    this.#shared = [...map, '--secret', join(dir, 'cluster-secret')];
    this.#keystore = ['--keystore', join(dir, 'keystore.json')];
  }

  /** Resolves when all processes serve. */
  static async start(options: ChaosClusterOptions): Promise<ChaosCluster> {
    const count = ZONES * options.nodesPerZone;
    const ports = await freePorts(options.proxies + 2 * count);
    const cluster = new ChaosCluster(makeTempDir('chaos'), ports, options);
    try {
      await cluster.#start(count);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async #start(count: number): Promise<void> {
    const doorPorts = this.#nodePorts.slice(0, count);
    const addresses = doorPorts.map((port) => `127.0.0.1:${port}`).join(',');
    const args = ['cluster', 'init', '--nodes', addresses, '--nodes-per-zone', `${this.#options.nodesPerZone}`];
    const init = spawnJunokv('junokv cluster init', [...args, ...this.#shared, ...this.#keystore], this.dir);
    await init.waitUntilDone(INIT_MS);
    for (let i = 0; i < count; i++) {
      const number = i + 1;
      const door = await Door.start(doorPorts[i] ?? 0, this.#portOf(number));
      const disk = this.#smallDisk(number);
      const zone = Math.floor(i / this.#options.nodesPerZone) + 1;
      this.nodes.push({ number, zone, door, disk, server: this.#spawnNode(number, disk) });
    }
    await Promise.all(this.nodes.map(({ server }) => printedReady(server)));
    for (let i = 0; i < this.proxyPlaces.length; i++) await this.startProxy(i);
  }

  /** Starts a node's process again; resolves when it says that it is ready. */
  async startNode(node: ChaosNode): Promise<void> {
    node.server = this.#spawnNode(node.number, node.disk);
    await printedReady(node.server);
  }

  /**
   * Removes all that a node has stored, and starts it; its process must have ended. Resolves when it has learned its shards
   * again: until then its zone does not count.
   */
  async wipe(node: ChaosNode): Promise<void> {
    const { incarnation } = await this.#inMap(node);
    await rm(this.#dataDir(node.number), { recursive: true });
    await this.startNode(node);
    const endMs = performance.now() + READY_MS;
    for (;;) {
      const now = await this.#inMap(node);
      if (now.incarnation !== incarnation && !now.isLearning) return;
      if (performance.now() > endMs) throw new Error(`node ${node.number} has not learned after ${READY_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #inMap(node: ChaosNode): Promise<{ readonly incarnation: string; readonly isLearning: boolean }> {
    const read = this.#options.map?.read ?? (() => readFile(join(this.dir, 'cluster-map.json'), 'utf8'));
    const { map } = JSON.parse(await read());
    const entries: { id: number; incarnation: string }[] = map.zones.flatMap((zone: { nodes: unknown }) => zone.nodes);
    const entry = entries.find(({ id }) => id === node.number);
    if (entry === undefined) throw new Error(`node ${node.number} is not in the cluster map`);
    return { incarnation: entry.incarnation, isLearning: (map.moves ?? []).length > 0 };
  }

  /** `index`: from 0. Starts it for the first time or again; resolves when it serves. */
  async startProxy(index: number): Promise<void> {
    const place = this.proxyPlaces[index];
    if (place === undefined) throw new Error(`there is no proxy ${index + 1}`);
    const own = [...(this.#proxyOptions[index] ?? []), ...(this.#options.inside ?? [])];
    const args = ['proxy', ...own, ...this.#shared, ...this.#keystore];
    const server = spawnJunokv(`junokv proxy ${index + 1}`, args, this.dir);
    this.proxies[index] = server;
    await server.waitUntilReady(() => answersPing(place), READY_MS);
  }

  /** Runs a command on this cluster; it must end by itself, and well. */
  command(words: readonly string[]): ChildServer {
    return spawnJunokv(
      `junokv ${words.join(' ')}`,
      [...words, ...this.#shared, ...(this.#options.inside ?? [])],
      this.dir,
    );
  }

  /** Those of its processes that have ended, how, and what they said last. */
  get ended(): readonly string[] {
    return [...this.nodes.map(({ server }) => server), ...this.proxies].flatMap(({ name, exitText, output }) =>
      exitText === null ? [] : [`${name}: ${exitText}: ${output.slice(-2_000)}`],
    );
  }

  /** Kills all processes and removes the files. */
  async stop(): Promise<void> {
    await Promise.all([...this.proxies, ...this.nodes.map(({ server }) => server)].map((server) => server.kill()));
    for (const { door, disk } of this.nodes) {
      await door.stop();
      disk?.remove();
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  #spawnNode(number: number, disk: SmallDisk | null): ChildServer {
    const args = ['storage', '--node', `${number}`, '--data', this.#dataDir(number), ...this.#shared];
    args.push(...(this.#options.inside ?? []));
    args.push('--listen', `127.0.0.1:${this.#portOf(number)}`);
    if (disk !== null) args.push('--disk-reserve', `${this.#options.smallDisks?.reserveBytes}`);
    return spawnJunokv(`junokv storage ${number}`, args, this.dir);
  }

  #smallDisk(number: number): SmallDisk | null {
    const { smallDisks } = this.#options;
    if (smallDisks?.nodes.includes(number) !== true) return null;
    const path = join(this.dir, `disk-${number}`);
    mkdirSync(path);
    return SmallDisk.mount(path, smallDisks.bytes);
  }

  #dataDir(number: number): string {
    const { smallDisks } = this.#options;
    return join(this.dir, smallDisks?.nodes.includes(number) === true ? `disk-${number}/data` : `data-${number}`);
  }

  /** Where the node listens, behind its door. */
  #portOf(number: number): number {
    const port = this.#nodePorts[this.#nodePorts.length / 2 + number - 1];
    if (port === undefined) throw new Error(`there is no node ${number}`);
    return port;
  }
}

function printedReady(server: ChildServer): Promise<void> {
  return server.waitUntilReady(async () => server.output.includes('is ready'), READY_MS);
}
