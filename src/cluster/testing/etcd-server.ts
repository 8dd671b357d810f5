import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY_MS = 50_000;

/** For tests and hooks that start one: on a machine that does much else it may take its time. */
export const ETCD_TEST_MS = 60_000;

const OUTPUT_CHARS = 4_000;

/** Why no etcd can be started here; null if one can. */
export const etcdProblem: string | null =
  spawnSync('etcd', ['--version']).error === undefined ? null : 'there is no etcd on this machine (etcd-server)';

export interface EtcdServerOptions {
  /** More options of etcd, such as those of TLS. */
  readonly args?: readonly string[];
  /** How it is reached, without the address. */
  readonly scheme?: 'http' | 'https';
}

/** One etcd on free ports of the loopback, with its data in a directory of its own. */
export class EtcdServer {
  readonly url: string;
  readonly #options: EtcdServerOptions;
  readonly #peerUrl: string;
  readonly #dir = mkdtempSync(join(tmpdir(), 'junokv-etcd-'));
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(ports: readonly number[], options: EtcdServerOptions) {
    this.#options = options;
    this.url = `${options.scheme ?? 'http'}://127.0.0.1:${ports[0]}`;
    this.#peerUrl = `http://127.0.0.1:${ports[1]}`;
  }

  /** Resolves when it answers. */
  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const server = new EtcdServer([await freePort(), await freePort()], options);
    try {
      await server.restart();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Starts it on its data, on the same ports; resolves when it answers. */
  async restart(): Promise<void> {
    const args = ['--data-dir', join(this.#dir, 'data'), '--logger', 'zap', '--log-level', 'info'];
    args.push('--listen-client-urls', this.url, '--advertise-client-urls', this.url);
    args.push('--listen-peer-urls', this.#peerUrl, '--initial-advertise-peer-urls', this.#peerUrl);
    args.push('--initial-cluster', `default=${this.#peerUrl}`, ...(this.#options.args ?? []));
    const child = spawn('etcd', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#output = '';
    const gone = once(child, 'exit').then(() => {
      throw new Error(`etcd ended: ${this.#output}`);
    });
    const ready = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => {
          this.#output = (this.#output + String(chunk)).slice(-OUTPUT_CHARS);
          if (/serving (insecure )?client (requests|traffic)/.test(this.#output)) resolve();
        });
      }
    });
    gone.catch(() => {});
    await Promise.race([ready, gone, timeout(READY_MS, () => `etcd is not ready: ${this.#output}`)]);
  }

  /** `kill -9`; what it has stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** It keeps its connections, and answers nothing until it goes on. */
  hang(): void {
    this.#child?.kill('SIGSTOP');
  }

  goOn(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function timeout(ms: number, message: () => string): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  throw new Error(message());
}

/** Of the loopback, on which nobody listens now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
