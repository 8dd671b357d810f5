import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './support/free-port.ts';
import { makeTempDir, startJunokv } from './support/junokv-server.ts';
import { RawClient } from './support/raw-client.ts';
import type { RunningServer } from './support/redis-server.ts';

const PROGRAM = fileURLToPath(new URL('../bin/junokv.mjs', import.meta.url));
const PASSWORD = 'open sesame';

let server: RunningServer;
let directory = '';
const children = new Set<ChildProcess>();
beforeAll(async () => {
  directory = makeTempDir('verbs');
  server = await startJunokv({ engine: 'memory', more: ['--requirepass', PASSWORD] });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

interface Ran {
  readonly code: number | null;
  readonly out: Buffer;
  readonly err: string;
}

interface Around {
  readonly target?: string;
  readonly input?: Buffer;
  readonly onSpawn?: (child: ChildProcess) => void;
}

/** Runs `junokv <args>` as a shell would, with the password in its environment. */
function junokv(args: readonly string[], around: Around = {}): Promise<Ran> {
  const { target = `127.0.0.1:${server.port}`, input } = around;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: directory,
    env: { PATH: process.env['PATH'], JUNOKV_TARGET: target, JUNOKV_PASSWORD: PASSWORD },
    stdio: 'pipe',
  });
  children.add(child);
  const out: Buffer[] = [];
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdin.end(input);
  around.onSpawn?.(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      children.delete(child);
      resolve({ code, out: Buffer.concat(out), err });
    });
  });
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { out } = await junokv([...args, '--json']);
  return JSON.parse(out.toString());
}

describe('data verbs', () => {
  it('create, get, update, set and destroy a key', async () => {
    expect(await json('create', 'k', 'one', '--ttl', '1h')).toMatchObject({
      ok: true,
      did: 'created',
      recordVersion: 1,
    });
    expect(await junokv(['create', 'k', 'other'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('version 1'),
    });
    const got = await json('get', 'k');
    expect(got).toMatchObject({ key: 'k', value: 'one', recordVersion: 1 });
    expect(got['ttlMs']).toBeGreaterThan(3_500_000);

    const version = ['--version', '1', '--created', String(got['creationTimeMs'])];
    expect(await json('update', 'k', 'two', ...version)).toMatchObject({ did: 'updated', recordVersion: 2 });
    expect(await json('update', 'k', 'three', ...version)).toMatchObject({
      error: { kind: 'version-conflict', current: { recordVersion: 2 } },
      exitCode: 2,
    });
    expect((await junokv(['set', 'k', 'four'])).out.toString()).toMatch(/^replaced: version 3, expires in /);
    expect((await junokv(['get', 'k'])).out.toString()).toBe('four');
    expect((await junokv(['destroy', 'k', '--version', '1'])).code).toBe(2);
    expect((await junokv(['destroy', 'k'])).out.toString()).toBe('destroyed\n');
    expect(await junokv(['get', 'k'])).toMatchObject({ code: 2, err: 'junokv get: there is no such key\n' });
    expect((await junokv(['update', 'k', 'five'])).code).toBe(2);
    expect((await junokv(['destroy', 'k'])).code).toBe(0);
  });

  it('with a request id are done once', async () => {
    const id = randomUUID();
    const args = ['set', 'once', 'v', '--request-id', id];
    const first = await json(...args);
    expect(first).toMatchObject({ did: 'created', recordVersion: 1, requestId: id });
    expect(await json('set', 'once', 'w')).toMatchObject({ did: 'replaced', recordVersion: 2 });
    expect(await json(...args)).toMatchObject({ did: 'created', recordVersion: 1, requestId: id });
    expect(await json('get', 'once')).toMatchObject({ value: 'w', recordVersion: 2 });
  });

  it('keep every byte, through files, pipes, hex, compression and encryption', async () => {
    const bytes = Buffer.concat([randomBytes(300_000), Buffer.alloc(300_000), Buffer.from('\n')]);
    const file = join(directory, 'value');
    writeFileSync(file, bytes);
    expect((await junokv(['set', 'file', '--file', file])).code).toBe(0);
    expect((await junokv(['get', 'file'])).out.equals(bytes)).toBe(true);
    expect((await junokv(['create', 'pipe', '--file', '-', '--compress', 'brotli'], { input: bytes })).code).toBe(0);
    const copy = join(directory, 'copy');
    expect(await junokv(['get', 'pipe', '--file', copy])).toMatchObject({ code: 0, err: '' });
    expect(readFileSync(copy).equals(bytes)).toBe(true);

    expect((await junokv(['set', 'ff00', '0aff', '--hex'])).code).toBe(0);
    expect((await junokv(['get', 'FF00', '--hex'])).out.toString()).toBe('0aff\n');
    expect(await json('get', 'ff00', '--hex')).toMatchObject({ key: 'ff00', encoding: 'hex', value: '0aff' });

    const keys = join(directory, 'keys.json');
    const key = randomBytes(32).toString('base64');
    writeFileSync(keys, JSON.stringify({ format: 1, current: '2026', keys: { 2026: key } }), { mode: 0o600 });
    expect((await junokv(['set', 'sealed', 'plain text', '--keystore-client', keys])).code).toBe(0);
    expect((await junokv(['get', 'sealed', '--keystore-client', keys])).out.toString()).toBe('plain text');
    const without = await junokv(['get', 'sealed']);
    expect(without).toMatchObject({ code: 1, err: expect.stringContaining("the key '2026'") });
    expect(without.out.length).toBe(0);
  });

  it('locate and inspect show the replicas', async () => {
    await junokv(['set', 'where', 'x']);
    const { code, out } = await junokv(['locate', 'where']);
    expect(code).toBe(0);
    expect(out.toString()).toMatch(
      /^slot \d+, shard \d+, map epoch \d+\nzone .*\nzone1 .* up\nzone2 .* up\nzone3 .* up\n$/,
    );
    expect(await json('inspect', 'where')).toMatchObject({
      replicas: [
        { zone: 'zone1', state: 'live', recordVersion: 1 },
        { zone: 'zone2', state: 'live', recordVersion: 1 },
        { zone: 'zone3', state: 'live', recordVersion: 1 },
      ],
    });
    expect((await junokv(['inspect', 'where'])).out.toString()).toMatch(/^zone +zone1 +zone2 +zone3\n/);
  });

  it('keep databases apart', async () => {
    await junokv(['set', 'apart', 'five', '--database', '5']);
    expect((await junokv(['get', 'apart'])).code).toBe(2);
    expect((await junokv(['get', 'apart', '--database', '5'])).out.toString()).toBe('five');
  });
});

describe('namespaces', () => {
  it('keep keys apart, and end with 1 where there is none of the name', async () => {
    const client = await RawClient.connect(server.port);
    await client.command(['AUTH', PASSWORD]);
    expect(`${await client.command(['JUNO.NAMESPACES', 'CREATE', 'shop'])}`).toBe('+OK\r\n');
    client.close();
    expect((await junokv(['create', 'k', 'in the shop', '--namespace', 'shop'])).code).toBe(0);
    expect((await junokv(['get', 'k', '--namespace', 'shop'])).out.toString()).toBe('in the shop');
    expect((await junokv(['get', 'k'])).out.toString()).not.toBe('in the shop');
    const nowhere = await junokv(['get', 'k', '--namespace', 'shpo']);
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining('no such namespace')]);
  });
});

describe('errors of data verbs', () => {
  it('of usage end with 1', async () => {
    expect(await junokv(['get'])).toMatchObject({ code: 1, err: expect.stringContaining("'junokv get' takes KEY") });
    expect(await json('set', 'k', 'v', '--ttl', 'x')).toMatchObject({
      ok: false,
      error: { kind: 'usage' },
      exitCode: 1,
    });
    const wrong = await junokv(['get', 'k', '--password', 'wrong']);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('WRONGPASS')]);
  });

  it('of connections end with 3, unless another proxy answers', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const args = ['set', 'k', 'v', '--deadline', '500ms'];
    expect(await junokv(args, { target: nobody })).toMatchObject({ code: 3, err: expect.stringContaining(nobody) });
    const both = `${nobody},127.0.0.1:${server.port}`;
    expect((await junokv(['set', 'k', 'v'], { target: both })).code).toBe(0);
  });

  describe('of a proxy that falls silent', () => {
    let silent: Server;
    const sockets = new Set<Socket>();
    /** Called when a write has come. */
    let onWrite = (): void => {};
    beforeAll(async () => {
      silent = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('data', (chunk: Buffer) => {
          const text = chunk.toString('latin1');
          if (text.includes('JUNO.CREATE')) return onWrite();
          // One answer to each command of the greeting.
          socket.write(text.replaceAll(/\*\d+\r\n(?:\$\d+\r\n[^\r]*\r\n)+/g, '+OK\r\n'));
        });
      });
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const target = () => `127.0.0.1:${(silent.address() as AddressInfo).port}`;

    it('end with 4 and the id to repeat the write with', async () => {
      const { code, err } = await junokv(['create', 'quiet', 'v', '--deadline', '3s'], { target: target() });
      expect(code).toBe(4);
      const id = /Repeat it with --request-id ([0-9a-f-]{36}):/.exec(err)?.[1] ?? '';
      expect(await json('create', 'quiet', 'v', '--request-id', id)).toMatchObject({ did: 'created', requestId: id });
      expect(await json('create', 'quiet', 'v', '--request-id', id)).toMatchObject({ ok: true, recordVersion: 1 });
    });

    it('so does an interrupt', async () => {
      const onSpawn = (child: ChildProcess): void => {
        onWrite = () => child.kill('SIGINT');
      };
      const { code, err } = await junokv(['create', 'quiet', 'v', '--deadline', '1m'], { target: target(), onSpawn });
      expect([code, err]).toEqual([4, expect.stringContaining('--request-id')]);
    });
  });
});
