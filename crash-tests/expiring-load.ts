import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { type Report, table } from './report.ts';

const PROGRAM = fileURLToPath(new URL('../bin/junokv.mjs', import.meta.url));
const PURGE_AFTER_MS = 16_000;
const TTL_MS = 2_000;
const VALUE = 'x'.repeat(2_000);
const CONNECTIONS = 4;
const PIPELINE = 64;
/** Everything that expired is gone after so long: two passes of the sweep beyond TTL and purgeAfter, on a busy machine. */
const GONE_MS = 240_000;
/** Nothing more is purged in so long: a pass of the sweep, on a busy machine. */
const QUIET_MS = 60_000;
const POLL_MS = 1_000;
/** Of all writes may fail: those under way to a node that is killed, on a machine that is too busy for their deadline. */
const FAILED_SHARE = 0.01;
const MB = 1_048_576;

/** What `cluster verify --json` counts. */
interface Total {
  readonly records: number;
  readonly purged: number;
  readonly repaired: number;
  readonly unreadable: number;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Standard output and exit code of a junokv command. */
function junokv(args: readonly string[]): Promise<{ readonly text: string; readonly exitCode: number }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { timeout: 120_000, maxBuffer: 64 * MB }, (error, text) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ text, exitCode });
    });
  });
}

function bytesOf(dir: string): number {
  let bytes = 0;
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    // Files come and go while RocksDB works.
    bytes += statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** Writers of keys that live for seconds, each written once. */
class ExpiringLoad {
  acknowledged = 0;
  readonly errors: string[] = [];
  #next = 0;

  async run(ports: readonly number[], durationMs: number): Promise<void> {
    const untilMs = Date.now() + durationMs;
    await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, i) => this.#write(ports[i % ports.length] ?? 0, untilMs)),
    );
  }

  async #write(port: number, untilMs: number): Promise<void> {
    const redis = new Redis({ port, maxRetriesPerRequest: 0 });
    redis.on('error', () => {});
    try {
      while (Date.now() < untilMs) {
        const writes = Array.from({ length: PIPELINE }, () => redis.set(`short-${this.#next++}`, VALUE, 'PX', TTL_MS));
        for (const result of await Promise.allSettled(writes)) {
          if (result.status === 'fulfilled') this.acknowledged++;
          else this.errors.push(String(result.reason));
        }
        await pause(20);
      }
    } finally {
      redis.disconnect();
    }
  }
}

class ExpiringTest {
  readonly #cluster: JunokvCluster;
  readonly #report: Report;
  readonly #load = new ExpiringLoad();
  readonly #rows: (string | number)[][] = [['phase', 'acknowledged', 'records', 'purged', 'MB of node 1', 'seconds']];
  readonly #startedMs = Date.now();

  constructor(cluster: JunokvCluster, report: Report) {
    this.#cluster = cluster;
    this.#report = report;
  }

  async run(): Promise<void> {
    const report = this.#report;
    await this.#load.run(this.#cluster.proxyPorts, 8_000);
    const first = this.#load.acknowledged;
    await this.#waitUntilPurged(first);
    const clean = await this.#verify('all nodes there');
    report.check(
      'what expired leaves the nodes by itself',
      clean.records === 0 && clean.purged === 0 ? [] : [`${clean.records} of ${first} records are left`],
    );

    await this.#cluster.killStorage(3);
    await this.#load.run(this.#cluster.proxyPorts, 4_000);
    const written = this.#load.acknowledged - first;
    await pause(PURGE_AFTER_MS + TTL_MS);
    const without = await this.#verify('node 3 killed');
    report.check(
      'nothing is forgotten while a replica is missing',
      without.purged === 0 && without.records >= written
        ? []
        : [`${without.purged} purged, ${without.records} records of ${written} held`],
    );

    await this.#cluster.startStorage(3);
    const after = await this.#untilEmpty();
    report.check(
      'when it is back all is brought together, and goes',
      after.records === 0 ? [] : [`${after.records} records are left`],
    );
    report.check('no record was unreadable', after.unreadable === 0 ? [] : [`${after.unreadable}`]);
    const { errors, acknowledged } = this.#load;
    report.check('hardly a write failed', errors.length <= acknowledged * FAILED_SHARE ? [] : errors);
    report.check('no process ended by itself', this.#cluster.ended);
    console.log(`\n${table(this.#rows)}\n`);
  }

  /** Polls what the nodes tell of their own sweeps, until they have purged so many, or nothing more for long. */
  async #waitUntilPurged(expected: number): Promise<void> {
    let untilMs = Date.now() + GONE_MS;
    let before = 0;
    while (before < expected && Date.now() < untilMs) {
      await pause(POLL_MS);
      const { text } = await junokv([
        ...['cluster', 'status', '--json', '--map', join(this.#cluster.dir, 'cluster-map.json')],
        ...['--secret', join(this.#cluster.dir, 'cluster-secret')],
      ]);
      const purged: number = JSON.parse(text).cluster.sweep?.findings.purged ?? 0;
      if (purged > before) untilMs = Date.now() + QUIET_MS;
      before = Math.max(before, purged);
    }
  }

  async #untilEmpty(): Promise<Total> {
    const untilMs = Date.now() + GONE_MS;
    for (;;) {
      const total = await this.#verify('node 3 is back');
      if (total.records === 0 || Date.now() > untilMs) return total;
      await pause(PURGE_AFTER_MS / 2);
    }
  }

  async #verify(phase: string): Promise<Total> {
    const target = this.#cluster.proxyPorts.map((port) => `127.0.0.1:${port}`).join(',');
    const { text } = await junokv(['cluster', 'verify', '--json', '--target', target]);
    const total: Total = JSON.parse(text).total;
    const megabytes = Math.round(bytesOf(this.#cluster.dataDir(1)) / MB);
    const seconds = Math.round((Date.now() - this.#startedMs) / 1_000);
    this.#rows.push([phase, this.#load.acknowledged, total.records, total.purged, megabytes, seconds]);
    return total;
  }
}

/** A cache-like load: what expires leaves the disks while all replicas are up, stays while one is down, and goes after it is back. */
export async function expireUnderLoad(report: Report): Promise<void> {
  console.log(
    `\n3 storage processes, 2 proxies: keys of ${TTL_MS} ms, purged after ${PURGE_AFTER_MS} ms; one node killed\n`,
  );
  const purgeAfter = ['--purge-after', String(PURGE_AFTER_MS)];
  const cluster = await JunokvCluster.start(2, { storage: purgeAfter, proxy: purgeAfter });
  try {
    await new ExpiringTest(cluster, report).run();
  } finally {
    await cluster.stop();
  }
}
