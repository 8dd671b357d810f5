import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingNeeds } from '../../scripts/ensure-system.mjs';
import { JunokvCluster } from '../support/junokv-cluster.ts';
import { makeTempDir } from '../support/junokv-server.ts';
import { type RunningServer, redisServerVersion, startRedis } from '../support/redis-server.ts';

/*
 * Clients of other languages, each in a program beside this file, which prints what it is answered in sections. Against two proxies
 * of a cluster it prints what it prints against a redis-server.
 */

interface Client {
  /** As scripts/ensure-system.mjs calls it. */
  readonly name: string;
  /** Of the program, given where it lies and a directory to compile into. */
  command(file: (name: string) => string, dir: string): readonly string[];
}

const CLIENTS: readonly Client[] = [
  { name: 'redis-py', command: (file) => ['/usr/bin/python3', file('redis-py.py')] },
  { name: 'redis-rb', command: (file) => ['/usr/bin/ruby', file('ruby-redis.rb')] },
  { name: 'phpredis', command: (file) => ['/usr/bin/php', file('phpredis.php')] },
  { name: 'hiredis', command: (_, dir) => [join(dir, 'hiredis')] },
];
const SECTIONS = [
  'strings',
  'hashes',
  'lists',
  'sets',
  'sorted sets',
  'transactions',
  'pipelines',
  'scans',
  'expiry',
  'binary data',
  'errors',
  'the end',
];
const PROGRAM_MS = 120_000;

const run = promisify(execFile);
const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const missing: readonly string[] = missingNeeds('clients');
const redis = redisServerVersion();
const canRun = redis.ok && !missing.includes('libatomic');

/** What a program printed, by the names of its sections. */
function sectionsOf(output: string): ReadonlyMap<string, string> {
  const parts = output.split(/^== /m).slice(1);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n');
      return [part.slice(0, end), part.slice(end + 1)];
    }),
  );
}

describe.skipIf(!canRun)('clients in other languages', () => {
  let cluster: JunokvCluster;
  let theirs: RunningServer;
  let dir: string;
  beforeAll(async () => {
    dir = makeTempDir('clients');
    theirs = await startRedis();
    cluster = await JunokvCluster.start(2);
    if (!missing.includes('hiredis')) {
      await run('cc', ['-std=c11', '-Wall', '-Werror', '-o', join(dir, 'hiredis'), source('hiredis.c'), '-lhiredis']);
    }
  }, 60_000);
  afterAll(async () => {
    await cluster.stop();
    await theirs.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function printed({ command }: Client, ports: readonly number[]): Promise<ReadonlyMap<string, string>> {
    const [program = '', ...args] = command(source, dir);
    const { stdout } = await run(program, [...args, ...ports.map(String)], { timeout: PROGRAM_MS, cwd: dir });
    return sectionsOf(stdout);
  }

  for (const client of CLIENTS) {
    const { name } = client;
    describe.skipIf(missing.includes(name))(missing.includes(name) ? `${name} (not installed)` : name, () => {
      let expected: ReadonlyMap<string, string>;
      let answered: ReadonlyMap<string, string>;
      beforeAll(async () => {
        expected = await printed(client, [theirs.port, theirs.port]);
        answered = await printed(client, cluster.proxyPorts);
      }, 2 * PROGRAM_MS);

      it('prints every section', () => {
        expect([...expected.keys()]).toEqual(SECTIONS);
        expect([...answered.keys()]).toEqual(SECTIONS);
      });

      it.each(SECTIONS)('%s', (section) => {
        const lines = expected.get(section);
        expect(lines).toMatch(/\S/);
        expect(answered.get(section)).toBe(lines);
      });
    });
  }
});
