import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ChildServer } from './child-server.ts';
import { freePorts } from './free-port.ts';
import { makeTempDir } from './junokv-server.ts';

const READY_MS = 30_000;

/** One etcd on free ports of the loopback, which can be killed and started again on its data. */
export class RunningEtcd {
  readonly url: string;
  readonly #dir = makeTempDir('etcd');
  readonly #peerUrl: string;
  #process: ChildServer | null = null;

  private constructor(ports: readonly number[]) {
    this.url = `http://127.0.0.1:${ports[0]}`;
    this.#peerUrl = `http://127.0.0.1:${ports[1]}`;
  }

  /** Resolves when it answers. */
  static async start(): Promise<RunningEtcd> {
    const etcd = new RunningEtcd(await freePorts(2));
    try {
      await etcd.startAgain();
    } catch (error) {
      await etcd.stop();
      throw error;
    }
    return etcd;
  }

  /** On its data and its ports; resolves when it answers. */
  async startAgain(): Promise<void> {
    const process = new ChildServer({
      name: `etcd ${this.url}`,
      command: 'etcd',
      args: [
        ...['--data-dir', join(this.#dir, 'data'), '--logger', 'zap', '--log-level', 'error'],
        ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
        ...['--listen-peer-urls', this.#peerUrl, '--initial-advertise-peer-urls', this.#peerUrl],
        ...['--initial-cluster', `default=${this.#peerUrl}`],
      ],
      cwd: this.#dir,
    });
    this.#process = process;
    await process.waitUntilReady(() => this.#isHealthy(), READY_MS);
  }

  /** `kill -9`; what it has stays. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/health`);
      return response.ok && (await response.text()).includes('"true"');
    } catch {
      return false;
    }
  }
}
