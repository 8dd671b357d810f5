import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ChildServer } from '../compat-tests/support/child-server.ts';
import { makeTempDir, spawnJunokv, startJunokv } from '../compat-tests/support/junokv-server.ts';
import { type RunningServer, startRedis } from '../compat-tests/support/redis-server.ts';
import { type ImportOutcome, outcomeOf, Phases, totalsTable } from './import-report.ts';
import { KeyChanges } from './key-changes.ts';
import { type Contents, contentsOf, differences } from './key-digests.ts';
import { DATABASES, keyOf, library, makeKeys } from './mixed-keys.ts';
import type { Report } from './report.ts';

const CHANGES_PER_SECOND = 500;
const WAIT_MS = 600_000;
/** A million keys take some minutes. */
const MS_PER_KEY = 5;
/** Keys that are looked for to know how far a copy is. */
const SAMPLES = 200;
const PROGRESS_MS = 15_000;
const CUTS = 3;

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
  readonly #phases = new Phases();
  #progressMs = performance.now();

  constructor(redis: RunningServer, junokv: RunningServer, keys: number, report: Report) {
    this.#redis = redis;
    this.#junokv = junokv;
    this.#keys = keys;
    this.#report = report;
    this.#source = new Redis(redis.port);
    this.#target = new Redis(junokv.port);
  }

  async run(): Promise<void> {
    await makeKeys(this.#source, this.#keys, (made) => this.#progress(`made ${made} keys`));
    this.#phases.end('keys made in the source', this.#keys);
    const writing = new Redis(this.#redis.port);
    const changes = new KeyChanges(writing, this.#keys, CHANGES_PER_SECOND);
    let outcome: ImportOutcome;
    try {
      await this.#killedWhileCopying();
      await this.#killedWhileFollowing(changes);
      outcome = await this.#caughtUp(changes);
    } finally {
      await changes.stop();
      writing.disconnect();
    }
    const source = await this.#read(this.#source, 'the source read by commands');
    const target = await this.#read(this.#target, 'the target read by commands');
    const problems = [...differences(source, target), ...(await this.#otherDatabases())];
    this.#report.check(
      `every key is the same in both, read by commands, and there are no others: ${source.digests.size} keys`,
      problems,
    );
    console.log(`\n${totalsTable(source.totals)}\n\n${this.#phases.table()}\n\n${outcome.text}\n`);
    await this.#exported(source);
    console.log(`\n${this.#phases.table()}`);
    this.#source.disconnect();
    this.#target.disconnect();
  }

  #start(...more: string[]): ChildServer {
    const from = `redis://127.0.0.1:${this.#redis.port}`;
    const state = ['--state', join(this.#dir, 'state')];
    const args = ['import', from, '--follow', '--target', `127.0.0.1:${this.#junokv.port}`, ...state, ...more];
    return spawnJunokv('junokv import', args, this.#dir);
  }

  /** The share of some of the first database's keys that the target has. */
  async #shareThere(): Promise<number> {
    const step = Math.max(1, Math.floor(this.#keys / SAMPLES));
    const names = Array.from({ length: SAMPLES }, (_, i) => keyOf((i * step) % this.#keys));
    let expected = 0;
    let found = 0;
    for (const database of DATABASES) {
      const [there, here] = [this.#source.pipeline(), this.#target.pipeline()];
      for (const name of names) {
        there.select(database).exists(name);
        here.select(database).exists(name);
      }
      const inSource = (await there.exec()) ?? [];
      const inTarget = (await here.exec()) ?? [];
      for (const [i, [, is]] of inSource.entries()) {
        if (is !== 1) continue;
        expected++;
        if (inTarget[i]?.[1] === 1) found++;
      }
    }
    await this.#source.select(0);
    await this.#target.select(0);
    return found / Math.max(1, expected);
  }

  /** kill -9 when about half of the keys are there. */
  async #killedWhileCopying(): Promise<void> {
    const child = this.#start();
    let share = 0;
    const problems = await this.#until(child, async () => {
      share = await this.#shareThere();
      return share >= 0.4;
    });
    await child.kill();
    const percent = Math.round(100 * share);
    if (share > 0.9) problems.push('it was killed too late: nearly all keys were there');
    this.#phases.end('copied, then killed (kill -9)', Math.round(share * this.#keys));
    this.#report.check(`an import is killed (kill -9) with ${percent} % of the keys there`, problems);
  }

  /** kill -9 while commands are carried out; and the source cuts the connection. */
  async #killedWhileFollowing(changes: KeyChanges): Promise<void> {
    const child = this.#start();
    const problems: string[] = [];
    await this.#source.call('FUNCTION', 'LOAD', library('late'));
    for (let cuts = 0; cuts < CUTS; cuts++) {
      problems.push(...(await this.#untilMark(child, `mark ${cuts}`)));
      if (cuts === 0) this.#phases.end('the rest copied, and what was changed meanwhile', null);
      await this.#source.call('CLIENT', 'KILL', 'TYPE', 'replica');
    }
    problems.push(...(await this.#untilMark(child, 'after the cuts')));
    await child.kill();
    this.#phases.end('followed, with three cuts of the connection, then killed', null);
    this.#report.check(
      `another is killed while it follows, after ${CUTS} cuts of the connection, ${changes.count} changes on`,
      problems,
    );
  }

  /** The cut-over as docs/import.md has it. */
  async #caughtUp(changes: KeyChanges): Promise<ImportOutcome> {
    const child = this.#start('--verify', '--json');
    const problems = await this.#untilMark(child, 'third');
    this.#phases.end('went on from there, and caught up', null);
    await changes.stop();
    problems.push(...(await this.#untilMark(child, 'last')));
    this.#phases.end('writers stopped, and nothing behind', null);
    // The first signal asks for the comparison.
    if (child.exitText === null) process.kill(child.pid, 'SIGINT');
    problems.push(...(await this.#untilEnd(child)));
    const outcome = outcomeOf(child.output);
    this.#phases.end('compared by --verify', outcome.compared);
    this.#report.check(
      `the third is told to end once nobody writes any more: ${outcome.keys} keys, ${outcome.commands} commands, ${outcome.repaired} keys copied once more, ${outcome.compared} compared`,
      [...problems, ...outcome.problems],
    );
    return outcome;
  }

  async #read(client: Redis, name: string): Promise<Contents> {
    const contents = await contentsOf(client, (keys) => this.#progress(`${name}: ${keys} keys`));
    this.#phases.end(name, contents.digests.size);
    return contents;
  }

  /** The target has keys where the source has some, and nowhere else. */
  async #otherDatabases(): Promise<string[]> {
    const there = (info: string): number[] => [...info.matchAll(/^db(\d+):/gm)].map(([, number]) => Number(number));
    // Its numbers may be some seconds old.
    const endMs = performance.now() + WAIT_MS;
    for (;;) {
      const databases = there(await this.#target.info('keyspace'));
      if (databases.join() === DATABASES.join()) return [];
      if (performance.now() > endMs) return [`the target has keys in databases ${databases.join()}`];
      await pause(1_000);
    }
  }

  /** What was exported, and what redis-cli --rdb gets, is loaded by a redis-server. */
  async #exported(source: Contents): Promise<void> {
    for (const how of ['junokv export', 'redis-cli --rdb']) {
      const dir = join(this.#dir, how.replaceAll(/[^a-z]/g, ''));
      mkdirSync(dir);
      const file = join(dir, 'dump.rdb');
      const target = `127.0.0.1:${this.#junokv.port}`;
      const child =
        how === 'junokv export'
          ? spawnJunokv(how, ['export', file, '--target', target], this.#dir)
          : redisCli(['-p', `${this.#junokv.port}`, '--rdb', file], this.#dir);
      this.#report.check(`${how} makes a file`, await this.#untilEnd(child));
      this.#phases.end(how, source.digests.size);
      const loaded = await startRedis(['--dir', dir, '--dbfilename', 'dump.rdb']);
      const client = new Redis(loaded.port);
      try {
        const contents = await this.#read(client, 'what a redis-server loaded of it');
        const lines = differences(source, contents);
        this.#report.check(`a redis-server loads it, and has the same: ${contents.digests.size} keys`, lines);
      } finally {
        client.disconnect();
        await loaded.stop();
      }
    }
  }

  async #untilEnd(child: ChildServer): Promise<string[]> {
    const showing = setInterval(() => this.#progress(lastLine(child)), 1_000);
    try {
      await child.waitUntilDone(WAIT_MS + MS_PER_KEY * this.#keys);
      return [];
    } catch (error) {
      return [String(error)];
    } finally {
      clearInterval(showing);
    }
  }

  /** Writes to the source, and waits until it has come to the target. */
  async #untilMark(child: ChildServer, mark: string): Promise<string[]> {
    await this.#source.set('mark', mark);
    return this.#until(child, async () => (await this.#target.get('mark')) === mark);
  }

  /** Waits for a condition, or for the end of the process, which is a problem. */
  async #until(child: ChildServer, condition: () => Promise<boolean>): Promise<string[]> {
    const endMs = performance.now() + WAIT_MS + MS_PER_KEY * this.#keys;
    while (performance.now() < endMs) {
      if (child.exitText !== null) return [`it ended: ${child.output}`, `the cluster: ${this.#junokv.process.output}`];
      if (await condition()) return [];
      this.#progress(lastLine(child));
      await pause(100);
    }
    return [`it took too long: ${child.output}`];
  }

  #progress(text: string): void {
    if (text === '' || performance.now() - this.#progressMs < PROGRESS_MS) return;
    this.#progressMs = performance.now();
    console.log(`          ${text}`);
  }
}

function lastLine(child: ChildServer): string {
  return child.output.trim().split('\n').at(-1) ?? '';
}
