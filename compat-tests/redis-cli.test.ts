import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { missingNeeds } from '../scripts/ensure-system.mjs';
import { makeTempDir, startJunokv } from './support/junokv-server.ts';
import { RawClient } from './support/raw-client.ts';
import { type RunningServer, redisServerVersion, startRedis } from './support/redis-server.ts';

/* The modes of redis-cli, most of them compared with what they print against a redis-server. */

const WAIT_MS = 50_000;
const HOOK_MS = 60_000;

const missing: readonly string[] = missingNeeds('test');
const redis = redisServerVersion();
const title = redis.ok ? 'redis-cli' : `redis-cli (skipped: ${redis.reason})`;

/** The biggest of each type are unlike all others, so that orders of a scan do not show. */
const DATA: readonly (readonly string[])[] = [
  ['SET', 'text', 'a "quoted" text, ä, and more of it\n'],
  ['SET', 'short', '1'],
  ['RPUSH', 'list', 'a', 'b', 'c', '1'],
  ['RPUSH', 'list:2', 'x'],
  ['HSET', 'hash', 'field', 'value', 'other', '2'],
  ['SADD', 'set', 'member'],
  ['ZADD', 'zset', '1', 'one', '2.5', 'two and a half'],
];

const children: ChildProcessWithoutNullStreams[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function run(port: number, args: readonly string[], input = ''): string {
  return execFileSync('redis-cli', ['-p', String(port), ...args], { input, encoding: 'utf8', timeout: WAIT_MS });
}

/** A program that goes on until the test is over, and all it has printed so far. */
class Talk {
  readonly child: ChildProcessWithoutNullStreams;
  text = '';

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, [...args], { env: { ...process.env, TERM: 'xterm' } });
    children.push(this.child);
    this.child.stdout.setEncoding('utf8').on('data', (more: string) => {
      this.text += more;
    });
  }

  async until(pattern: RegExp): Promise<void> {
    const endMs = performance.now() + WAIT_MS;
    while (!pattern.test(this.text)) {
      if (performance.now() > endMs) throw new Error(`no ${pattern} in ${JSON.stringify(this.text)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Lines of --bigkeys and --memkeys below their summary's title; their order is that of a hash table. */
function summaryOf(output: string): string[] {
  const [, summary = ''] = output.split('-------- summary -------');
  return summary
    .split('\n')
    .filter((one) => one !== '')
    .sort();
}

describe.skipIf(!redis.ok || missing.includes('redis-cli'))(title, () => {
  let theirs: RunningServer;
  let ours: RunningServer;
  let dir: string;
  beforeAll(async () => {
    dir = makeTempDir('redis-cli');
    theirs = await startRedis();
    ours = await startJunokv({ engine: 'memory' });
    for (const { port } of [theirs, ours]) {
      const client = await RawClient.connect(port);
      for (const words of DATA) await client.command(words);
      client.close();
    }
  }, HOOK_MS);
  afterAll(async () => {
    await ours.stop();
    await theirs.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const replies = [
    'GET text',
    'LRANGE list 0 -1',
    'HGETALL hash',
    'ZRANGE zset 0 -1 WITHSCORES',
    'GET none',
    'INCR hash',
  ];
  it.each(['--no-raw', '--raw', '--csv', '--json', '--quoted-json', '-3 --no-raw', '-3 --csv'])('%s', (options) => {
    for (const reply of replies) {
      const words = `${options} ${reply}`.split(' ');
      const expected = run(theirs.port, words);
      expect(expected).not.toBe('');
      expect(run(ours.port, words)).toBe(expected);
    }
  });

  it('commands from its standard input, a value from it, repeated, with an exit code', () => {
    const lines = 'SET in 1\nMULTI\nINCR in\nGET in\nEXEC\nNONSENSE\nDEL in\n';
    expect(run(ours.port, [], lines)).toBe(run(theirs.port, [], lines));
    for (const { port } of [theirs, ours]) {
      expect(run(port, ['-x', 'SET', 'in'], 'a\0b')).toBe('OK\n');
      expect(run(port, ['-r', '3', 'STRLEN', 'in'])).toBe('3\n3\n3\n');
      expect(run(port, ['DEL', 'in'])).toBe('1\n');
      expect(() => run(port, ['-e', 'INCR', 'hash'])).toThrow('WRONGTYPE');
    }
  });

  it('--scan, with and without a pattern', () => {
    const names = (port: number, ...more: string[]): string[] =>
      run(port, ['--scan', ...more])
        .split('\n')
        .sort();
    expect(names(ours.port)).toEqual(names(theirs.port));
    expect(names(ours.port, '--pattern', 'list*')).toEqual(['', 'list', 'list:2']);
  });

  it('--bigkeys', () => {
    const expected = summaryOf(run(theirs.port, ['--bigkeys']));
    expect(expected.join('\n')).toContain('Sampled 7 keys in the keyspace!');
    expect(summaryOf(run(ours.port, ['--bigkeys']))).toEqual(expected);
  });

  it('--memkeys', () => {
    const lines = summaryOf(run(ours.port, ['--memkeys']));
    expect(lines).toContain('Sampled 7 keys in the keyspace!');
    for (const type of ['string', 'list', 'hash', 'set', 'zset']) {
      expect(
        lines.some(
          (text) => text.startsWith('Biggest') && new RegExp(` ${type} found '.*' has [1-9]\\d* bytes`).test(text),
        ),
      ).toBe(true);
    }
  });

  it('--stat', async () => {
    const stat = new Talk('redis-cli', ['-p', String(ours.port), '--stat', '-i', '0.05']);
    await stat.until(/(\n *7 +[\d.]+[KMG]? +\d+ +\d+ +\d+ \(\+\d+\) +\d+[^\n]*){3}/);
    expect(stat.text).toContain('keys       mem      clients');
  });

  it('--latency', () => {
    expect(run(ours.port, ['--latency', '-i', '0.2'])).toMatch(/^\d+ \d+ \d+\.\d+ [1-9]\d*\n$/);
  });

  it('--pipe', () => {
    const count = 500;
    const sets = Array.from({ length: count }, (_, i) => `SET pipe:${i} ${i}\r\n`).join('');
    expect(run(ours.port, ['--pipe'], sets)).toContain(`errors: 0, replies: ${count}\n`);
    expect(run(ours.port, ['GET', 'pipe:499'])).toBe('499\n');
    const withErrors = `INCR hash\r\n${Array.from({ length: count }, (_, i) => `DEL pipe:${i}\r\n`).join('')}`;
    expect(() => run(ours.port, ['--pipe'], withErrors)).toThrow('WRONGTYPE');
    expect(run(ours.port, ['EXISTS', 'pipe:499'])).toBe('0\n');
  });

  it('MONITOR', async () => {
    const monitor = new Talk('redis-cli', ['-p', String(ours.port), 'MONITOR']);
    await monitor.until(/^OK\n/);
    run(ours.port, ['-n', '2', 'SET', 'watched key', 'a"b']);
    await monitor.until(/\n\d+\.\d{6} \[2 127\.0\.0\.1:\d+\] "SET" "watched key" "a\\"b"\n/);
    run(ours.port, ['-n', '2', 'DEL', 'watched key']);
  });

  it('--rdb, whose file a redis-server loads', async () => {
    const file = join(dir, 'all.rdb');
    run(ours.port, ['--rdb', file]);
    expect(readFileSync(file).subarray(0, 5).toString()).toBe('REDIS');
    const loaded = await startRedis(['--dir', dir, '--dbfilename', 'all.rdb']);
    try {
      for (const { port } of [ours, loaded]) expect(run(port, ['DBSIZE'])).toBe(`${DATA.length}\n`);
      const all = ['GET text', 'LRANGE list 0 -1', 'HGETALL hash', 'SMEMBERS set', 'ZRANGE zset 0 -1 WITHSCORES'];
      for (const command of all) expect(run(loaded.port, command.split(' '))).toBe(run(ours.port, command.split(' ')));
    } finally {
      await loaded.stop();
    }
  });

  it.skipIf(process.platform !== 'linux')(
    'on a terminal it completes names, by COMMAND DOCS, and prints tables',
    async () => {
      // Without a width, redis-cli asks the terminal for one.
      const shell = new Talk('script', ['-q', '-c', `stty cols 100; exec redis-cli -p ${ours.port}`, '/dev/null']);
      await shell.until(/127\.0\.0\.1:\d+> /);
      // A name that redis-cli 7.0 does not know by itself.
      shell.child.stdin.write('client no-to\t');
      await shell.until(/CLIENT NO-TOUCH/);
      shell.child.stdin.write(' ON\r');
      await shell.until(/\nOK\r/);
      shell.child.stdin.write('hgeta\t hash\r');
      await shell.until(/1\) "field"\r\n2\) "value"\r\n3\) "other"/);
    },
  );
});
