import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { TestAuthority } from '../crypto/testing/test-certificates.ts';
import { LogLines, TlsDirectory } from '../rpc/testing/tls-directory.ts';
import type { TlsIdentity } from '../rpc/tls-identity.ts';
import { refusalOnAccept } from './admission.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import { eventually } from './testing/raw-client.ts';

/** More than are closed in one go; TLS costs both ends a millisecond for each. */
const MANY = { TCP: 5 * limits.closesAtOnce, TLS: limits.closesAtOnce + 16 };
const PING = 'PING\r\n';
const PONG = '+PONG\r\n';
const authority = new TestAuthority('clients CA');

let harness: ProxyHarness;
let directory: TlsDirectory;
let identity: TlsIdentity;
let tlsPort = 0;
let sockets: Socket[] = [];

beforeEach(async () => {
  harness = await ProxyHarness.start();
  directory = new TlsDirectory();
  const files = directory.write('server', authority.issue({ use: ['server'] }), authority);
  identity = await directory.open(files, new LogLines());
  const tls = { identity, clientCertificates: 'unasked', userFromCertificate: false } as const;
  tlsPort = await harness.proxy.listen({ host: '127.0.0.1', port: 0, tls });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await harness.stop();
  identity.close();
  directory.remove();
});

type Transport = 'TCP' | 'TLS';
const TRANSPORTS: readonly Transport[] = ['TCP', 'TLS'];

async function open(transport: Transport): Promise<Socket> {
  const to = { host: '127.0.0.1', noDelay: true };
  const socket =
    transport === 'TCP'
      ? connect({ ...to, port: harness.port })
      : connectTls({ ...to, port: tlsPort, ca: authority.cert });
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, transport === 'TCP' ? 'connect' : 'secureConnect');
  return socket;
}

async function ping(socket: Socket): Promise<string> {
  socket.write(PING);
  const [reply] = await once(socket, 'data');
  return String(reply);
}

async function openMany(transport: Transport, count = MANY[transport]): Promise<Socket[]> {
  const many = await Promise.all(Array.from({ length: count }, () => open(transport)));
  expect(new Set(await Promise.all(many.map(ping)))).toEqual(new Set([PONG]));
  return many;
}

/** Whatever it ends with. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

function clients() {
  return harness.proxy.context.clients;
}

describe.each(TRANSPORTS)('many clients over %s', (transport) => {
  const count = MANY[transport];

  it('that all go away at once are all forgotten, and another one is served on', async () => {
    const many = await openMany(transport);
    const other = await harness.client();
    expect(clients().size).toBe(count + 1);
    // Some with their last words, some without.
    for (const [i, socket] of many.entries()) {
      if (i % 3 === 0 && transport === 'TCP') socket.resetAndDestroy();
      else if (i % 3 === 1) socket.end();
      else socket.destroy();
    }
    expect(await other.ask(PONG, 'PING')).toBe(PONG);
    expect(await eventually(() => clients().taken === 1)).toBe(true);
    expect(harness.errors).toEqual([]);
  });

  it('that CLIENT KILL names are counted, and gone when it answers', async () => {
    const many = await openMany(transport);
    const closed = many.map(closing);
    const killer = await harness.client();
    const answer = `:${count}\r\n`;
    expect(await killer.ask(answer, 'CLIENT', 'KILL', 'TYPE', 'normal')).toBe(answer);
    expect(clients().size).toBe(1);
    await Promise.all(closed);
    expect(await killer.ask(PONG, 'PING')).toBe(PONG);
    expect(clients().taken).toBe(1);
  });

  it('that are killed get no answer to what they send then', async () => {
    const many = await openMany(transport);
    const answers: string[] = [];
    for (const socket of many) socket.on('data', (data) => answers.push(String(data)));
    const closed = many.map(closing);
    const before = harness.proxy.context.stats.commandsProcessed;
    for (const session of clients().filter(() => true)) session.destroy();
    for (const socket of many) socket.write(PING);
    await Promise.all(closed);
    expect(answers).toEqual([]);
    expect(harness.proxy.context.stats.commandsProcessed).toBe(before);
  });

  it('that come and go in bursts are all served', async () => {
    const { stats } = harness.proxy.context;
    const bursts = transport === 'TCP' ? 3 : 1;
    for (let burst = 1; burst <= bursts; burst++) {
      for (const socket of await openMany(transport)) socket.destroy();
      expect(stats.totalConnections).toBe(burst * count);
    }
    expect(await eventually(() => clients().taken === 0)).toBe(true);
    expect(stats.rejectedConnections).toBe(0);
  });

  it('do not keep a proxy from stopping, with what they have sent answered', async () => {
    const many = await openMany(transport);
    harness.cluster.hold();
    const busy = many.filter((_, i) => i % 4 === 0);
    const answers = busy.map((socket) => once(socket, 'data'));
    const before = harness.cluster.submitted;
    for (const socket of busy) socket.write('GET none\r\n');
    expect(await eventually(() => harness.cluster.submitted === before + busy.length)).toBe(true);
    const closed = many.map(closing);
    const stopped = harness.proxy.stop();
    // Those that wait for nothing are closed before the others are answered.
    await Promise.all(closed.filter((_, i) => i % 4 !== 0));
    harness.cluster.release();
    expect(new Set((await Promise.all(answers)).map(String))).toEqual(new Set(['$-1\r\n']));
    await Promise.all([stopped, ...closed]);
  });

  it('are listed, one line each', async () => {
    await openMany(transport);
    const lister = await harness.client();
    lister.command('CLIENT', 'LIST');
    const lines = (await lister.readBulk()).trimEnd().split('\n');
    expect(lines).toHaveLength(count + 1);
    const like =
      /^id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=-1 name= age=\d+ idle=\d+ flags=N db=0 .* events=r cmd=ping user=default redir=-1 resp=2 lib-name= lib-ver=$/;
    expect(lines.filter((line) => like.test(line))).toHaveLength(count);
  });
});

describe('maxclients', () => {
  it('counts those whose sockets are not closed yet', async () => {
    const { context } = harness.proxy;
    expect(context.config.set([['maxclients', '10']])).toBeNull();
    context.clients.leaving = 9;
    expect(refusalOnAccept(context, '127.0.0.1')).toBeNull();
    context.clients.leaving = 10;
    expect(refusalOnAccept(context, '127.0.0.1')).toMatch(/max number of clients/);
    context.clients.leaving = 0;
  });

  it('with those that linger leaves descriptors to the rest of the process', () => {
    expect(limits.lingeringConnections).toBeLessThanOrEqual(limits.reservedFileDescriptors / 2);
  });

  it('refuses a crowd without any harm, and serves again when there is room', async () => {
    expect(harness.proxy.context.config.set([['maxclients', '50']])).toBeNull();
    const served = await openMany('TCP', 50);
    const refused = await Promise.all(
      Array.from({ length: MANY.TCP }, async () => {
        const socket = await open('TCP');
        const [text] = await once(socket, 'data');
        return String(text);
      }),
    );
    expect(new Set(refused)).toEqual(new Set(['-ERR max number of clients reached\r\n']));
    expect(await Promise.all(served.map(ping))).toEqual(served.map(() => PONG));
    for (const socket of served) socket.destroy();
    expect(await eventually(() => clients().taken === 0)).toBe(true);
    expect(await ping(await open('TCP'))).toBe(PONG);
  });
});

/** Of the proxy's ends of the connections on `port`: whether the system asks now and then if the other end is still there. */
function keptAlive(port: number): boolean[] {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const [ESTABLISHED, KEEPALIVE_TIMER] = ['01', '02'];
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ours = '', , state]) => ours.endsWith(local) && state === ESTABLISHED)
    .map(([, , , , , timer = '']) => timer.startsWith(`${KEEPALIVE_TIMER}:`));
}

describe.skipIf(!existsSync('/proc/net/tcp'))('a client whose machine has gone', () => {
  it.each(TRANSPORTS)('is noticed by the system, over %s too', async (transport) => {
    const port = transport === 'TCP' ? harness.port : tlsPort;
    expect(await ping(await open(transport))).toBe(PONG);
    expect(await eventually(() => keptAlive(port).every((kept) => kept))).toBe(true);
    expect(keptAlive(port)).toHaveLength(1);
    expect(harness.proxy.context.config.set([['tcp-keepalive', '0']])).toBeNull();
    expect(await ping(await open(transport))).toBe(PONG);
    // The first one has it as before.
    expect(await eventually(() => keptAlive(port).filter((kept) => kept).length === 1)).toBe(true);
    expect(keptAlive(port)).toHaveLength(2);
  });
});
