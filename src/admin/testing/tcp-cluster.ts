import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { createClusterMap, nodesOf } from '../../cluster/cluster-map.ts';
import { FileConfigStore } from '../../cluster/file-config-store.ts';
import { generateKeystore } from '../../crypto/keystore.ts';
import { assembly } from '../assemble.ts';
import type { AssemblyResult } from '../assembly.ts';
import { configurationWith } from '../configuration.ts';
import { openDataDirectory } from '../data-directory.ts';
import type { Configuration } from '../option-table.ts';

/** Of this machine. */
export const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
/** What its parts know each other by. */
export const secret = Buffer.from('s'.repeat(32));

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Three storage nodes and two proxies over TCP in this process, each with its own view of the one cluster-map file. */
export class TcpCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'junokv-tcp-'));
  /** Of the proxies. */
  readonly ports: number[] = [];
  readonly #stops: (() => Promise<unknown> | unknown)[] = [];

  /** `more`: of the proxies' configuration. */
  static async start(
    more: (directory: string) => Parameters<typeof configurationWith>[0] = () => ({}),
  ): Promise<TcpCluster> {
    const cluster = new TcpCluster();
    try {
      await cluster.#start(configurationWith({ port: 0, ...more(cluster.directory) }));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #start(config: Configuration): Promise<void> {
    const nodePorts = [await freePort(), await freePort(), await freePort()];
    const zones = nodePorts.map((port, i) => ({ name: `z${i + 1}`, nodes: [{ id: i + 1, host: '127.0.0.1', port }] }));
    const map = createClusterMap({ clusterId: 'c1', shards: 16, zones });
    await this.#newStore().compareAndSet(0, map);
    for (const node of nodesOf(map)) {
      const opened = openDataDirectory(join(this.directory, `node-${node.id}`));
      if (!opened.ok) throw new Error(opened.problem);
      this.#stops.push(() => opened.directory.release());
      const storage = {
        config: configurationWith({ engine: 'memory' }),
        map,
        store: this.#newStore(),
        secret,
        node,
        directory: opened.directory,
      };
      this.#started(await assembly.startStorage(storage, parts));
    }
    const keystore = generateKeystore(parts.random, Date.now());
    for (let i = 0; i < 2; i++) {
      const store = this.#newStore();
      const read = await store.read();
      if (!read.ok || read.value === null) throw new Error('no map');
      const proxy = { config, map: read.value, store, secret, keystore };
      this.ports.push(this.#started(await assembly.startProxy(proxy, parts)));
    }
  }

  #newStore(): FileConfigStore {
    const store = new FileConfigStore({ path: join(this.directory, 'map.json'), ...parts });
    this.#stops.push(() => store.close());
    return store;
  }

  #started(result: AssemblyResult): number {
    if (!result.ok) throw new Error(result.problem);
    this.#stops.push(() => result.running.stop());
    return result.running.listening[0]?.port ?? 0;
  }
}
