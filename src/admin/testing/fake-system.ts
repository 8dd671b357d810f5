import type { Clock, Timer } from '../../base/clock.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import type { Assembly, ProxyParts, StorageParts } from '../assembly.ts';
import type { Environment } from '../configuration.ts';
import type { Running } from '../running.ts';
import type { SingleCluster } from '../single-cluster.ts';
import type { System } from '../system.ts';

/** A process that writes down what is done to it. Its clock is real. */
export class FakeSystem implements System {
  readonly clock: Clock;
  readonly random = new SystemRandom();
  readonly environment: Environment;
  readonly version = '9.9.9';
  readonly printed: string[] = [];
  readonly complaints: string[] = [];
  readonly exits: number[] = [];
  /** What `writeOut` got. */
  readonly written: Buffer[] = [];
  /** What `writeOut` answers. */
  writeProblem: string | null = null;
  /** What stands on standard input. */
  input = Buffer.alloc(0);
  askLine: ((question: string) => Promise<string | null>) | null = null;
  outIsTerminal = false;
  redraw: ((line: string) => void) | null = null;
  killed = 0;
  holds = 0;
  #onSignal: () => void = () => {};
  readonly #reloadListeners: (() => void)[] = [];

  constructor(environment: Environment = {}, clock: Clock = new SystemClock()) {
    this.environment = environment;
    this.clock = clock;
  }

  print(text: string): void {
    this.printed.push(text);
  }

  complain(text: string): void {
    this.complaints.push(text);
  }

  async writeOut(bytes: Buffer): Promise<string | null> {
    this.written.push(bytes);
    return this.writeProblem;
  }

  async readInput(limitBytes: number): Promise<Buffer | null> {
    return this.input.length > limitBytes ? null : this.input;
  }

  soon(fn: () => void): void {
    setImmediate(fn);
  }

  cpuMs(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }

  onStopSignal(listener: () => void): void {
    this.#onSignal = listener;
  }

  stop(): void {
    this.#onSignal();
  }

  onReloadSignal(listener: () => void): void {
    this.#reloadListeners.push(listener);
  }

  hold(): Timer {
    this.holds++;
    return { cancel: () => this.holds-- };
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  kill(): void {
    this.killed++;
  }

  /** As if SIGHUP came. */
  reload(): void {
    for (const listener of this.#reloadListeners) listener();
  }

  /** As if SIGTERM came. */
  signal(): void {
    this.#onSignal();
  }
}

/** An assembly whose rooms do nothing; it keeps what it was given. */
export class FakeAssembly implements Assembly {
  readonly clusters: SingleCluster[] = [];
  readonly storages: StorageParts[] = [];
  readonly proxies: ProxyParts[] = [];
  stops = 0;
  problem = '';
  /** Called once rooms have started, in a later turn. */
  onStarted: () => void = () => {};

  startSingleProcess(cluster: SingleCluster) {
    this.clusters.push(cluster);
    return this.#result(cluster.config.port);
  }

  startStorage(storage: StorageParts) {
    this.storages.push(storage);
    return this.#result(storage.node.port);
  }

  startProxy(proxy: ProxyParts) {
    this.proxies.push(proxy);
    return this.#result(proxy.config.port);
  }

  async #result(port: number) {
    if (this.problem !== '') return { ok: false as const, problem: this.problem };
    const running: Running = {
      listening: [{ host: '127.0.0.1', port }],
      failed: new Promise(() => {}),
      stop: async () => {
        this.stops++;
      },
    };
    setTimeout(() => this.onStarted(), 1);
    return { ok: true as const, running };
  }
}
