import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { spawnJunokv } from '../compat-tests/support/junokv-server.ts';
import type { Report } from './report.ts';

const STEADY_KEYS = 400;
const LARGE_KEYS = 4;
const LARGE_BYTES = 1_000_000;
const COUNTERS = 6;
const COMMAND_MS = 180_000;
/** Sealing anew has begun by then, and is not done. */
const SEALING_MS = 1_200;
/** An old version can be retired some time after another has begun to seal. */
const RETIRE_WITHIN_MS = 120_000;

/** Clients that count, each on a key of its own: up through one proxy, and what the other one then says must be the same. */
class Counting {
  readonly problems: string[] = [];
  readonly counts: number[] = [];
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  start(ports: readonly number[]): void {
    this.#running = Promise.all(Array.from({ length: COUNTERS }, (_, counter) => this.#count(counter, ports)));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #count(counter: number, ports: readonly number[]): Promise<void> {
    const clients = ports.map((port) => new Redis({ port, maxRetriesPerRequest: 3 }));
    const key = `counter-${counter}`;
    this.counts[counter] = 0;
    for (let i = 0; !this.#isStopped; i++) {
      const writer = clients[i % clients.length];
      const reader = clients[(i + 1) % clients.length];
      const expected: number = (this.counts[counter] ?? 0) + 1;
      try {
        const written = await writer?.incr(key);
        const read = Number(await reader?.get(key));
        if (written !== expected || read !== expected)
          this.problems.push(`${key}: ${written} and ${read}, not ${expected}`);
        this.counts[counter] = expected;
      } catch (error) {
        this.problems.push(`${key}: ${error instanceof Error ? error.message : String(error)}`);
        this.counts[counter] = Number(await reader?.get(key).catch(() => expected - 1));
      }
    }
    for (const client of clients) client.disconnect();
  }
}

function steadyValue(i: number): Buffer {
  return i < LARGE_KEYS ? Buffer.alloc(LARGE_BYTES, `large ${i} `) : Buffer.from(`steady ${i}`);
}

async function writeSteady(port: number): Promise<void> {
  const redis = new Redis(port);
  for (let i = 0; i < STEADY_KEYS; i++) await redis.set(`steady:${i}`, steadyValue(i), 'EX', 86_400);
  redis.disconnect();
}

async function checkSteady(port: number): Promise<string[]> {
  const redis = new Redis(port);
  const problems: string[] = [];
  for (let i = 0; i < STEADY_KEYS; i++) {
    const found = await redis.getBuffer(`steady:${i}`).catch((error: unknown) => Buffer.from(String(error)));
    const ttl = await redis.ttl(`steady:${i}`);
    if (found?.equals(steadyValue(i)) !== true) problems.push(`steady:${i}: ${found?.subarray(0, 80)}`);
    if (ttl < 80_000 || ttl > 86_400) problems.push(`steady:${i}: ${ttl} s left`);
  }
  redis.disconnect();
  return problems;
}

/** The encryption key is changed twice under load, through two proxies that are not restarted. */
export async function changeKeys(report: Report): Promise<void> {
  console.log('\nNew encryption keys for 3 storage processes and 2 proxies under load\n');
  const cluster = await JunokvCluster.start(2, { shards: 64, proxy: ['--log-level', 'debug'] });
  const counting = new Counting();
  try {
    await writeSteady(cluster.proxyPorts[0] ?? 0);
    const round = new KeyRound(cluster, report);
    round.noteKeys();
    counting.start(cluster.proxyPorts);
    await round.run();
    await counting.stop();
    const counted = counting.counts.reduce((sum, count) => sum + count, 0);
    report.check(`${counted} increments meanwhile, none failed, each seen by the other proxy`, counting.problems);
    await round.checkRestarted();
    report.check('no process ended by itself', cluster.ended);
    round.checkSecrets();
  } finally {
    await counting.stop();
    await cluster.stop();
  }
}

class KeyRound {
  readonly #cluster: JunokvCluster;
  readonly #report: Report;
  readonly #keystore: string;
  readonly #online: readonly string[];
  readonly #audit: string;
  /** Hexadecimal beginnings of every key there ever was. */
  readonly #secrets = new Set<string>();
  #printed = '';

  constructor(cluster: JunokvCluster, report: Report) {
    this.#cluster = cluster;
    this.#report = report;
    this.#keystore = join(cluster.dir, 'keystore.json');
    this.#online = ['--target', cluster.proxyPorts.map((port) => `127.0.0.1:${port}`).join()];
    this.#audit = join(cluster.dir, 'audit.log');
  }

  async run(): Promise<void> {
    const files = ['--keystore', this.#keystore];
    const soon = ['--activate-after', '5s', '--rate', '0'];
    await this.#expect('rotated, and everything sealed anew', [
      'keys',
      'rotate',
      ...files,
      ...this.#online,
      ...soon,
      '--reencrypt',
    ]);
    this.noteKeys();
    await this.#retire('the first version is retired when nothing uses it', '1');
    await this.#expect('rotated again', ['keys', 'rotate', ...files, '--activate-after', '5s']);
    this.noteKeys();
    await this.#untilActive(3);
    await this.#interrupted();
    await this.#expect('gone on with', ['keys', 'reencrypt', ...this.#online, '--rate', '0']);
    await this.#retire('the second version is retired', '2');
    this.#report.check('every value and expiry is as it was', await checkSteady(this.#cluster.proxyPorts[1] ?? 0));
  }

  /** Proxies that never had the old keys. */
  async checkRestarted(): Promise<void> {
    for (const proxy of [1, 2]) {
      await this.#cluster.stopProxy(proxy);
      this.#printed += this.#cluster.output;
      await this.#cluster.startProxy(proxy);
    }
    const problems = await checkSteady(this.#cluster.proxyPorts[0] ?? 0);
    this.#report.check('proxies that start without the old versions read everything', problems);
  }

  checkSecrets(): void {
    const audit = readFileSync(this.#audit, 'utf8');
    const texts = [this.#printed, this.#cluster.output, audit].join('\n');
    const shown = [...this.#secrets].filter((hex) => texts.includes(hex));
    this.#report.check(`none of ${this.#secrets.size} keys is in what was logged or printed`, shown);
    const retired = audit.split('\n').filter((line) => line.includes('keys retire') && line.includes('"done"'));
    this.#report.check('the audit log tells of both retirements', retired.length === 2 ? [] : [audit]);
  }

  /** What must be shown nowhere. */
  noteKeys(): void {
    const text = readFileSync(this.#keystore, 'utf8');
    for (const [hex] of text.matchAll(/[0-9a-f]{64}/g)) this.#secrets.add(hex.slice(0, 16));
  }

  async #untilActive(version: number): Promise<void> {
    for (const port of this.#cluster.proxyPorts) {
      const redis = new Redis(port);
      const startMs = performance.now();
      let active = 0;
      while (active !== version && performance.now() - startMs < 60_000) {
        active = JSON.parse(String(await redis.call('JUNO.KEYS', 'VERSIONS'))).activeVersion;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      redis.disconnect();
      this.#report.check(`port ${port} seals with version ${version}`, active === version ? [] : [`with ${active}`]);
    }
  }

  /** Killed in its middle: what it did not come to is left. */
  async #interrupted(): Promise<void> {
    const child = spawnJunokv(
      'keys reencrypt',
      ['keys', 'reencrypt', ...this.#online, '--rate', '1'],
      this.#cluster.dir,
    );
    await new Promise((resolve) => setTimeout(resolve, SEALING_MS));
    const problems = child.exitText === null ? [] : [`it ended before: ${child.output}`];
    await child.kill();
    this.#report.check('sealing anew is killed (kill -9) in its middle', problems);
  }

  async #retire(name: string, version: string): Promise<void> {
    const args = ['keys', 'retire', version, '--keystore', this.#keystore, ...this.#online];
    const startMs = performance.now();
    let problem: string | null = null;
    do {
      problem = await this.#run(args);
      if (problem !== null) await new Promise((resolve) => setTimeout(resolve, 2_000));
    } while (problem !== null && performance.now() - startMs < RETIRE_WITHIN_MS);
    this.#report.check(name, problem === null ? [] : [problem]);
  }

  async #expect(name: string, args: readonly string[]): Promise<void> {
    const problem = await this.#run(args);
    this.#report.check(name, problem === null ? [] : [problem]);
  }

  /** What is wrong, or null. */
  async #run(args: readonly string[]): Promise<string | null> {
    const child = spawnJunokv(args.join(' '), [...args, '--audit-log', this.#audit], this.#cluster.dir);
    const problem = await child.waitUntilDone(COMMAND_MS).then(
      () => null,
      (error: unknown) => `${String(error)} ${child.output}`,
    );
    this.#printed += child.output;
    return problem;
  }
}
