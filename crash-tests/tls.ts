import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Redis } from 'ioredis';
import type { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePort } from '../compat-tests/support/free-port.ts';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { makeTempDir, spawnJunokv, waitUntilPrintedReady } from '../compat-tests/support/junokv-server.ts';
import { filesOf, redisOptions, type TlsPlace } from '../compat-tests/support/place.ts';
import type { Report } from './report.ts';
import { TlsLoad } from './tls-load.ts';

const STEADY_MS = 2_000;
const KILLED_MS = 3_000;
const BACK_MS = 2_000;
const COMMAND_MS = 120_000;
const REFUSED_MS = 60_000;
const CONNECTIONS = 6;
/** Alice has a certificate. */
const NO_PASSWORD = '0'.repeat(64);

/**
 * Three zones and two proxies as processes of their own, over TLS everywhere: a write load goes on while a storage process is
 * killed and certificates are replaced, and whoever has other certificates gets nowhere.
 */
export async function serveOverTls(report: Report): Promise<void> {
  console.log(
    `\n3 storage processes, 2 proxies, ${CONNECTIONS} writers, all over TLS with certificates on both ends\n`,
  );
  const certs = makeTempDir('certs');
  const test = new TlsTest(certs, report);
  try {
    await test.run();
  } finally {
    await test.stop();
    rmSync(certs, { recursive: true, force: true });
  }
}

class TlsTest {
  readonly #certs: string;
  readonly #report: Report;
  #cluster: JunokvCluster | null = null;
  /** Proxies that JunokvCluster knows nothing of: one without a plain port, one with the certificates of another cluster. */
  readonly #others: ChildServer[] = [];

  constructor(certs: string, report: Report) {
    this.#certs = certs;
    this.#report = report;
  }

  async run(): Promise<void> {
    await this.#makeCertificates('own', ['--clients', 'writer,alice']);
    await this.#makeCertificates('foreign', []);
    const users = join(this.#certs, 'users.json');
    const alice = { name: 'alice', passwordHash: `sha256:${NO_PASSWORD}`, access: 'read' };
    writeFileSync(users, JSON.stringify([alice]), { mode: 0o600 });
    const [first, second] = [await freePort(), await freePort()];
    const inside = this.#insideOptions('own');
    const listening = (port: number): string[] => [
      ...['--tls-port', `${port}`, '--tls-cert-file', this.#file('own', 'server.crt')],
      ...['--tls-key-file', this.#file('own', 'server.key'), '--tls-ca-cert-file', this.#file('own', 'ca.crt')],
      ...['--tls-auth-clients-user', 'cn', '--users', users],
    ];
    const cluster = await JunokvCluster.start(1, { storage: inside, proxy: [...inside, ...listening(first)] });
    this.#cluster = cluster;
    const alone = this.#spawnProxy('own', ['--port', '0', ...listening(second)]);
    await waitUntilPrintedReady(alone);

    const load = new TlsLoad([this.#place(first), this.#place(second)], CONNECTIONS);
    const failures: string[] = [];
    const phase = (name: string): void => {
      const { acknowledged, problems } = load.takeFigures();
      console.log(`  ${name}: ${acknowledged} acknowledged, ${problems.length} errors`);
      failures.push(...problems.map((problem) => `${name}: ${problem}`));
      if (acknowledged === 0) failures.push(`${name}: nothing was acknowledged`);
    };
    load.start();
    await pause(STEADY_MS);
    phase('all nodes there');
    await cluster.killStorage(2);
    await pause(KILLED_MS);
    phase('node 2 killed');
    await cluster.startStorage(2);
    await pause(BACK_MS);
    phase('node 2 started again');
    const places = [this.#place(first), this.#place(second)];
    const before = await Promise.all(places.map(serialShown));
    await this.#replaceCertificates();
    const after = await Promise.all(places.map(serialShown));
    const old = after.filter((serial) => serial === '' || before.includes(serial));
    this.#report.check('both proxies show their new certificates, told or not', old);
    await cluster.killStorage(3);
    await cluster.startStorage(3);
    await pause(BACK_MS);
    phase('new certificates everywhere, node 3 killed and started again');
    await this.#tryStrangers(cluster, second);
    phase('strangers at every port');
    const lost = await load.stopAndCheck();
    this.#report.check('no request failed', failures);
    this.#report.check('every acknowledged write is there', lost);
    this.#report.check('no process ended by itself', cluster.ended);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#others.map((proxy) => proxy.stop()));
    await this.#cluster?.stop();
  }

  #file(of: string, name: string): string {
    return join(this.#certs, of, name);
  }

  async #makeCertificates(of: string, options: readonly string[]): Promise<void> {
    const command = spawnJunokv('junokv certs', ['certs', join(this.#certs, of), ...options], this.#certs);
    await command.waitUntilDone(COMMAND_MS);
  }

  #insideOptions(of: string): string[] {
    return [
      ...['--cluster-tls-cert-file', this.#file(of, 'node.crt'), '--cluster-tls-key-file', this.#file(of, 'node.key')],
      ...['--cluster-tls-ca-cert-file', this.#file(of, 'cluster-ca.crt')],
    ];
  }

  #place(port: number, client = 'client-writer'): TlsPlace {
    return {
      port,
      ca: this.#file('own', 'ca.crt'),
      cert: this.#file('own', `${client}.crt`),
      key: this.#file('own', `${client}.key`),
    };
  }

  #spawnProxy(of: string, options: readonly string[]): ChildServer {
    const dir = this.#cluster?.dir ?? '';
    const shared = ['--map', join(dir, 'cluster-map.json'), '--secret', join(dir, 'cluster-secret')];
    const args = ['proxy', ...shared, '--keystore', join(dir, 'keystore.json'), ...this.#insideOptions(of), ...options];
    const proxy = spawnJunokv('another junokv proxy', args, dir);
    this.#others.push(proxy);
    return proxy;
  }

  /** All certificates but those of the CAs and the clients are made anew; storage nodes are told, proxies look by themselves. */
  async #replaceCertificates(): Promise<void> {
    const { storage = [] } = this.#cluster?.pids ?? {};
    for (const name of ['server', 'node']) {
      for (const extension of ['crt', 'key']) rmSync(this.#file('own', `${name}.${extension}`));
    }
    await this.#makeCertificates('own', []);
    for (const pid of storage) process.kill(pid, 'SIGHUP');
    await pause(BACK_MS);
  }

  async #tryStrangers(cluster: JunokvCluster, tlsPort: number): Promise<void> {
    const wrong: string[] = [];
    const foreign = this.#spawnProxy('foreign', ['--port', `${await freePort()}`]);
    await waitUntilPrintedReady(foreign);
    await foreign
      .waitUntilReady(async () => foreign.output.includes('the certificate is not of our CA'), REFUSED_MS)
      .catch((error: Error) => wrong.push(error.message));
    this.#report.check('a proxy with the certificates of another cluster reaches no storage node, and says why', wrong);

    const status = cluster.command(['cluster', 'status', ...this.#insideOptions('own')]);
    const unasked = await status.waitUntilDone(COMMAND_MS).then(
      () => [],
      (error: Error) => [error.message],
    );
    this.#report.check('junokv cluster status asks the nodes over TLS', unasked);

    const alice = open(this.#place(tlsPort, 'client-alice'));
    const reply = await alice.set('not', 'allowed').catch((error: Error) => error.message);
    alice.disconnect();
    const isReader = String(reply).startsWith('NOPERM');
    this.#report.check('a certificate makes its client the user that it names', isReader ? [] : [String(reply)]);

    const answers = await Promise.all([tlsPort, ...storagePorts(cluster)].map((port) => sendPlain(port)));
    const talkative = answers.filter((answer) => answer.includes('PONG'));
    this.#report.check('plain bytes are answered by no port of TLS', talkative);
  }
}

/** Where its storage nodes listen. */
function storagePorts({ dir }: JunokvCluster): number[] {
  const { zones }: { zones: { nodes: { port: number }[] }[] } = JSON.parse(
    readFileSync(join(dir, 'cluster-map.json'), 'utf8'),
  ).map;
  return zones.flatMap(({ nodes }) => nodes.map(({ port }) => port));
}

/** Connects once; fails where that does. */
function open(place: TlsPlace): Redis {
  return new Redis({ ...redisOptions(place), retryStrategy: () => null, maxRetriesPerRequest: 0 }).on(
    'error',
    () => {},
  );
}

/** The serial number of the certificate that is shown there; '' where there is none. */
function serialShown(place: TlsPlace): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: place.port, ...filesOf(place) }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', () => resolve(''));
  });
}

/** What comes back to a PING without TLS until the connection is closed, which must be soon. */
function sendPlain(port: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = createConnection(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const timer = setTimeout(() => {
      answer += 'PONG? it is still open';
      socket.destroy();
    }, REFUSED_MS);
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
