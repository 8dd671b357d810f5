import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RdbStream } from '../../record/rdb/rdb-stream.ts';
import { ProxyHarness } from '../testing/proxy-harness.ts';
import { RawClient, whyNoRealRedis } from '../testing/real-redis.ts';
import { allCommands } from './all-commands.ts';

const ALREADY = new Set(['connection', 'string']);
const words = (line: string): Buffer[] => line.split(' ').map((word) => Buffer.from(word));

const why = whyNoRealRedis();
describe.skipIf(why !== null)(`SYNC${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let directory = '';
  let proxy: ProxyHarness;
  let client: RawClient;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'junokv-sync-'));
    proxy = await ProxyHarness.start({ commands: allCommands.filter((row) => !ALREADY.has(row.group)) });
    client = await RawClient.open(proxy.port);
  });
  afterEach(async () => {
    client.close();
    await proxy.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  function cli(...args: string[]): Promise<{ code: number | null; out: string }> {
    return new Promise((resolve) => {
      const process = spawn('redis-cli', ['-p', String(proxy.port), ...args]);
      let out = '';
      process.stdout.on('data', (chunk) => (out += String(chunk)));
      process.stderr.on('data', (chunk) => (out += String(chunk)));
      process.once('exit', (code) => resolve({ code, out }));
    });
  }

  it('gives redis-cli --rdb all keys of all databases', async () => {
    const expected: string[] = [];
    for (let i = 0; i < 600; i++) {
      await client.send(words(`SET key${i} ${'v'.repeat(i * 10)}`));
      expected.push(`0 key${i} 0`);
    }
    await client.send(words('SELECT 3'));
    await client.send(words('RPUSH list a b c'));
    await client.send(words('PEXPIREAT list 99999999999999'));
    expected.push('3 list 99999999999999');
    const file = join(directory, 'dump.rdb');
    const { code, out } = await cli('--rdb', file);
    expect(code, out).toBe(0);
    const stream = new RdbStream();
    stream.push(readFileSync(file));
    stream.finish();
    const found: string[] = [];
    let database = -1;
    for (let event = stream.next(); event !== null; event = stream.next()) {
      if (event.kind === 'database') database = event.database;
      if (event.kind === 'value') found.push(`${database} ${String(event.key)} ${event.expiresAtMs}`);
      expect(event.kind).not.toBe('problem');
      if (event.kind === 'end') found.push('end');
    }
    expect(found.pop()).toBe('end');
    expect(found.sort()).toEqual(expected.sort());
  });

  it('asks for a client that knows the mark at the end, and has no stream', async () => {
    expect((await client.send(words('SYNC'))).bytes.toString()).toContain('REPLCONF capa eof');
    expect((await client.send(words('REPLCONF listening-port 1 capa eof'))).bytes.toString()).toBe('+OK\r\n');
    expect((await client.send(words('REPLCONF capa'))).bytes.toString()).toContain('syntax error');
    expect((await client.send(words('PSYNC ? -1'))).bytes.toString()).toContain('no stream of changes');
  });
});
