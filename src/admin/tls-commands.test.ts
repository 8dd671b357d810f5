import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assembly } from './assemble.ts';
import { runCommandLine } from './cli.ts';
import { FakeAssembly, FakeSystem } from './testing/fake-system.ts';

const directory = mkdtempSync(join(tmpdir(), 'junokv-tls-commands-'));
const at = (name: string): string => join(directory, 'certs', name);
const server = new FakeSystem();
let ended: Promise<number> = Promise.resolve(0);
let port = 0;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port: free } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return free;
}

/** Runs a command; `text` is all that it printed and complained. */
async function command(...args: readonly string[]): Promise<{ code: number; text: string; system: FakeSystem }> {
  const system = new FakeSystem();
  const code = await runCommandLine(args, system, new FakeAssembly());
  const text = [...system.printed, ...system.written.map(String), ...system.complaints].join('\n');
  return { code, text, system };
}

const target = (): string[] => ['--target', `127.0.0.1:${port}`];
const tls = (ca = 'ca', own = 'client-client'): string[] => [
  ...['--tls', '--cacert', at(`${ca}.crt`)],
  ...['--cert', at(`${own}.crt`), '--key', at(`${own}.key`)],
];

beforeAll(async () => {
  expect((await command('certs', join(directory, 'certs'))).code).toBe(0);
  port = await freePort();
  const options = [
    ...['start', '--engine', 'memory', '--zones', '1', '--shards', '16', '--log-level', 'error'],
    ...['--port', '0', '--tls-port', String(port), '--tls-cert-file', at('server.crt')],
    ...['--tls-key-file', at('server.key'), '--tls-ca-cert-file', at('ca.crt')],
  ];
  ended = runCommandLine(options, server, assembly);
  for (let i = 0; server.printed.length === 0 && server.complaints.length === 0; i++) {
    if (i > 2_000) throw new Error('it did not start');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(server.complaints).toEqual([]);
});

afterAll(async () => {
  server.signal();
  expect(await ended).toBe(0);
  rmSync(directory, { recursive: true, force: true });
});

describe('a process with a TLS port alone', () => {
  it('says so', () => {
    expect(server.printed.join('\n')).toContain(`redis-cli -p ${port} --tls    (127.0.0.1:${port} (TLS); no password)`);
  });

  it('is reached by all commands that are clients', async () => {
    expect(await command('set', 'key', 'value', ...target(), ...tls())).toMatchObject({ code: 0 });
    expect((await command('get', 'key', ...target(), ...tls())).text).toBe('value');
    expect((await command('namespace', 'list', ...target(), ...tls())).text).toContain('default');
    expect((await command('cluster', 'verify', ...target(), ...tls())).code).toBe(0);
    const load = ['--requests', '300', '--connections', '3', '--warmup', '0', '--duration', '5s'];
    expect(await command('load', ...load, ...target(), ...tls())).toMatchObject({ code: 0 });
  });

  it('shows its settings to CONFIG GET', async () => {
    const files = { ca: readFileSync(at('ca.crt')), cert: readFileSync(at('client-client.crt')) };
    const redis = new Redis({ port, tls: { ...files, key: readFileSync(at('client-client.key')) } });
    const shown = await redis.config('GET', 'tls-*');
    redis.disconnect();
    expect(shown).toEqual([
      ...['tls-port', String(port), 'tls-cert-file', at('server.crt'), 'tls-key-file', at('server.key')],
      ...['tls-ca-cert-file', at('ca.crt'), 'tls-auth-clients', 'yes', 'tls-auth-clients-user', 'off'],
      ...['tls-protocols', 'TLSv1.2 TLSv1.3'],
    ]);
  });

  it('refuses those with the wrong certificates, who are told why', async () => {
    const get = ['get', 'key', '--deadline', '1s', ...target()];
    const wrongCa = await command(...get, ...tls('cluster-ca'));
    expect(wrongCa.code).not.toBe(0);
    expect(wrongCa.text).toMatch(/is not reached \(.*certificate/);
    const nothing = await command(...get, '--tls', '--cacert', at('ca.crt'));
    expect(nothing.text).toContain('certificate required');
    const list = await command('namespace', 'list', ...target(), ...tls('cluster-ca'));
    expect(list.text).toContain('the certificate is not of our CA');
    const load = await command('load', '--requests', '10', ...target(), ...tls('ca', 'node'));
    expect(load.code).not.toBe(0);
    const plain = await command(...get);
    expect(plain.code).not.toBe(0);
  });

  it('takes up a new certificate on SIGHUP', async () => {
    const subject = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await subject();
    rmSync(at('server.crt'));
    rmSync(at('server.key'));
    await command('certs', join(directory, 'certs'));
    server.reload();
    let after = before;
    for (let i = 0; after === before && i < 400; i++) after = await subject();
    expect(after).not.toBe(before);
    expect((await command('get', 'key', ...target(), ...tls())).text).toBe('value');
  });
});

describe('options that cannot go together', () => {
  it.each([
    [['--tls-port', '1'], '--tls-port needs a certificate and its key'],
    [
      ['--tls-port', '1', '--tls-cert-file', 'a', '--tls-key-file', 'b'],
      '--tls-auth-clients yes needs --tls-ca-cert-file',
    ],
    [
      [...['--tls-port', '1', '--tls-cert-file', 'a', '--tls-key-file', 'b'], ...['--tls-auth-clients', 'no']],
      'cannot read a',
    ],
    [
      [
        ...['--tls-port', '1', '--tls-cert-file', 'a', '--tls-key-file', 'b'],
        ...['--tls-auth-clients', 'no', '--tls-auth-clients-user', 'CN'],
      ],
      '--tls-auth-clients-user cn needs certificates of clients',
    ],
    [['--tls-protocols', 'TLSv1.1'], "'TLSv1.1' is not allowed; it must be TLSv1.2 or TLSv1.3"],
  ])('%j stop the start', async (options, problem) => {
    const { code, text } = await command('start', '--engine', 'memory', ...options);
    expect(code).not.toBe(0);
    expect(text).toContain(problem);
  });

  it('of storage nodes, and of commands that are clients, too', async () => {
    const half = await command('storage', '--node', '1', '--cluster-tls-cert-file', 'a');
    expect(half.text).toContain('belong together: give all or none');
    expect((await command('get', 'key', '--cacert', 'x')).text).toContain('--cacert, --cert and --key need --tls');
    expect((await command('get', 'key', '--tls', '--cert', 'x')).text).toContain('give both or none');
    expect((await command('get', 'key', '--tls', '--cacert', at('none.crt'))).text).toContain('ENOENT');
  });
});
