import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../cli.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';
import { type Script, ScriptedServer } from './testing/scripted-server.ts';

let directory = '';
let system = new FakeSystem();
let server = new ScriptedServer(() => null);
let port = 0;
const file = (name: string): string => join(directory, name);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-load-'));
  await serve(([command]) => (command === 'GET' ? '$5\r\nvalue\r\n' : '+OK\r\n'));
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(script: Script): Promise<void> {
  await server.close().catch(() => {});
  server = new ScriptedServer(script);
  port = await server.listen();
}

async function load(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  system = new FakeSystem(system.environment);
  return await finish(...args);
}

async function finish(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const line = ['load', '--target', `127.0.0.1:${port}`, '--warmup', '0', ...args];
  const code = await runCommandLine(line, system, new FakeAssembly());
  expect(system.holds).toBe(0);
  return { code, out: system.printed.join('\n'), err: system.complaints.join('\n') };
}

const latencies = {
  ...{ min: expect.any(Number), mean: expect.any(Number), p50: expect.any(Number), p90: expect.any(Number) },
  ...{ p99: expect.any(Number), p999: expect.any(Number), p9999: expect.any(Number), p99999: expect.any(Number) },
  max: expect.any(Number),
};

interface Results {
  readonly operations: readonly {
    readonly count: number;
    readonly histogram: readonly (readonly [number, number])[];
    readonly percentiles: readonly { readonly percentile: number; readonly us: number }[];
    readonly latencyUs: Readonly<Record<string, number>>;
  }[];
  readonly series: readonly object[];
}

function readResults(text: string): Results {
  return JSON.parse(text) as Results;
}

/** Names of all fields, at any depth, but for those whose names the run gave. */
function fieldsOf(json: unknown): string[] {
  if (Array.isArray(json)) return [...new Set(json.flatMap(fieldsOf))];
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, value]) => (name === 'options' ? [name] : [name, ...fieldsOf(value)]));
}

describe('junokv load', () => {
  it('prints a table of every operation and of all', async () => {
    const { code, out, err } = await load('--requests', '2000', '--mix', 'get:3,set:1', '--connections', '4');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`junokv load of 127.0.0.1:${port}: redis commands get:3,set:1; closed loop, 4 connections`);
    expect(out).toContain('100,000 keys, uniform; values of 100 bytes; seed 1; ramp 0 s, warm-up 0 s.');
    const rows = out.split('\n').filter((line) => /^(operation|get|set|all|corrected) /.test(line));
    expect(rows.map((row) => row.split(/ +/)[0])).toEqual([
      ...['operation', 'get', 'set', 'all'],
      ...['corrected', 'get', 'set', 'all'],
    ]);
    expect(rows[3]).toMatch(/^all +2,000 +[\d,]+ +0 +0( +[\d.,]+){6}$/);
    // Numbers stand below one another.
    expect(new Set(rows.slice(0, 4).map((row) => row.length)).size).toBe(1);
  });

  it('writes everything as JSON', async () => {
    const { code } = await load('--requests', '5000', '--rate', '10000', '--seed', '42', '--json-file', file('r.json'));
    expect(code).toBe(0);
    const text = readFileSync(file('r.json'), 'utf8');
    const json = readResults(text);
    expect(json).toEqual({
      format: 'junokv-load',
      formatVersion: 1,
      ok: true,
      junokvVersion: '9.9.9',
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      loop: 'open',
      seed: 42,
      options: expect.objectContaining({
        mix: 'get:90,set:10',
        rate: '10000',
        'key-distribution': 'uniform',
        seed: '42',
      }),
      endReason: 'requests',
      measuredS: expect.any(Number),
      expectedIntervalUs: null,
      operations: ['get', 'set', 'all'].map((name) => ({
        name,
        count: expect.any(Number),
        ratePerS: expect.any(Number),
        errorCount: 0,
        errors: {},
        misses: 0,
        latencyUs: latencies,
        correctedLatencyUs: null,
        percentiles: expect.any(Array),
        correctedPercentiles: null,
        histogram: expect.any(Array),
      })),
      seriesIntervalS: 1,
      series: expect.any(Array),
      generator: {
        cpuShare: expect.any(Number),
        sendLagUs: { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) },
        blocked: 0,
        reconnects: 0,
      },
    });
    const page = readFileSync(new URL('../../../docs/load.md', import.meta.url), 'utf8');
    const missing = fieldsOf(JSON.parse(text)).filter((field) => !new RegExp(`[\`.]${field}(\\[\\])?\``).test(page));
    expect(missing).toEqual([]);
    const all = json.operations[2];
    expect(all?.count).toBe(5_000);
    expect(all?.histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(5_000);
    const curve = all?.percentiles ?? [];
    expect(curve.map(({ us }) => us)).toEqual(curve.map(({ us }) => us).sort((a, b) => a - b));
    expect(curve.at(-1)).toEqual({ percentile: 100, us: all?.latencyUs['max'] });
    expect(curve.find(({ percentile }) => percentile === 99)?.us).toBe(all?.latencyUs['p99']);
    expect(json.series[0]).toEqual({
      ...{ atS: 1, phase: 'measured', answered: expect.any(Number), errors: 0 },
      ...{ p50Us: expect.any(Number), p99Us: expect.any(Number), maxUs: expect.any(Number) },
    });
  });

  it.each([['--json'], ['--json-file', '-']])('%s %s leaves nothing but JSON on standard output', async (...args) => {
    const { code, out, err } = await load('--requests', '100', ...args);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ok: true, format: 'junokv-load' });
    expect(err).toContain('operation');
  });

  it('sends the same requests for the same seed', async () => {
    let seen: string[] = [];
    await serve((words) => {
      seen.push(words.join());
      return '+OK\r\n';
    });
    const args = ['--requests', '300', '--connections', '1', '--mix', 'get,set,incr', '--value-size', '1-9'];
    await load(...args, '--seed', '5');
    const first = seen;
    seen = [];
    await load(...args, '--seed', '5');
    expect(seen).toEqual(first);
    seen = [];
    await load(...args, '--seed', '6');
    expect(seen).not.toEqual(first);
  });

  it('draws a page that needs nothing else and hides nothing in it', async () => {
    const evil = '<script>alert(1)</script>';
    const args = ['--duration', '1100ms', '--key-prefix', evil, '--plot', file('p.html'), '--connections', '2'];
    expect((await load(...args)).code).toBe(0);
    const page = readFileSync(file('p.html'), 'utf8');
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page).toContain('p99.999');
    expect(page).toContain('prefers-color-scheme: dark');
    expect(page).not.toMatch(/<script|https?:|src=|href=|@import|url\(|NaN|Infinity|undefined/);
    expect(page).toContain('&lt;script&gt;');
    // Every element that is opened is closed.
    for (const tag of ['svg', 'table', 'tr', 'td', 'div', 'dl', 'text', 'title', 'body', 'html']) {
      const opened = page.match(new RegExp(`<${tag}[ >]`, 'g'))?.length;
      expect(page.match(new RegExp(`</${tag}>`, 'g'))?.length).toBe(opened);
    }
  });

  it('ends early on Ctrl-C, with the results until then', async () => {
    system = new FakeSystem();
    setTimeout(() => system.signal(), 500);
    const { code, out } = await finish('--duration', '60s', '--json-file', file('r.json'));
    expect(code).toBe(0);
    expect(out).toMatch(/[01]\.\d s were measured, until it was stopped\./);
    expect(readResults(readFileSync(file('r.json'), 'utf8'))).toMatchObject({ endReason: 'signal' });
  });

  it('draws its progress on a terminal, and takes it away again', async () => {
    system = new FakeSystem();
    const lines: string[] = [];
    system.redraw = (line) => lines.push(line);
    await finish('--duration', '1500ms', '--mix', 'get');
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.at(-2)).toMatch(/^(measuring|last answers): 1 of 2 s, [\d,]+\/s, p99 [\d.]+ ms, 0 errors$/);
    expect(lines.at(-1)).toBe('');
  });

  it('shows what errors said, and fails when there was nothing else', async () => {
    await serve(() => "-ERR unknown command 'JUNO.GET'\r\n");
    const { code, out } = await load('--requests', '50', '--commands', 'juno', '--mix', 'get');
    expect(code).toBe(1);
    expect(out).toContain("  get  50  ERR unknown command 'JUNO.GET'");
  });

  it('says what it could not connect to, and why', async () => {
    await serve(() => '-WRONGPASS invalid username-password pair\r\n');
    const args = ['--password', 'secret word', '--username', 'app'];
    expect(await load(...args)).toEqual({
      code: 1,
      out: '',
      err: `junokv: cannot connect to 127.0.0.1 port ${port}: AUTH was answered: WRONGPASS invalid username-password pair`,
    });
    await server.close();
    const { code, out } = await load('--json');
    expect([code, JSON.parse(out)]).toEqual([
      1,
      { ok: false, error: { message: expect.stringContaining('ECONNREFUSED') } },
    ]);
  });

  it('never shows the password', async () => {
    system = new FakeSystem();
    const outputs = ['--json-file', file('r.json'), '--plot', file('p.html')];
    const { out, err } = await finish('--requests', '10', '--password', 'hunter2', ...outputs);
    const files = [readFileSync(file('r.json'), 'utf8'), readFileSync(file('p.html'), 'utf8')];
    expect([out, err, ...files].join()).not.toContain('hunter2');
  });

  it('refuses what does not fit before it connects', async () => {
    expect(await load('--mix', 'fly:1')).toMatchObject({ code: 2, err: expect.stringContaining("'fly' is not an") });
    expect((await load('--value-size', 'big')).err).toContain('--value-size');
    expect((await load('--expected-interval', '0')).err).toContain('0.001 to 60000');
    expect((await load('--plot', file('no/such/p.html'))).err).toContain('cannot write');
    expect(server.requests).toBe(0);
  });
});
