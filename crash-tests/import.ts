import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ChildServer } from '../compat-tests/support/child-server.ts';
import { makeTempDir, spawnJunokv, startJunokv } from '../compat-tests/support/junokv-server.ts';
import { type RunningServer, startRedis } from '../compat-tests/support/redis-server.ts';
import { differences, digestsOf, KeyChanges, makeKeys } from './mixed-keys.ts';
import type { Report } from './report.ts';

const DATABASES = [0, 3];
const CHANGES_PER_SECOND = 200;
const WAIT_MS = 600_000;
/** A million keys take some minutes. */
const MS_PER_KEY = 5;

function redisCli(args: readonly string[], cwd: string): ChildServer {
  return new ChildServer({ name: 'redis-cli', command: 'redis-cli', args, cwd });
}

/** A live import of a Redis that is written to, killed again and again; then an export that another Redis loads. */
export async function importLive(keys: number, report: Report): Promise<void> {
  console.log(`\nLive import of a Redis with ${keys} keys that is written to\n`);
  const redis = await startRedis(['--repl-diskless-sync-delay', '0', '--repl-backlog-size', '64mb']);
  let junokv: RunningServer | null = null;
  try {
    junokv = await startJunokv({ engine: 'rocksdb' });
    await new ImportRound(redis, junokv, keys, report).run();
  } finally {
    await redis.stop();
    await junokv?.stop();
  }
}

class ImportRound {
  readonly #redis: RunningServer;
  readonly #junokv: RunningServer;
  readonly #keys: number;
  readonly #report: Report;
  readonly #dir = makeTempDir('import');
  readonly #source: Redis;
  readonly #target: Redis;

  constructor(redis: RunningServer, junokv: RunningServer, keys: number, report: Report) {
    this.#redis = redis;
    this.#junokv = junokv;
    this.#keys = keys;
    this.#report = report;
    this.#source = new Redis(redis.port);
    this.#target = new Redis(junokv.port);
  }

  async run(): Promise<void> {
    await makeKeys(this.#source, this.#keys);
    await this.#source.xadd('stream', '*', 'field', 'value');
    const writing = new Redis(this.#redis.port);
    const changes = new KeyChanges(writing, this.#keys, CHANGES_PER_SECOND);
    try {
      await this.#killedWhileCopying();
      await this.#killedWhileFollowing(changes);
      await this.#caughtUp(changes);
    } finally {
      await changes.stop();
      writing.disconnect();
    }
    await this.#compare(this.#target, 'every key is the same in both, read by commands');
    await this.#exported();
    this.#source.disconnect();
    this.#target.disconnect();
  }

  #start(...more: string[]): ChildServer {
    const from = `redis://127.0.0.1:${this.#redis.port}`;
    const state = ['--state', join(this.#dir, 'state')];
    const args = ['import', from, '--follow', '--target', `127.0.0.1:${this.#junokv.port}`, ...state, ...more];
    return spawnJunokv('junokv import', args, this.#dir);
  }

  /** kill -9 when a part of the keys is there. */
  async #killedWhileCopying(): Promise<void> {
    const child = this.#start();
    const isSome = async (): Promise<boolean> => (await this.#target.dbsize()) > this.#keys / 20;
    const problems = await this.#until(child, isSome);
    await child.kill();
    const there = await this.#target.dbsize();
    this.#report.check(`an import is killed (kill -9) with ${there} keys there`, problems);
  }

  /** kill -9 while commands are carried out; and the source cuts the connection. */
  async #killedWhileFollowing(changes: KeyChanges): Promise<void> {
    const child = this.#start();
    const problems: string[] = [];
    for (let cuts = 0; cuts < 3; cuts++) {
      const mark = `mark ${cuts}`;
      await this.#source.set('mark', mark);
      problems.push(...(await this.#until(child, async () => (await this.#target.get('mark')) === mark)));
      await this.#source.call('CLIENT', 'KILL', 'TYPE', 'replica');
      await pause(300);
    }
    await child.kill();
    this.#report.check(
      `another is killed while it follows, after three cuts of the connection, ${changes.count} changes on`,
      problems,
    );
  }

  async #caughtUp(changes: KeyChanges): Promise<void> {
    const child = this.#start('--verify', '--json');
    await this.#source.set('mark', 'third');
    const problems = await this.#until(child, async () => (await this.#target.get('mark')) === 'third');
    await changes.stop();
    await this.#source.set('mark', 'last');
    problems.push(...(await this.#until(child, async () => (await this.#target.get('mark')) === 'last')));
    // The first signal asks for the comparison.
    if (child.exitText === null) process.kill(child.pid, 'SIGINT');
    const failed = await child.waitUntilDone(WAIT_MS + MS_PER_KEY * this.#keys).then(
      () => null,
      (error: unknown) => String(error),
    );
    const line = child.output.trim().split('\n').at(-1) ?? '';
    const result = JSON.parse(line.startsWith('{') ? line : '{}') as {
      readonly keys?: number;
      readonly commands?: number;
      readonly repaired?: number;
      readonly verified?: { readonly compared: number; readonly different: number; readonly problems: string[] };
      readonly skipped?: Record<string, { readonly names: string[] }>;
    };
    if (failed !== null) problems.push(failed);
    if (result.verified?.different !== 0) problems.push(`it found: ${line}`);
    if (!JSON.stringify(result.skipped ?? {}).includes('"stream"')) problems.push('the stream is not named');
    this.#report.check(
      `the third is told to end once nobody writes any more: ${result.keys} keys, ${result.commands} commands, ${result.repaired} keys copied once more, ${result.verified?.compared} compared`,
      problems,
    );
  }

  async #compare(other: Redis, name: string): Promise<void> {
    const lines: string[] = [];
    let count = 0;
    for (const database of DATABASES) {
      const theirs = await digestsOf(this.#source, database);
      theirs.delete('stream');
      count += theirs.size;
      lines.push(...differences(theirs, await digestsOf(other, database)));
    }
    this.#report.check(`${name}: ${count} keys`, lines);
  }

  /** What was exported, and what redis-cli --rdb gets, is loaded by a redis-server. */
  async #exported(): Promise<void> {
    for (const how of ['junokv export', 'redis-cli --rdb']) {
      const dir = join(this.#dir, how.replaceAll(/[^a-z]/g, ''));
      mkdirSync(dir);
      const file = join(dir, 'dump.rdb');
      const target = `127.0.0.1:${this.#junokv.port}`;
      const child =
        how === 'junokv export'
          ? spawnJunokv(how, ['export', file, '--target', target], this.#dir)
          : redisCli(['-p', `${this.#junokv.port}`, '--rdb', file], this.#dir);
      const failed = await child.waitUntilDone(WAIT_MS).then(
        () => null,
        (error: unknown) => String(error),
      );
      this.#report.check(`${how} makes a file`, failed === null ? [] : [failed]);
      const loaded = await startRedis(['--dir', dir, '--dbfilename', 'dump.rdb']);
      const client = new Redis(loaded.port);
      await this.#compare(client, 'a redis-server loads it, and has the same');
      client.disconnect();
      await loaded.stop();
    }
  }

  /** Waits for a condition, or for the end of the process, which is a problem. */
  async #until(child: ChildServer, condition: () => Promise<boolean>): Promise<string[]> {
    const endMs = performance.now() + WAIT_MS;
    while (performance.now() < endMs) {
      if (child.exitText !== null) return [`it ended: ${child.output}`];
      if (await condition()) return [];
      await pause(100);
    }
    return [`it took too long: ${child.output}`];
  }
}
