import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startJunokv } from './support/junokv-server.ts';
import { type RunningServer, startRedis } from './support/redis-server.ts';

const PROGRAM = fileURLToPath(new URL('../bin/junokv.mjs', import.meta.url));
const PASSWORD = 'secret';

let directory = '';
let redis: RunningServer;
let junokv: RunningServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-load-'));
  redis = await startRedis(['--requirepass', PASSWORD]);
  junokv = await startJunokv({ engine: 'memory', more: ['--requirepass', PASSWORD] });
});
afterAll(async () => {
  await Promise.all([redis?.stop(), junokv?.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `junokv load` as a user starts it; `isInterrupted`: Ctrl-C once it has shown its progress. */
function load(server: RunningServer, args: readonly string[], isInterrupted = false): Promise<Run> {
  return new Promise((resolve, reject) => {
    const line = [PROGRAM, 'load', '--target', `127.0.0.1:${server.port}`, ...args];
    const child = spawn(process.execPath, line, { cwd: directory, env: { ...process.env, JUNOKV_PASSWORD: PASSWORD } });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (isInterrupted && err === '') child.kill('SIGINT');
      err += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

interface Results {
  readonly operations: readonly {
    readonly name: string;
    readonly count: number;
    readonly errorCount: number;
    readonly misses: number;
    readonly ratePerS: number;
    readonly latencyUs: { readonly p50: number; readonly p99: number; readonly max: number };
  }[];
}

function resultsOf(run: Run): Results {
  expect(run.code, run.err).toBe(0);
  return JSON.parse(run.out) as Results;
}

describe('junokv load', () => {
  it('drives both junokv and a real Redis and prints comparable figures', async () => {
    const args = ['--preload', '--keys', '2000', '--mix', 'get:6,set:2,incr:1,mget:1', '--value-size', '10-1000'];
    const run = [
      '--rate',
      '1000',
      '--duration',
      '2s',
      '--warmup',
      '500ms',
      '--connections',
      '10',
      '--database',
      '1',
      '--json',
    ];
    const found: Results[] = [];
    for (const server of [redis, junokv]) {
      const results = resultsOf(await load(server, [...args, ...run]));
      found.push(results);
      const all = results.operations.at(-1);
      expect(all).toMatchObject({ name: 'all', errorCount: 0, misses: 0 });
      // 2000 requests are due in two seconds on average, and the same ones for both servers.
      expect(all?.count).toBeGreaterThan(1_800);
      expect(all?.latencyUs.p50).toBeGreaterThan(0);
      expect(all?.latencyUs.max).toBeGreaterThanOrEqual(all?.latencyUs.p99 ?? Number.NaN);
      expect(all?.ratePerS).toBeGreaterThan(700);
    }
    const [ofRedis, ofJunokv] = found.map(({ operations }) => operations.map(({ name }) => name));
    expect(ofJunokv).toEqual(ofRedis);
    const shares = found.map(({ operations }) => (operations[0]?.count ?? 0) / (operations.at(-1)?.count ?? 0));
    for (const share of shares) expect(share).toBeCloseTo(0.6, 1);
  });

  it('does so in a closed loop, with pipelines, and draws a page', async () => {
    for (const server of [redis, junokv]) {
      const args = ['--requests', '20000', '--warmup', '0', '--pipeline', '16', '--connections', '8'];
      const run = await load(server, [...args, '--key-distribution', 'zipf', '--plot', `${server.port}.html`]);
      expect(run.code, run.err).toBe(0);
      expect(run.out).toMatch(/^all +20,000 +[\d,]+ +0 /m);
      expect(readFileSync(join(directory, `${server.port}.html`), 'utf8')).toContain('Latency by percentile');
    }
  });

  it('sends every operation of both command sets, and no server finds one wrong', async () => {
    const mix = 'get,set,incr,decr,del,mget,mset,exists,expire,ttl,ping';
    for (const server of [redis, junokv]) {
      const args = ['--mix', mix, '--requests', '3000', '--warmup', '0', '--expire', '100s', '--key-prefix', 'all:'];
      const { operations } = resultsOf(await load(server, [...args, '--json']));
      expect(operations.map(({ errorCount }) => errorCount)).toEqual(operations.map(() => 0));
      expect(operations).toHaveLength(12);
    }
  });

  it('drives the JUNO commands, with request ids', async () => {
    const args = ['--commands', 'juno', '--request-ids', '--mix', 'create,get,update,set,destroy', '--keys', '100'];
    const run = await load(junokv, [...args, '--requests', '3000', '--warmup', '0', '--json', '--expire', '1500ms']);
    const { operations } = resultsOf(run);
    const counts = new Map(operations.map(({ name, count, errorCount }) => [name, { count, errorCount }]));
    for (const name of ['get', 'set', 'destroy']) expect(counts.get(name)).toMatchObject({ errorCount: 0 });
    const { errors } = JSON.parse(run.out).operations.at(-1);
    // Keys that are there already cannot be created; those that are not cannot be updated.
    expect(Object.keys(errors).sort()).toEqual(['DUPKEY', 'NOKEY']);
    expect(counts.get('all')?.count).toBe(3_000);
  });

  it('ends on Ctrl-C with its results', async () => {
    const run = await load(redis, ['--duration', '60s', '--warmup', '0'], true);
    expect(run.err).toMatch(/^junokv: /);
    expect(run.code, run.err).toBe(0);
    expect(run.out).toMatch(/[\d.]+ s were measured, until it was stopped\./);
    expect(run.out).toMatch(/^all +[\d,]+ /m);
  });

  it('says what a wrong password was answered', async () => {
    const run = await load(junokv, ['--password', 'wrong']);
    expect([run.code, run.out]).toEqual([1, '']);
    expect(run.err).toContain('AUTH was answered: WRONGPASS');
  });
});
