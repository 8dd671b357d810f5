import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { spawnJunokv } from '../compat-tests/support/junokv-server.ts';
import { KeyHistories } from './key-histories.ts';
import type { Report } from './report.ts';
import {
  halfCollections,
  lackingCollections,
  type SteadyCollections,
  steadyCollections,
} from './steady-collections.ts';

const WRITERS = 8;
const KEYS_PER_WRITER = 400;
const STEADY_KEYS = 2_000;
const LARGE_BYTES = 1_500_000;
/** Every so many of the steady keys is in pages. */
const LARGE_ONE_IN = 200;
const STEADY_COLLECTIONS = 100;
/** Every so many of their writes, writers set two fields of a hash of theirs, always alike, and another one. */
const HASH_ONE_IN = 10;
const KEY_MARK = 'RecognisableKey';
const COMMAND_MS = 120_000;

/** Clients that write, overwrite and delete keys of their own until they are told to stop. */
class Writers {
  readonly histories = new KeyHistories();
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  start(ports: readonly number[]): void {
    this.#stopped = false;
    const running = Array.from({ length: WRITERS }, (_, writer) =>
      this.#write(writer, ports[writer % ports.length] ?? 0),
    );
    this.#running = Promise.all(running);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #write(writer: number, port: number): Promise<void> {
    const redis = new Redis({ port, maxRetriesPerRequest: 3 });
    for (let i = 0; !this.#stopped; i++) {
      if (i % HASH_ONE_IN === 0) {
        const fields = { first: i, second: i, [`field ${randomInt(5_000)}`]: 'x'.repeat(randomInt(2_000)) };
        await redis.hset(hashOf(writer), fields).catch(() => {});
      }
      const key = `${KEY_MARK}:${writer}:${randomInt(KEYS_PER_WRITER)}`;
      const value = randomInt(10) === 0 ? null : `${writer}.${i}.${'x'.repeat(randomInt(300))}`;
      const entry = this.histories.begin(key, value, performance.now());
      await (value === null ? redis.del(key) : redis.set(key, value)).then(
        () => this.histories.end(entry, performance.now()),
        // It may have happened, or may still.
        () => {},
      );
    }
    redis.disconnect();
  }
}

function hashOf(writer: number): string {
  return `${KEY_MARK}:hash:${writer}`;
}

async function steadyKeys(port: number): Promise<SteadyCollections> {
  const redis = new Redis(port);
  for (let i = 0; i < STEADY_KEYS; i++) {
    const value = i % LARGE_ONE_IN === 0 ? Buffer.alloc(LARGE_BYTES, i) : `steady ${i}`;
    const name = `${KEY_MARK}:steady:${i}`;
    await (i % 3 === 0 ? redis.set(name, value, 'EX', 86_400) : redis.set(name, value));
  }
  const collections = await steadyCollections(redis, KEY_MARK, STEADY_COLLECTIONS);
  redis.disconnect();
  return collections;
}

interface Ended {
  readonly problems: readonly string[];
  readonly output: string;
}

/** Runs a junokv command to its end, which is to be well; or, with `failsWith`, to fail and say so. */
async function command(args: readonly string[], dir: string, failsWith: string | null = null): Promise<Ended> {
  const child = spawnJunokv(`junokv ${args[0]}`, args, dir);
  const failed = await child.waitUntilDone(COMMAND_MS).then(
    () => null,
    (error: unknown) => String(error),
  );
  const { output } = child;
  if (failsWith === null) return { problems: failed === null ? [] : [failed], output };
  const isAsExpected = failed !== null && output.includes(failsWith);
  return { problems: isAsExpected ? [] : [`it should have said '${failsWith}': ${output}`], output };
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** All values of the keys that the writers use. */
async function valuesOf(port: number, keys: readonly string[]): Promise<Map<string, string | null>> {
  const redis = new Redis(port);
  const values = new Map<string, string | null>();
  for (const key of keys) values.set(key, await redis.get(key));
  redis.disconnect();
  return values;
}

/** Hashes of writers whose two fields that are always written together differ; a line each. */
async function tornHashes(redis: Redis): Promise<string[]> {
  const problems: string[] = [];
  for (let writer = 0; writer < WRITERS; writer++) {
    const [first, second] = await redis.hmget(hashOf(writer), 'first', 'second');
    if (first !== second) problems.push(`${hashOf(writer)} has ${first} and ${second}`);
  }
  return problems;
}

/** A backup under load, a chain of them, restores into a cluster of another shape, and damage. */
export async function backUpUnderLoad(report: Report): Promise<void> {
  console.log(`\nBackup of 3 x 1 storage processes under ${WRITERS} writers, restore into 3 x 2\n`);
  const source = await JunokvCluster.start(2);
  let target: JunokvCluster | null = null;
  const writers = new Writers();
  try {
    target = await JunokvCluster.start(1, { nodesPerZone: 2 });
    const collections = await steadyKeys(source.proxyPorts[0] ?? 0);
    writers.start(source.proxyPorts);
    await pause(1_000);
    await new BackupRound(source, target, writers, collections, report).run();
    report.check('no process ended by itself', [...source.ended, ...target.ended]);
  } finally {
    await writers.stop();
    await source.stop();
    await target?.stop();
  }
}

class BackupRound {
  readonly #source: JunokvCluster;
  readonly #target: JunokvCluster;
  readonly #writers: Writers;
  readonly #collections: SteadyCollections;
  readonly #report: Report;
  readonly #from: readonly string[];
  readonly #into: readonly string[];

  constructor(
    source: JunokvCluster,
    target: JunokvCluster,
    writers: Writers,
    collections: SteadyCollections,
    report: Report,
  ) {
    this.#source = source;
    this.#target = target;
    this.#writers = writers;
    this.#collections = collections;
    this.#report = report;
    const keystore = ['--keystore', join(source.dir, 'keystore.json')];
    this.#from = ['--target', source.proxyPorts.map((port) => `127.0.0.1:${port}`).join()];
    this.#into = ['--target', `127.0.0.1:${target.proxyPorts[0]}`, ...keystore];
  }

  async run(): Promise<void> {
    const full = this.#dir('full');
    const more = this.#dir('more');
    const keystore = this.#into.slice(2);
    await this.#interrupted(full);
    const startMs = performance.now();
    await this.#expect('a backup under load, gone on with after a kill, one storage process dead', [
      'backup',
      full,
      ...this.#from,
    ]);
    const endMs = performance.now();
    await this.#source.startStorage(2);
    await this.#expect('it opens and lacks nothing', ['backup', 'verify', full, ...keystore]);
    this.#checkUnreadable(full);
    await this.#interruptedRestore(full);
    await this.#expect('restored into a cluster with more nodes, gone on with after the kill', [
      'restore',
      full,
      '--merge',
      ...this.#into,
    ]);
    await this.#expect('that cluster equals the backup', ['backup', 'compare', full, ...this.#into]);
    const { histories } = this.#writers;
    const values = await valuesOf(this.#target.proxyPorts[0] ?? 0, histories.keys);
    this.#report.check(
      `each of ${values.size} keys has a value that it had during the backup`,
      histories.impossible(values, startMs, endMs),
    );
    await this.#checkCollections();
    await this.#writers.stop();
    await this.#expect('an incremental backup', ['backup', more, '--since', full, ...this.#from]);
    await this.#expect('it equals the source, now at rest', ['backup', 'compare', more, ...this.#from, ...keystore]);
    await this.#expect('merged into the restored cluster', ['restore', more, '--merge', ...this.#into]);
    await this.#expect('which then equals the source in every record', ['backup', 'compare', more, ...this.#into]);
    await this.#expect('replaced by the chain', ['restore', more, '--replace', ...this.#into]);
    await this.#expect('it equals it again', ['backup', 'compare', more, ...this.#into]);
    await this.#damage(full, more);
  }

  /** A storage process is killed, and the backup as well, somewhere in its middle. */
  async #interrupted(dir: string): Promise<void> {
    await this.#source.killStorage(2);
    const child = spawnJunokv('junokv backup', ['backup', dir, ...this.#from, '--rate', '2'], this.#source.dir);
    for (let tries = 0; tries < 300 && !existsSync(join(dir, '000001.records')); tries++) await pause(100);
    await pause(1_000);
    const problems = child.exitText === null ? [] : [`it ended before: ${child.output}`];
    await child.kill();
    if (readdirSync(dir).includes('manifest.json')) problems.push('it was finished');
    this.#report.check('a backup is killed (kill -9) in its middle', problems);
  }

  /** Somewhere in its middle, into the cluster that is empty yet. */
  async #interruptedRestore(full: string): Promise<void> {
    const args = ['restore', full, ...this.#into, '--rate', '4'];
    const child = spawnJunokv('junokv restore', args, this.#source.dir);
    const redis = new Redis(this.#target.proxyPorts[0] ?? 0);
    for (let tries = 0; tries < 300 && (await redis.dbsize()) < 500; tries++) await pause(100);
    const problems = child.exitText === null ? [] : [`it ended before: ${child.output}`];
    await child.kill();
    const keys = await redis.dbsize();
    const halves = await halfCollections(redis, this.#collections);
    redis.disconnect();
    if (keys === 0) problems.push('nothing was restored yet');
    this.#report.check(`a restore is killed (kill -9) in its middle, with ${keys} keys there`, problems);
    this.#report.check('no collection is there in part', halves);
  }

  /** In the cluster that all was restored into. */
  async #checkCollections(): Promise<void> {
    const redis = new Redis(this.#target.proxyPorts[0] ?? 0);
    const count = Object.values(this.#collections).reduce((sum, kind) => sum + kind.size, 0);
    const lacking = await lackingCollections(redis, this.#collections);
    this.#report.check(`all of ${count} hashes, sets, lists and sorted sets are there as a whole`, lacking);
    this.#report.check('each hash that was written meanwhile is one that it was', await tornHashes(redis));
    redis.disconnect();
  }

  async #damage(full: string, more: string): Promise<void> {
    const path = join(full, '000001.records');
    const bytes = readFileSync(path);
    const at = randomInt(bytes.length);
    bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);
    writeFileSync(path, bytes);
    for (const args of [
      ['backup', 'verify', more, ...this.#into.slice(2)],
      ['restore', more, '--merge', ...this.#into],
    ]) {
      const { problems } = await command(args, this.#source.dir, '000001.records');
      this.#report.check(`one bit changed at byte ${at}: junokv ${args[0]} names the file`, problems);
    }
  }

  #checkUnreadable(dir: string): void {
    const files = readdirSync(dir);
    const readable = files.filter((file) => readFileSync(join(dir, file)).includes(KEY_MARK));
    this.#report.check(`no key is readable in the ${files.length} files of the backup`, readable);
  }

  async #expect(name: string, args: readonly string[]): Promise<void> {
    const { problems, output } = await command(args, this.#source.dir);
    const last = output.trim().split('\n').at(-1) ?? '';
    this.#report.check(problems.length === 0 ? `${name}: ${last}` : name, problems);
  }

  #dir(name: string): string {
    return join(this.#source.dir, `backup-${name}`);
  }
}
