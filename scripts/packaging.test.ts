import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../src/admin/configuration.ts';
import type { CommandName } from '../src/admin/option.ts';
import { environmentName, optionTable } from '../src/admin/option-table.ts';

const ROOT = join(import.meta.dirname, '..');
const UNITS = readdirSync(join(ROOT, 'deploy/systemd')).filter((file) => file.endsWith('.service'));
const WRITTEN = [
  'Dockerfile',
  'docker-compose.yml',
  'deploy/docker/healthcheck.mjs',
  ...UNITS.map((unit) => `deploy/systemd/${unit}`),
];
/** Variables of these files that are not the program's. */
const NOT_OPTIONS = new Set(['JUNOKV_PASSWORD']);

function text(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined;
}

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-packaging-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('what the packages say to junokv', () => {
  const names = new Set(Object.keys(optionTable).map(environmentName));
  const said = WRITTEN.flatMap((file) =>
    [...text(file).matchAll(/\bJUNOKV_[A-Z_]+\b/g)].map(([name]): [string, string] => [file, name]),
  ).filter(([, name]) => !NOT_OPTIONS.has(name));

  it.each(said)('%s: %s is an option', (_file, name) => {
    expect(names.has(name)).toBe(true);
  });

  const lines = UNITS.flatMap((unit) => {
    const line = /^ExecStart=\/usr\/bin\/node \/opt\/junokv\/bin\/junokv\.mjs (.*)$/m.exec(
      text(`deploy/systemd/${unit}`),
    );
    return [[unit, line?.[1]?.replaceAll('%i', '1') ?? '']];
  });
  const compose = text('docker-compose.yml');
  const composed = [...compose.matchAll(/^ +command: \[((?:storage|proxy).*)\]$/gm)].map(([, words = '']) => [
    'docker-compose.yml',
    words.replaceAll(/[',]/g, ''),
  ]);
  const init = /junokv (cluster init .*)$/m.exec(compose)?.[1] ?? '';

  it.each([...lines, ...composed, ['docker-compose.yml', init]])('%s: %s', (_file, line = '') => {
    const words = line.split(' ');
    const name = (words[0] === 'cluster' ? words.splice(0, 2).join(' ') : words.shift()) as CommandName;
    const loaded = loadConfiguration(name, words, {});
    expect(loaded.kind === 'invalid' ? loaded.problems : []).toEqual([]);
  });

  it('has lines to check', () => {
    expect([lines.length, composed.length, said.length > 10]).toEqual([UNITS.length, 4, true]);
  });
});

describe('docker-compose.yml', () => {
  const services = new Set(
    [...text('docker-compose.yml').matchAll(/^ {2}([a-z0-9]+):/gm)].map(([, name = '']) => name),
  );

  it('has the machines that HAProxy, Prometheus and Grafana look for', () => {
    const proxies = [...text('deploy/haproxy/haproxy.cfg').matchAll(/^ +server .*-([a-z0-9]+):6379\}"/gm)];
    const scraped = [...text('deploy/prometheus/prometheus.yml').matchAll(/'([a-z0-9]+):9121'/g)];
    const wanted = [...proxies, ...scraped].map(([, name = '']) => name);
    expect(wanted.length).toBe(7);
    expect([...wanted, 'prometheus'].filter((name) => !services.has(name))).toEqual([]);
  });

  it('mounts what is there', () => {
    const mounted = [...text('docker-compose.yml').matchAll(/\.\/(deploy\/[a-z/]+):/g)].map(([, path = '']) => path);
    expect(mounted.length).toBe(4);
    expect(mounted.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe.skipIf(!has('haproxy'))("HAProxy's configurations", () => {
  it.each(['haproxy.cfg', 'haproxy-tls.cfg'])('%s is taken by HAProxy', (name) => {
    const place = (port: number): string => `127.0.0.1:${port}`;
    const env = { ...process.env, JUNOKV_PROXY_1: place(7001), JUNOKV_PROXY_2: place(7002) };
    const { status, stderr } = spawnSync('haproxy', ['-c', '-f', join(ROOT, 'deploy/haproxy', name)], {
      env,
      encoding: 'utf8',
    });
    expect([status, /\[(WARNING|ALERT)\]/.test(stderr) ? stderr : '']).toEqual([0, '']);
  });
});

describe.skipIf(!has('systemd-analyze'))('the systemd units', () => {
  it.each(UNITS)('%s is taken by systemd-analyze verify', (unit) => {
    // What it starts is not installed here.
    const line = text(`deploy/systemd/${unit}`).replace(/^ExecStart=\/usr\/bin\/node/m, 'ExecStart=/bin/true');
    const file = join(directory, basename(unit).replace('@', '@1'));
    writeFileSync(file, line);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});

describe('trim-prebuilds', () => {
  it('keeps the native files of one platform, and those of packages that do not have it', () => {
    const modules = join(directory, 'node_modules');
    const platforms = ['one/prebuilds/linux-x64', 'one/prebuilds/win32-x64', '@scope/two/prebuilds/linux-x64'];
    platforms.push('@scope/two/prebuilds/darwin-arm64', 'one/node_modules/deep/prebuilds/ios-arm64', 'other/lib');
    for (const platform of platforms) mkdirSync(join(modules, platform), { recursive: true });
    const script = join(ROOT, 'scripts/trim-prebuilds.mjs');
    expect(spawnSync(process.execPath, [script, modules, 'linux-x64']).status).toBe(0);
    const left = platforms.filter((platform) => existsSync(join(modules, platform)));
    expect(left).toEqual([platforms[0], platforms[2], platforms[4], platforms[5]]);
  });
});

describe('the health check of the image', () => {
  let server: Server | null = null;
  const children: ChildProcess[] = [];
  afterEach(() => {
    server?.close();
    for (const child of children.splice(0)) child.kill();
  });

  async function answering(reply: string): Promise<number> {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(reply));
    });
    const listening = server;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const address = listening.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** As the image has it: one file. */
  async function exitCode(env: Readonly<Record<string, string>>): Promise<number | null> {
    const file = join(directory, 'healthcheck.mjs');
    cpSync(join(ROOT, 'deploy/docker/healthcheck.mjs'), file);
    const child = spawn(process.execPath, [file], { env: { PATH: process.env['PATH'] ?? '', ...env } });
    children.push(child);
    return new Promise((resolve) => child.on('exit', resolve));
  }

  it.each([
    ['+PONG\r\n', 0],
    ['-NOAUTH Authentication required.\r\n', 0],
    ['-ERR max number of clients reached\r\n', 1],
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 1],
  ])('PING answered by %j: exit code %i', async (reply, code) => {
    expect(await exitCode({ JUNOKV_PORT: `${await answering(reply)}` })).toBe(code);
  });

  it.each([
    ['HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nalive\n', 0],
    ['HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n', 1],
  ])('/healthz answered by %j: exit code %i', async (reply, code) => {
    expect(await exitCode({ JUNOKV_HTTP_PORT: `${await answering(reply)}` })).toBe(code);
  });

  it('nobody there: exit code 1', async () => {
    const port = await answering('');
    await new Promise((resolve) => server?.close(resolve));
    expect(await exitCode({ JUNOKV_PORT: `${port}` })).toBe(1);
  });
});
