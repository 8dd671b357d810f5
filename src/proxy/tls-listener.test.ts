import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { TestAuthority, type TestCertificate } from '../crypto/testing/test-certificates.ts';
import { LogLines, TlsDirectory } from '../rpc/testing/tls-directory.ts';
import type { TlsIdentity } from '../rpc/tls-identity.ts';
import type { TlsVersion } from '../rpc/tls-material.ts';
import { AccessLevel } from './access.ts';
import type { ClientTls } from './client-tls.ts';
import { clusterCommands } from './commands/cluster-commands.ts';
import { connectionCommands } from './commands/connection-commands.ts';
import { serverCommands } from './commands/server-commands.ts';
import { stringCommands } from './commands/string-commands.ts';
import type { ConfigValues } from './config-values.ts';
import { ProxyServer } from './proxy.ts';
import { RuntimeConfig } from './runtime-config.ts';
import { LocalCluster } from './testing/local-cluster.ts';
import { sha256, type User } from './users.ts';

const authority = new TestAuthority('clients CA');
const stranger = new TestAuthority('another CA');
const run = promisify(execFile);
const REDIS_CLI = '/usr/bin/redis-cli';

interface Setup {
  readonly clientCertificates?: ClientTls['clientCertificates'];
  readonly userFromCertificate?: boolean;
  readonly users?: readonly User[];
  readonly config?: Partial<ConfigValues>;
  readonly versions?: readonly TlsVersion[];
}

/** A proxy with a plain port and a TLS port. */
class TlsProxy {
  readonly directory = new TlsDirectory();
  readonly log = new LogLines();
  readonly proxy: ProxyServer;
  readonly identity: TlsIdentity;
  plainPort = 0;
  tlsPort = 0;

  private constructor(proxy: ProxyServer, identity: TlsIdentity, directory: TlsDirectory, log: LogLines) {
    this.proxy = proxy;
    this.identity = identity;
    this.directory = directory;
    this.log = log;
  }

  static async start(setup: Setup = {}): Promise<TlsProxy> {
    const { clientCertificates = 'required', userFromCertificate = false, users = [], config = {} } = setup;
    const directory = new TlsDirectory();
    const log = new LogLines();
    const files = directory.write('server', authority.issue({ use: ['server'] }), authority);
    const identity = await directory.open(files, log, setup.versions);
    const clock = new SystemClock();
    const proxy = new ProxyServer({
      clock,
      random: new SystemRandom(),
      log,
      cluster: new LocalCluster(clock),
      config: new RuntimeConfig(config),
      commands: [...connectionCommands, ...stringCommands, ...serverCommands, ...clusterCommands],
      users,
    });
    const started = new TlsProxy(proxy, identity, directory, log);
    proxies.push(started);
    const tls = { identity, clientCertificates, userFromCertificate };
    started.plainPort = await proxy.listen({ host: '127.0.0.1', port: 0 });
    started.tlsPort = await proxy.listen({ host: '127.0.0.1', port: 0, tls });
    return started;
  }

  /** Sends inline commands and resolves to all that came until the end, or to the error's message. */
  async say(text: string, certificate: TestCertificate | null, options: object = {}): Promise<string> {
    const socket = connectTls({
      host: '127.0.0.1',
      port: this.tlsPort,
      ca: authority.cert,
      ...certificate,
      ...options,
    });
    socket.on('secureConnect', () => socket.write(text));
    return collect(socket);
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    this.directory.remove();
  }
}

function collect(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error) => resolve(error.message));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 1_000) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const proxies: TlsProxy[] = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop();
});

const PING_AND_LEAVE = 'PING\r\nQUIT\r\n';
const PONG = '+PONG\r\n+OK\r\n';

describe('the TLS port', () => {
  it('answers cluster-aware clients with the port that they can use', async () => {
    const proxy = await TlsProxy.start();
    const tls = { identity: proxy.identity, clientCertificates: 'required', userFromCertificate: false } as const;
    const port = await proxy.proxy.listen({ host: '127.0.0.1', port: 0, tls, clusterEnabled: true });
    const client = { ca: authority.cert, ...authority.issue() };
    const cluster = new Cluster([{ host: '127.0.0.1', port }], { redisOptions: { tls: client } });
    try {
      const keys = Array.from({ length: 20 }, (_, i) => `key:${i}`);
      await Promise.all(keys.map((key) => cluster.set(key, key)));
      expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys);
      expect(cluster.nodes('master').map((node) => node.options.port)).toEqual([port]);
    } finally {
      cluster.disconnect();
    }
    const plain = new Redis({ host: '127.0.0.1', port: proxy.plainPort });
    await expect(plain.cluster('SLOTS')).rejects.toThrow('cluster support disabled');
    plain.disconnect();
  });

  it('serves beside the plain one, large values and pipelines too', async () => {
    const proxy = await TlsProxy.start();
    const tls = { ca: authority.cert, ...authority.issue() };
    const secure = new Redis({ host: '127.0.0.1', port: proxy.tlsPort, tls });
    const plain = new Redis({ host: '127.0.0.1', port: proxy.plainPort });
    const value = Buffer.alloc(3_000_000, 'x');
    await secure.set('large', value);
    expect((await plain.getBuffer('large'))?.equals(value)).toBe(true);
    expect((await secure.getBuffer('large'))?.equals(value)).toBe(true);
    const pipeline = secure.pipeline();
    for (let i = 0; i < 2_000; i++) pipeline.set(`key ${i}`, i).get(`key ${i}`);
    const replies = await pipeline.exec();
    expect(replies?.filter(([error]) => error !== null)).toEqual([]);
    expect(replies?.at(-1)?.[1]).toBe('1999');
    secure.disconnect();
    plain.disconnect();
  });

  it('tells clients of a cluster to come to it, not to the plain port', async () => {
    const proxy = await TlsProxy.start({ config: { clusterEnabled: true } });
    const slots = await proxy.say('CLUSTER SLOTS\r\nQUIT\r\n', authority.issue());
    expect(slots).toContain(`:${proxy.tlsPort}\r\n`);
    expect(slots).not.toContain(`:${proxy.plainPort}\r\n`);
  });

  it('answers what a client sent before it closed its side', async () => {
    const proxy = await TlsProxy.start();
    const socket = connectTls({ host: '127.0.0.1', port: proxy.tlsPort, ca: authority.cert, ...authority.issue() });
    const replies = collect(socket);
    socket.end('SET a b\r\nGET a\r\n');
    expect(await replies).toBe('+OK\r\n$1\r\nb\r\n');
  });

  it.skipIf(!existsSync(REDIS_CLI))('serves redis-cli --tls', async () => {
    const proxy = await TlsProxy.start();
    const own = proxy.directory.write('cli', authority.issue(), authority);
    const { stdout } = await run(REDIS_CLI, [
      ...['-h', '127.0.0.1', '-p', String(proxy.tlsPort), '--tls'],
      ...['--cacert', own.ca, '--cert', own.cert, '--key', own.key],
      ...['SET', 'greeting', 'hello'],
    ]);
    expect(stdout).toBe('OK\n');
    // And redis-cli sees that a proxy with another CA's certificate is not the one it wants.
    writeFileSync(join(proxy.directory.path, 'other.ca'), stranger.cert);
    const refused = await run(REDIS_CLI, [
      ...['-h', '127.0.0.1', '-p', String(proxy.tlsPort), '--tls'],
      ...['--cacert', join(proxy.directory.path, 'other.ca'), 'PING'],
    ]).catch((error: Error) => error.message);
    expect(String(refused)).toContain('certificate verify failed');
  });

  it('takes the versions that it was told', async () => {
    const proxy = await TlsProxy.start({ versions: ['TLSv1.3'] });
    expect(await proxy.say(PING_AND_LEAVE, authority.issue())).toBe(PONG);
    expect(await proxy.say(PING_AND_LEAVE, authority.issue(), { maxVersion: 'TLSv1.2' })).toContain('protocol version');
    await until(() => proxy.log.text.includes('no TLS version that both ends take'));
  });
});

describe('certificates of clients', () => {
  it('must be shown and good where they are required; what is wrong stands in the log', async () => {
    const proxy = await TlsProxy.start();
    expect(await proxy.say(PING_AND_LEAVE, authority.issue({ use: ['client'] }))).toBe(PONG);
    expect(await proxy.say(PING_AND_LEAVE, null)).toContain('certificate required');
    await until(() => proxy.log.text.includes('no certificate was shown'));
    expect(proxy.proxy.context.stats.tlsHandshakesFailed).toBe(1);
  });

  it.each([
    ['of another CA', stranger.issue(), 'the certificate is not of our CA'],
    ['that has expired', authority.issue({ notAfterMs: Date.now() - 1_000 }), 'the certificate has expired'],
    [
      'that is not valid yet',
      authority.issue({ notBeforeMs: Date.now() + 60_000 }),
      'the certificate is not valid yet',
    ],
    ['for servers only', authority.issue({ use: ['server'] }), 'the certificate is for another purpose'],
  ])('%s are refused, also where none is needed', async (_name, certificate, problem) => {
    for (const clientCertificates of ['required', 'optional'] as const) {
      const proxy = await TlsProxy.start({ clientCertificates });
      expect(await proxy.say(PING_AND_LEAVE, certificate)).not.toContain('PONG');
      await until(() => proxy.log.text.includes(problem));
      expect(proxy.log.text).toContain('"peer":"127.0.0.1"');
    }
  });

  it('are not needed with optional, and not looked at with no', async () => {
    const optional = await TlsProxy.start({ clientCertificates: 'optional' });
    expect(await optional.say(PING_AND_LEAVE, null)).toBe(PONG);
    expect(await optional.say(PING_AND_LEAVE, authority.issue())).toBe(PONG);
    const unasked = await TlsProxy.start({ clientCertificates: 'unasked' });
    expect(await unasked.say(PING_AND_LEAVE, null)).toBe(PONG);
    expect(await unasked.say(PING_AND_LEAVE, stranger.issue())).toBe(PONG);
  });
});

describe('users by certificate', () => {
  const alice = { name: 'alice', passwordHash: sha256(Buffer.from('x')), namespace: null, access: AccessLevel.read };
  const setup = { userFromCertificate: true, users: [alice], config: { requirepass: 'secret' } };
  const who = 'CLIENT ID\r\nSET a b\r\nQUIT\r\n';

  it('are who they say without a password, and may do what that user may', async () => {
    const proxy = await TlsProxy.start({ ...setup, clientCertificates: 'optional' });
    const asAlice = await proxy.say(who, authority.issue({ commonName: 'alice' }));
    expect(asAlice).toMatch(/^:\d+\r\n-NOPERM .*\r\n\+OK\r\n$/);
    const nobody = /^-NOAUTH .*\r\n-NOAUTH .*\r\n\+OK\r\n$/;
    expect(await proxy.say(who, authority.issue({ commonName: 'mallory' }))).toMatch(nobody);
    expect(await proxy.say(who, null)).toMatch(nobody);
  });

  it('stay strangers where the option is off, and where another CA says so', async () => {
    const off = await TlsProxy.start({ ...setup, userFromCertificate: false });
    expect(await off.say(who, authority.issue({ commonName: 'alice' }))).toContain('-NOAUTH');
    const on = await TlsProxy.start(setup);
    expect(await on.say(who, stranger.issue({ commonName: 'alice' }))).toBe('');
  });

  it('may become another one by AUTH, and nobody by RESET', async () => {
    const proxy = await TlsProxy.start(setup);
    const text = 'AUTH secret\r\nSET a b\r\nRESET\r\nGET a\r\nQUIT\r\n';
    const replies = await proxy.say(text, authority.issue({ commonName: 'alice' }));
    expect(replies).toMatch(/^\+OK\r\n\+OK\r\n\+RESET\r\n-NOAUTH /);
  });
});

describe('what does not belong at a port', () => {
  async function plainTo(port: number, bytes: Buffer): Promise<{ readonly socket: Socket; readonly answer: string }> {
    const socket = connect(port, '127.0.0.1');
    const answer = collect(socket);
    await once(socket, 'connect');
    socket.write(bytes);
    return { socket, answer: await answer };
  }

  it('is closed at the TLS port, and harms nobody', async () => {
    const proxy = await TlsProxy.start();
    const whole = ['*1\r\n$4\r\nPING\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n\r\n\r\n'];
    for (const bytes of whole) {
      const { socket, answer } = await plainTo(proxy.tlsPort, Buffer.from(bytes, 'latin1'));
      expect(answer).not.toContain('PONG');
      expect(socket.destroyed).toBe(true);
    }
    const cut = connect(proxy.tlsPort, '127.0.0.1');
    cut.end(Buffer.from('\x16\x03\x01\x00\x05hello', 'latin1'));
    await collect(cut);
    const scanner = connect(proxy.tlsPort, '127.0.0.1');
    await once(scanner, 'connect');
    scanner.resetAndDestroy();
    expect(proxy.log.lines.filter((line) => line.includes('handshake failed'))).toHaveLength(1);
    expect(proxy.log.text).toContain('what came is no TLS');
    expect(await proxy.say(PING_AND_LEAVE, authority.issue())).toBe(PONG);
    expect(proxy.proxy.context.clients.size).toBe(0);
    expect(proxy.proxy.context.stats.tlsHandshakesFailed).toBeGreaterThanOrEqual(4);
  });

  it('is closed at the plain port, when it is TLS', async () => {
    const proxy = await TlsProxy.start();
    for (let i = 0; i < 20; i++) {
      const socket: TLSSocket = connectTls({ host: '127.0.0.1', port: proxy.plainPort, ca: authority.cert });
      expect(await collect(socket)).not.toBe('');
    }
    await until(() => proxy.proxy.context.clients.size === 0);
    expect(proxy.proxy.context.stats.commandsProcessed).toBe(0);
  });

  it('waits for no more than so many clients', async () => {
    const proxy = await TlsProxy.start({ config: { maxClients: 2 } });
    const silent = [connect(proxy.tlsPort, '127.0.0.1'), connect(proxy.tlsPort, '127.0.0.1')];
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    expect(await proxy.say(PING_AND_LEAVE, authority.issue())).not.toContain('PONG');
    expect(proxy.proxy.context.stats.rejectedConnections).toBe(1);
    for (const socket of silent) socket.destroy();
    await until(() => proxy.proxy.context.stats.tlsHandshakesFailed === 2);
    expect(await proxy.say(PING_AND_LEAVE, authority.issue())).toBe(PONG);
  });

  it('does not keep a proxy from stopping', async () => {
    const proxy = await TlsProxy.start({ config: { shutdownTimeoutSeconds: 0 } });
    const silent = connect(proxy.tlsPort, '127.0.0.1');
    const closed = once(silent, 'close');
    silent.on('error', () => {});
    await once(silent, 'connect');
    const own = { ca: authority.cert, ...authority.issue() };
    const idle = connectTls({ host: '127.0.0.1', port: proxy.tlsPort, ...own });
    idle.on('error', () => {});
    const idleClosed = once(idle, 'close');
    await once(idle, 'secureConnect');
    await proxy.proxy.stop();
    silent.resume();
    idle.resume();
    await Promise.all([closed, idleClosed]);
  });
});

describe('a new certificate', () => {
  it('is shown to new clients; those that are connected stay', async () => {
    const proxy = await TlsProxy.start();
    const own = { ca: [authority.cert, stranger.cert], ...authority.issue() };
    const open = async (): Promise<TLSSocket> => {
      const socket = connectTls({ host: '127.0.0.1', port: proxy.tlsPort, ...own });
      await once(socket, 'secureConnect');
      return socket;
    };
    const first = await open();
    expect(first.getPeerCertificate().issuer.CN).toBe('clients CA');
    proxy.directory.write('server', stranger.issue(), null);
    await proxy.identity.reload();
    const second = await open();
    expect(second.getPeerCertificate().issuer.CN).toBe('another CA');
    first.write('PING\r\n');
    expect(String((await once(first, 'data'))[0])).toBe('+PONG\r\n');
    first.destroy();
    second.destroy();
  });
});
