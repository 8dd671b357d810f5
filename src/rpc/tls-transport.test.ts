import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { NodeEntry } from '../cluster/map.ts';
import { TestAuthority, type TestCertificate } from '../crypto/testing/test-certificates.ts';
import { MessageType } from './messages.ts';
import { TcpServer } from './tcp-server.ts';
import { TcpTransport } from './tcp-transport.ts';
import { Answers, BASE, CLUSTER_ID, pause, TestNode, until } from './testing/tcp-cluster.ts';
import { LogLines, TlsDirectory } from './testing/tls-directory.ts';
import { TlsDoor } from './tls-door.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { TlsLink } from './tls-link.ts';

const HOUR_MS = 3_600_000;
const authority = new TestAuthority('cluster CA');
const stranger = new TestAuthority('another CA');

/** A storage node's port and a proxy's transport, each with its own certificate and log. */
class TlsPair {
  readonly directory = new TlsDirectory();
  readonly node = new TestNode();
  readonly serverLog = new LogLines();
  readonly clientLog = new LogLines();
  server: TcpServer | null = null;
  transport: TcpTransport | null = null;
  serverIdentity: TlsIdentity | null = null;
  clientIdentity: TlsIdentity | null = null;
  port = 0;

  async start(certificate: TestCertificate = authority.issue(), ca = authority): Promise<void> {
    const files = this.directory.write('server', certificate, ca);
    this.serverIdentity = await this.directory.open(files, this.serverLog);
    this.server = new TcpServer({ ...BASE, log: this.serverLog, handler: this.node, tls: this.serverIdentity });
    this.port = await this.server.listen('127.0.0.1', 0);
  }

  async connect(certificate: TestCertificate = authority.issue(), ca = authority, options = {}): Promise<void> {
    const files = this.directory.write('client', certificate, ca);
    this.clientIdentity = await this.directory.open(files, this.clientLog);
    this.transport = new TcpTransport({ ...BASE, log: this.clientLog, tls: this.clientIdentity, ...options });
    this.transport.setNodes([this.entry()]);
  }

  entry(changes: Partial<NodeEntry> = {}): NodeEntry {
    return { id: 1, incarnation: 'one', host: '127.0.0.1', port: this.port, leaving: false, ...changes };
  }

  get isUp(): boolean {
    return this.transport?.isUp(1) === true;
  }

  async stop(): Promise<void> {
    this.transport?.close();
    await this.server?.close();
    this.directory.remove();
  }
}

const pairs: TlsPair[] = [];
function newPair(): TlsPair {
  const pair = new TlsPair();
  pairs.push(pair);
  return pair;
}

afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

/** Waits for a line in either log, and sees that no connection came of it. */
async function refused(pair: TlsPair, serverSays: RegExp | null, clientSays: RegExp): Promise<void> {
  await until(() => clientSays.test(pair.clientLog.text) && (serverSays?.test(pair.serverLog.text) ?? true));
  expect(pair.isUp).toBe(false);
  expect(pair.node.seen).toEqual([]);
}

describe('a connection over TLS', () => {
  it('carries requests between ends that trust each other', async () => {
    const pair = newPair();
    await pair.start();
    await pair.connect();
    await until(() => pair.isUp);
    pair.node.respond = () => ({ type: MessageType.fault, fault: 'busy', detail: 'as told' });
    const answers = new Answers();
    pair.transport?.send(1, { type: MessageType.nodeStatus }, answers, 7);
    await until(() => answers.got.length === 1);
    expect(answers.got[0]).toMatchObject([7, { fault: 'busy' }]);
    expect(pair.serverLog.text).not.toContain('failed');
  });

  it('is made again after the node was gone', async () => {
    const pair = newPair();
    await pair.start();
    await pair.connect();
    await until(() => pair.isUp);
    await pair.server?.close();
    await until(() => !pair.isUp);
    pair.server = new TcpServer({ ...BASE, handler: pair.node, tls: pair.serverIdentity });
    await pair.server.listen('127.0.0.1', pair.port);
    await until(() => pair.isUp);
  });
});

describe('TlsLink', () => {
  it('goes on with the session of before, until certificates change', async () => {
    const pair = newPair();
    const identity = await pair.directory.open(pair.directory.write('server', authority.issue(), authority));
    const reused: boolean[] = [];
    const door = new TlsDoor({
      identity,
      clientCertificates: 'required',
      handshakeMs: 1_000,
      clock: BASE.clock,
      log: pair.serverLog,
      port: 'storage',
      onSecure: (socket) => {
        reused.push(socket.isSessionReused());
        socket.on('error', () => {});
        socket.end('over');
      },
    });
    const server = createServer((socket) => door.admit(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = await pair.directory.open(pair.directory.write('client', authority.issue(), authority));
    const link = new TlsLink(client);
    const visit = async (): Promise<void> => {
      const socket = link.connect('127.0.0.1', port);
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    };
    await visit();
    await visit();
    pair.directory.write('client', authority.issue(), authority);
    await client.reload();
    await visit();
    expect(reused).toEqual([false, true, false]);
    expect([door.handshakes, door.failures]).toEqual([0, 0]);
    door.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('refused, and said why, is', () => {
  it('a proxy with a certificate of another CA', async () => {
    const pair = newPair();
    await pair.start();
    await pair.connect(stranger.issue());
    await refused(pair, /certificate is not of our CA/, /its log says why/);
    expect(pair.serverLog.text).toContain('"peer":"127.0.0.1"');
  });

  it('a node with a certificate of another CA', async () => {
    const pair = newPair();
    await pair.start(stranger.issue());
    await pair.connect();
    await refused(pair, null, /not reachable.*certificate is not of our CA/);
  });

  it('a proxy whose certificate has expired', async () => {
    const pair = newPair();
    await pair.start();
    await pair.connect(authority.issue({ notAfterMs: BASE.clock.wallMs() - HOUR_MS }));
    await refused(pair, /certificate has expired \(CERT_HAS_EXPIRED\)/, /our certificate|its log says why/);
    expect(pair.clientLog.text).toContain('others will refuse it');
  });

  it('a node whose certificate has expired', async () => {
    const pair = newPair();
    await pair.start(authority.issue({ notAfterMs: BASE.clock.wallMs() - HOUR_MS }));
    await pair.connect();
    await refused(pair, null, /not reachable.*certificate has expired/);
  });

  it('a node whose certificate is for another host', async () => {
    const pair = newPair();
    await pair.start(authority.issue({ hosts: ['node1.example.com', '10.0.0.1'] }));
    await pair.connect();
    await refused(pair, null, /not reachable.*certificate is for another host/);
  });

  it('a node whose certificate is only for clients, and a proxy whose is only for servers', async () => {
    const nodeOnly = newPair();
    await nodeOnly.start(authority.issue({ use: ['client'] }));
    await nodeOnly.connect();
    await refused(nodeOnly, null, /certificate is for another purpose/);
    const proxyOnly = newPair();
    await proxyOnly.start();
    await proxyOnly.connect(authority.issue({ use: ['server'] }));
    await refused(proxyOnly, /certificate is for another purpose/, /its log says why/);
  });

  it('one of the same CA that does not know the cluster secret, or means another cluster', async () => {
    const secretless = newPair();
    await secretless.start();
    await secretless.connect(undefined, undefined, { secret: Buffer.from('another secret, long enough') });
    await refused(secretless, /did not prove the cluster secret/, /not reachable/);
    const elsewhere = newPair();
    await elsewhere.start();
    await elsewhere.connect(undefined, undefined, { clusterId: `${CLUSTER_ID} two` });
    await refused(elsewhere, /this node belongs to another cluster/, /refused \(cluster\)/);
  });

  it('one without TLS, and TLS where there is none', async () => {
    const pair = newPair();
    await pair.start();
    const plain = new TcpTransport({ ...BASE, log: pair.clientLog });
    plain.setNodes([pair.entry()]);
    await refused(pair, /what came is no TLS/, /not reachable/);
    plain.close();

    const plainPair = newPair();
    plainPair.server = new TcpServer({ ...BASE, log: plainPair.serverLog, handler: plainPair.node });
    plainPair.port = await plainPair.server.listen('127.0.0.1', 0);
    await plainPair.connect();
    await refused(plainPair, /did not prove the cluster secret/, /not reachable/);
  });
});

describe('strangers at the port', () => {
  async function open(pair: TlsPair): Promise<Socket> {
    const socket = connect(pair.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }

  async function closed(socket: Socket): Promise<void> {
    await until(() => socket.closed, limits.handshakeTimeMs + 2_000);
  }

  it('that show no certificate are told so, and closed', async () => {
    const pair = newPair();
    await pair.start();
    const socket = connectTls({ port: pair.port, host: '127.0.0.1', ca: authority.cert });
    let message = '';
    socket.on('error', (error) => {
      message = error.message;
    });
    await closed(socket);
    expect(message).toContain('certificate required');
    expect(pair.serverLog.text).toContain('no certificate was shown');
  });

  it('that send anything else, or nothing, or leave, are closed and logged once a second', async () => {
    const pair = newPair();
    await pair.start();
    const sockets: Socket[] = [];
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      '*1\r\n$4\r\nPING\r\n',
      '\x00\x01\x02\xff',
      '\x16\x03\x01\xff\xff',
    ]) {
      const socket = await open(pair);
      socket.end(Buffer.from(bytes, 'latin1'));
      sockets.push(socket);
    }
    const silent = await open(pair);
    const gone = await open(pair);
    gone.resetAndDestroy();
    for (const socket of sockets) await closed(socket);
    await closed(silent);
    expect(pair.serverLog.lines.filter((line) => line.includes('handshake failed')).length).toBeLessThanOrEqual(4);
    // And the next one that belongs here is served.
    await pair.connect();
    await until(() => pair.isUp);
  });

  it('are taken only so many at once', async () => {
    const pair = newPair();
    await pair.start();
    const sockets: Socket[] = [];
    for (let i = 0; i < limits.unauthenticatedPeers; i++) sockets.push(await open(pair));
    const oneMore = await open(pair);
    await until(() => oneMore.closed, 1_000);
    expect(sockets.some((socket) => socket.closed)).toBe(false);
    for (const socket of sockets) socket.destroy();
    await pause(20);
    await pair.connect();
    await until(() => pair.isUp);
  });
});

describe('new certificates', () => {
  it('are used for new connections, without a restart of either end', async () => {
    const pair = newPair();
    await pair.start();
    await pair.connect();
    await until(() => pair.isUp);
    // Both ends move to another CA; the connection that stands is left alone.
    pair.directory.write('server', stranger.issue({ commonName: 'new server' }), stranger);
    await pair.serverIdentity?.reload();
    expect(pair.serverLog.text).toMatch(/info TLS: a new certificate is in use.*CN=new server/);
    expect(pair.isUp).toBe(true);
    pair.transport?.setNodes([]);
    pair.transport?.setNodes([pair.entry()]);
    await until(() => /certificate is not of our CA/.test(pair.clientLog.text));
    expect(pair.isUp).toBe(false);
    pair.directory.write('client', stranger.issue(), stranger);
    await pair.clientIdentity?.reload();
    await until(() => pair.isUp);
  });

  it('leave no way in for the session of an old one', async () => {
    const pair = newPair();
    await pair.start();
    await pair.connect();
    await until(() => pair.isUp);
    pair.directory.write('server', authority.issue(), stranger);
    await pair.serverIdentity?.reload();
    // The proxy has a session from before, and knows nothing of the change.
    await pair.server?.close();
    pair.server = new TcpServer({ ...BASE, log: pair.serverLog, handler: pair.node, tls: pair.serverIdentity });
    await pair.server.listen('127.0.0.1', pair.port);
    await until(() => /certificate is not of our CA/.test(pair.serverLog.text));
    expect(pair.isUp).toBe(false);
  });
});
