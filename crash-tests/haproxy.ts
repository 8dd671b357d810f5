import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { answersPing } from '../compat-tests/support/ping.ts';

const CONFIG = fileURLToPath(new URL('../deploy/haproxy/haproxy.cfg', import.meta.url));
const READY_MS = 15_000;

/** Whether this machine has it. */
export function hasHaproxy(): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory || '.', 'haproxy'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** HAProxy with the configuration that this repository ships, in front of two proxies. */
export class Haproxy {
  readonly port: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #dir: string;
  #server: ChildServer;

  private constructor(port: number, environment: Readonly<Record<string, string>>, dir: string) {
    this.port = port;
    this.#environment = environment;
    this.#dir = dir;
    this.#server = this.#spawn();
  }

  /** `dir`: where the process runs; it writes nothing there. Resolves when it serves. */
  static async start(proxyPorts: readonly number[], dir: string): Promise<Haproxy> {
    const [port = 0, http = 0] = await freePorts(2);
    const [first = 0, second = 0] = proxyPorts;
    const environment = {
      JUNOKV_HAPROXY_BIND: `127.0.0.1:${port}`,
      JUNOKV_HAPROXY_HTTP: `127.0.0.1:${http}`,
      JUNOKV_PROXY_1: `127.0.0.1:${first}`,
      JUNOKV_PROXY_2: `127.0.0.1:${second}`,
    };
    const haproxy = new Haproxy(port, environment, dir);
    await haproxy.#ready();
    return haproxy;
  }

  get output(): string {
    return this.#server.output;
  }

  get exitText(): string | null {
    return this.#server.exitText;
  }

  /** SIGUSR2 to the master: a new worker takes over the port, the old one keeps its connections. */
  async reload(): Promise<void> {
    process.kill(this.#server.pid, 'SIGUSR2');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await this.#ready();
  }

  /** The process ends, with all connections, and another one takes its place. */
  async restart(): Promise<void> {
    await this.#server.stop();
    this.#server = this.#spawn();
    await this.#ready();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  #spawn(): ChildServer {
    const args = ['-W', '-db', '-f', CONFIG];
    return new ChildServer({ name: 'haproxy', command: 'haproxy', args, cwd: this.#dir, env: this.#environment });
  }

  #ready(): Promise<void> {
    return this.#server.waitUntilReady(() => answersPing(this.port), READY_MS);
  }
}
