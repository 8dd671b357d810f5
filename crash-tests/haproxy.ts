import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { answersPing } from '../compat-tests/support/ping.ts';
import { type Place, portOf } from '../compat-tests/support/place.ts';

const CONFIG = configuration('haproxy.cfg');
const TLS_CONFIG = configuration('haproxy-tls.cfg');
const READY_MS = 60_000;

/** Whether this machine has it. */
export function hasHaproxy(): boolean {
  return hasProgram('haproxy');
}

/** Whether it can be started by its name. */
export function hasProgram(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory || '.', name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** HAProxy with a configuration that this repository ships, in front of two proxies. */
export class Haproxy {
  /** Where clients connect. */
  readonly place: Place;
  readonly #httpPort: number;
  readonly #config: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #dir: string;
  #server: ChildServer;

  private constructor(
    place: Place,
    config: string,
    proxies: Readonly<Record<string, string>>,
    http: number,
    dir: string,
  ) {
    this.place = place;
    this.#httpPort = http;
    this.#config = config;
    this.#environment = {
      ...proxies,
      JUNOKV_HAPROXY_BIND: `127.0.0.1:${portOf(place)}`,
      JUNOKV_HAPROXY_HTTP: `127.0.0.1:${http}`,
    };
    this.#dir = dir;
    this.#server = this.#spawn();
  }

  /** `dir`: where the process runs; it writes nothing there. Resolves when it serves. */
  static async start(proxyPorts: readonly number[], dir: string): Promise<Haproxy> {
    const [port = 0, http = 0] = await freePorts(2);
    const haproxy = new Haproxy(port, CONFIG, addresses(proxyPorts), http, dir);
    await haproxy.#ready();
    return haproxy;
  }

  /**
   * For clients on TLS, which it passes through: `tlsPorts` of the proxies, and `httpPorts`, where they say whether they are ready.
   * `client`: files with which clients connect.
   */
  static async startForTls(
    tlsPorts: readonly number[],
    httpPorts: readonly number[],
    client: { readonly ca: string; readonly cert: string; readonly key: string },
    dir: string,
  ): Promise<Haproxy> {
    const [port = 0, http = 0] = await freePorts(2);
    const [first = 0, second = 0] = httpPorts;
    const checks = { JUNOKV_PROXY_1_HTTP: `${first}`, JUNOKV_PROXY_2_HTTP: `${second}` };
    const haproxy = new Haproxy({ port, ...client }, TLS_CONFIG, { ...addresses(tlsPorts), ...checks }, http, dir);
    await haproxy.#ready();
    return haproxy;
  }

  /** Where clients connect. */
  get port(): number {
    return portOf(this.place);
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

  /** How many proxies it gives new connections to. */
  async proxiesUp(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/metrics`);
    return [...(await response.text()).matchAll(/^haproxy_server_status\{[^}]*state="UP"\} 1$/gm)].length;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  #spawn(): ChildServer {
    const args = ['-W', '-db', '-f', this.#config];
    return new ChildServer({ name: 'haproxy', command: 'haproxy', args, cwd: this.#dir, env: this.#environment });
  }

  #ready(): Promise<void> {
    return this.#server.waitUntilReady(() => answersPing(this.place), READY_MS);
  }
}

function configuration(name: string): string {
  return fileURLToPath(new URL(`../deploy/haproxy/${name}`, import.meta.url));
}

function addresses([first = 0, second = 0]: readonly number[]): Record<string, string> {
  return { JUNOKV_PROXY_1: `127.0.0.1:${first}`, JUNOKV_PROXY_2: `127.0.0.1:${second}` };
}
