import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../compat-tests/support/free-port.ts';
import { IdleClients } from '../compat-tests/support/idle-clients.ts';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { makeTempDir, spawnJunokv } from '../compat-tests/support/junokv-server.ts';
import { openConnection, type Place } from '../compat-tests/support/open-connection.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { median } from './figures.ts';
import { fillKeys } from './fill.ts';
import { INSPECTED, Inspector } from './inspector.ts';
import { runLoad, wholeEndpoint } from './load-client.ts';
import { describeMachine, type Machine } from './machine.ts';
import { inTurns } from './measure.ts';
import { runOpenLoop } from './open-loop.ts';
import type { BenchOptions } from './options.ts';
import { readCpu } from './process-cpu.ts';

export type Transport = 'TCP' | 'TLS';

/** Latencies of the active connections in one run, and what the proxy's process used for a request. */
export interface ConnectionsRun {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly proxyCpuUs: number;
  readonly operations: number;
  /** Not answered, or with an error. */
  readonly failed: number;
}

/** Memory of the proxy's process, after its garbage was collected. */
export interface MemoryReading {
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Outside the heap, as far as V8 is told of it. */
  readonly externalBytes: number;
}

export interface TransportResult {
  readonly transport: Transport;
  readonly withoutIdle: readonly ConnectionsRun[];
  readonly withIdle: readonly ConnectionsRun[];
  /** What all idle connections together added to a proxy that had not had them before. */
  readonly memory: MemoryReading;
  /** Milliseconds of the proxy's CPU time in a second in which nobody sends anything, without and with idle connections. */
  readonly quietMs: number;
  readonly quietWithIdleMs: number;
  /** From the first idle client's connecting to the last one's answer; median of the rounds. */
  readonly openMs: number;
  /** Idle connections that the proxy closed. */
  readonly lost: number;
}

export interface ConnectionsResult {
  readonly machine: Machine;
  readonly idle: number;
  readonly active: number;
  readonly ratePerSecond: number;
  readonly keys: number;
  readonly rounds: number;
  readonly transports: readonly TransportResult[];
}

const IDLE = 15_000;
const ACTIVE = 200;
const RATE_PER_S = 2_000;
const QUICK = { idle: 1_000, active: 40, ratePerSecond: 1_000 };
const READ_SHARE = 0.8;
const VALUE_BYTES = 100;
/** Idle connections beside the active ones, and some to look on; within 20,000 open files. */
const MAX_CLIENTS = 19_000;
/** Runs in parts of --run-ms. */
const RUN_SHARE = 4;
const WARM_UP_SHARE = 2;
const WARM_UP_IDLE = 100;
const COMMAND_MS = 30_000;
/** After connections were opened or closed: longer than the proxy waits to let go of what idle ones do not need. */
const SETTLE_MS = 3_500;
const GONE_MS = 30_000;
const GONE_POLL_MS = 50;
const MS_PER_S = 1_000;
const US_PER_MS = 1_000;

/** A proxy that is not asked for anything. */
interface Resting extends MemoryReading {
  readonly quietMs: number;
}

const NOT_RESTING: Resting = { residentBytes: 0, heapBytes: 0, externalBytes: 0, quietMs: 0 };

/** How many connections there are, and how much is asked. */
export function sizesOf({ form }: Pick<BenchOptions, 'form'>) {
  return form === 'quick' ? QUICK : { idle: IDLE, active: ACTIVE, ratePerSecond: RATE_PER_S };
}

/** One proxy, whose clients come one way, and what is done with it. */
class Subject {
  readonly #cluster: JunokvCluster;
  readonly #place: Place;
  readonly #inspector: Inspector;
  readonly #idleClients = new IdleClients();
  readonly #options: BenchOptions;
  readonly #opensMs: number[] = [];
  #lost = 0;

  constructor(cluster: JunokvCluster, place: Place, inspector: Inspector, options: BenchOptions) {
    this.#cluster = cluster;
    this.#place = place;
    this.#inspector = inspector;
    this.#options = options;
  }

  stop(): void {
    this.#idleClients.stop();
    this.#inspector.close();
  }

  async measure(transport: Transport): Promise<TransportResult> {
    const sizes = sizesOf(this.#options);
    await this.#warmUp();
    const ways = [
      { idle: 0, runs: [] as ConnectionsRun[], resting: [] as Resting[] },
      { idle: sizes.idle, runs: [] as ConnectionsRun[], resting: [] as Resting[] },
    ];
    for (let round = 0; round < this.#options.rounds; round++) {
      for (const { idle, runs, resting } of inTurns(ways, round)) {
        await this.#openIdle(idle);
        // Only what the first ones add is new to the process.
        if (round === 0) resting.push(await this.#rest());
        const run = await this.#run();
        runs.push(run);
        await this.#closeIdle();
        console.error(`connections: ${transport}, ${idle} idle: ${runText(run)}`);
      }
    }
    const [withoutIdle, withIdle] = ways.map(({ runs }) => runs);
    const [before = NOT_RESTING, after = NOT_RESTING] = ways.flatMap(({ resting }) => resting);
    return {
      transport,
      withoutIdle: withoutIdle ?? [],
      withIdle: withIdle ?? [],
      memory: {
        residentBytes: after.residentBytes - before.residentBytes,
        heapBytes: after.heapBytes - before.heapBytes,
        externalBytes: after.externalBytes - before.externalBytes,
      },
      ...{ quietMs: before.quietMs, quietWithIdleMs: after.quietMs, openMs: median(this.#opensMs), lost: this.#lost },
    };
  }

  /** The program runs all that will be measured once, so that it is compiled. */
  async #warmUp(): Promise<void> {
    await fillKeys([wholeEndpoint(this.#port)], this.#options.keys, VALUE_BYTES);
    // Few: what they held, and was freed, would be used again by those that are measured.
    await this.#idleClients.open(this.#place, WARM_UP_IDLE);
    await this.#closeIdle();
    const { runMs } = this.#options;
    await runLoad({ ...this.#load(), pipeline: 1, durationMs: runMs * WARM_UP_SHARE });
    await this.#run();
    await this.#settle();
  }

  /** Of the plain port, which there always is. */
  get #port(): number {
    return this.#cluster.proxyPorts[0] ?? 0;
  }

  #load() {
    const { active } = sizesOf(this.#options);
    return {
      ...({ operation: 'MIX', readShare: READ_SHARE, valueBytes: VALUE_BYTES, waitForReplica: false } as const),
      ...({ keyPattern: 'uniform', keys: this.#options.keys, connections: active } as const),
      endpoints: [wholeEndpoint(this.#place.port)],
      open: () => openConnection(this.#place),
    };
  }

  async #openIdle(count: number): Promise<void> {
    if (count > 0) {
      const startMs = performance.now();
      await this.#idleClients.open(this.#place, count);
      this.#opensMs.push(performance.now() - startMs);
    }
    await this.#settle();
  }

  async #closeIdle(): Promise<void> {
    this.#lost += await this.#idleClients.close();
    const client = await RawClient.connect(this.#port);
    const endMs = performance.now() + GONE_MS;
    for (;;) {
      const info = (await client.command(['INFO', 'clients'])).toString('latin1');
      if (Number(/connected_clients:(\d+)/.exec(info)?.[1]) <= 1) break;
      if (performance.now() > endMs) throw new Error(`clients that have gone are still counted after ${GONE_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, GONE_POLL_MS));
    }
    client.close();
  }

  #settle(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }

  #cpuUs(): number {
    const processes = this.#cluster.pids.proxies.map((pid) => ({ role: 'proxy', pid }));
    return readCpu(processes).reduce((sum, { userUs, systemUs }) => sum + userUs + systemUs, 0);
  }

  async #run(): Promise<ConnectionsRun> {
    const { ratePerSecond } = sizesOf(this.#options);
    const durationMs = this.#options.runMs * RUN_SHARE;
    const beforeUs = this.#cpuUs();
    const figures = await runOpenLoop({ ...this.#load(), ratePerSecond, durationMs });
    const operations = Math.round((figures.answeredPerSecond * durationMs) / MS_PER_S);
    const { p50Ms, p99Ms, p999Ms, maxMs, errors, unanswered } = figures;
    const proxyCpuUs = (this.#cpuUs() - beforeUs) / operations;
    return { p50Ms, p99Ms, p999Ms, maxMs, proxyCpuUs, operations, failed: errors + unanswered };
  }

  async #rest(): Promise<Resting> {
    const memory = await this.#memory();
    return { ...memory, quietMs: await this.#quiet() };
  }

  async #quiet(): Promise<number> {
    const [beforeUs, startMs] = [this.#cpuUs(), performance.now()];
    await this.#settle();
    return ((this.#cpuUs() - beforeUs) / US_PER_MS / (performance.now() - startMs)) * MS_PER_S;
  }

  async #memory(): Promise<MemoryReading> {
    await this.#inspector.call('HeapProfiler.collectGarbage');
    const expression = 'JSON.stringify(process.memoryUsage())';
    const { result } = await this.#inspector.call<{ result: { value: string } }>('Runtime.evaluate', { expression });
    const { rss, heapUsed, external }: Record<'rss' | 'heapUsed' | 'external', number> = JSON.parse(result.value);
    return { residentBytes: rss, heapBytes: heapUsed, externalBytes: external };
  }
}

function runText({ p50Ms, p99Ms, proxyCpuUs, failed }: ConnectionsRun): string {
  const told = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, proxy ${proxyCpuUs.toFixed(1)} us/op`;
  return failed === 0 ? told : `${told}, ${failed} failed`;
}

/** How the proxy is told to serve, and where clients of this transport then go. */
interface Serving {
  readonly options: readonly string[];
  readonly ca: string | null;
  /** Null: the plain one. */
  readonly port: number | null;
}

async function servingOver(transport: Transport, dir: string): Promise<Serving> {
  const options = ['--maxclients', `${MAX_CLIENTS}`];
  if (transport === 'TCP') return { options, ca: null, port: null };
  const port = await freePort();
  await spawnJunokv('junokv certs', ['certs', dir], dir).waitUntilDone(COMMAND_MS);
  const [certificate, key, ca] = ['server.crt', 'server.key', 'ca.crt'].map((name) => join(dir, name));
  const files = ['--tls-cert-file', `${certificate}`, '--tls-key-file', `${key}`, '--tls-ca-cert-file', `${ca}`];
  const tls = ['--tls-port', `${port}`, '--tls-auth-clients', 'no', ...files];
  return { options: [...options, ...tls], ca: readFileSync(`${ca}`, 'utf8'), port };
}

/** A fresh cluster for each: a process that has held connections once does not give all of their memory back to the system. */
async function measureTransport(transport: Transport, options: BenchOptions): Promise<TransportResult> {
  const dir = makeTempDir('bench-certs');
  let cluster: JunokvCluster | null = null;
  try {
    const serving = await servingOver(transport, dir);
    cluster = await JunokvCluster.start(1, { proxy: serving.options, launcher: INSPECTED });
    const place: Place = { port: serving.port ?? cluster.proxyPorts[0] ?? 0, ca: serving.ca };
    // The proxy is the last that was started.
    const output = [...cluster.output.matchAll(/Debugger listening on \S+/g)].at(-1)?.[0] ?? '';
    const subject = new Subject(cluster, place, await Inspector.connect({ name: 'the proxy', output }), options);
    try {
      return await subject.measure(transport);
    } finally {
      subject.stop();
    }
  } finally {
    await cluster?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Active connections to one proxy with and without many idle ones beside them, and what an idle one costs. */
export async function measureConnections(options: BenchOptions): Promise<ConnectionsResult> {
  const machine = describeMachine();
  const transports: TransportResult[] = [];
  for (const transport of ['TCP', 'TLS'] as const) transports.push(await measureTransport(transport, options));
  return { machine, ...sizesOf(options), keys: options.keys, rounds: options.rounds, transports };
}
