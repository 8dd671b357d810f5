import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { IdleClients } from '../compat-tests/support/idle-clients.ts';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { makeTempDir, spawnJunokv } from '../compat-tests/support/junokv-server.ts';
import { openConnection, type Place } from '../compat-tests/support/open-connection.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { Prober } from './prober.ts';
import type { Report } from './report.ts';

/** With the rest of a process below 20,000 open files; over TLS fewer, for each costs a millisecond of both ends. */
const IDLE = { TCP: 15_000, TLS: 3_000 };
type Transport = keyof typeof IDLE;
const MAX_CLIENTS = 19_000;
/** Come and gone in bursts. */
const STORM = 10_000;
const BURST = 2_000;
/** Connections to the TLS port that never say anything: more than may be there at once. */
const MUTE = 1_500;
/** A proxy's limit on open files, and clients that come. */
const FEW_FILES = 600;
const CROWD = 1_000;
const COMMAND_MS = 120_000;
const GONE_MS = 60_000;
const GONE_POLL_MS = 20;
const REFUSED = '-ERR max number of clients reached\r\n';

/** One proxy and three storage nodes as processes; thousands of clients that do what would hold up others. */
export async function crowdConnections(report: Report): Promise<void> {
  console.log(`\n3 storage processes and a proxy, ${IDLE.TCP} idle clients over TCP, then ${IDLE.TLS} over TLS\n`);
  const dir = makeTempDir('certs');
  try {
    await spawnJunokv('junokv certs', ['certs', dir], dir).waitUntilDone(COMMAND_MS);
    const [plainPort = 0, tlsPort = 0] = await freePorts(2);
    const [certificate = '', key = '', ca = ''] = ['server.crt', 'server.key', 'ca.crt'].map((name) => join(dir, name));
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', ca];
    const tls = ['--tls-port', `${tlsPort}`, '--tls-auth-clients', 'no', ...files];
    const proxy = ['--maxclients', `${MAX_CLIENTS}`, '--cluster-port', `${plainPort}`, ...tls];
    const cluster = await JunokvCluster.start(1, { proxy });
    try {
      const overTls = { port: tlsPort, ca: readFileSync(ca, 'utf8') };
      await new CrowdTest(cluster, { port: plainPort, ca: null }, overTls, report).run();
    } finally {
      await cluster.stop();
    }
    await runShortOfFiles(report);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

class CrowdTest {
  readonly #cluster: JunokvCluster;
  /** Where our own clients are ... */
  readonly #port: number;
  /** ... and the others: the port for cluster-aware clients, so that CLIENT KILL can tell them apart. */
  readonly #plain: Place;
  readonly #tls: Place;
  readonly #report: Report;
  #prober: Prober | null = null;

  constructor(cluster: JunokvCluster, plain: Place, tls: Place, report: Report) {
    this.#cluster = cluster;
    this.#port = cluster.proxyPorts[0] ?? 0;
    this.#plain = plain;
    this.#tls = tls;
    this.#report = report;
  }

  async run(): Promise<void> {
    const client = await RawClient.connect(this.#port);
    this.#prober = await Prober.start(this.#port);
    for (const place of [this.#plain, this.#tls]) {
      const name: Transport = place.ca === null ? 'TCP' : 'TLS';
      await this.#comeAndGo(name, place, client);
      await this.#kill(name, place, client);
    }
    await this.#storm(client);
    await this.#stayMute();
    this.#report.check('another client was always answered', await this.#prober.stop());
    await this.#stop();
  }

  async #timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#prober?.take();
    const startMs = performance.now();
    const result = await work();
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    console.log(`  ${what}: ${seconds} s; ${this.#prober?.take() ?? ''}`);
    return result;
  }

  async #comeAndGo(name: Transport, place: Place, client: RawClient): Promise<void> {
    const count = IDLE[name];
    const idle = new IdleClients();
    try {
      await this.#timed(`${name}: ${count} connect`, () => idle.open(place, count));
      const list = await this.#timed(`${name}: CLIENT LIST`, () => client.command(['CLIENT', 'LIST']));
      const lines = list.toString('latin1').match(/^id=/gm)?.length ?? 0;
      this.#report.check(`${name}: CLIENT LIST has them all`, lines === count + 2 ? [] : [`${lines} lines`]);
      await this.#timed(`${name}: all leave`, async () => {
        const lost = await idle.close();
        this.#report.check(`${name}: none was disconnected`, lost === 0 ? [] : [`${lost} were`]);
        await untilClients(client, 2);
      });
      await idle.open(place, count);
      await this.#timed(`${name}: their process is killed`, async () => {
        idle.stop();
        await untilClients(client, 2);
      });
    } finally {
      idle.stop();
    }
  }

  async #kill(name: Transport, place: Place, client: RawClient): Promise<void> {
    const count = IDLE[name];
    const idle = new IdleClients();
    try {
      await idle.open(place, count);
      const command = ['CLIENT', 'KILL', 'LADDR', `127.0.0.1:${place.port}`];
      const killed = await this.#timed(`${name}: CLIENT KILL`, () => client.command(command));
      const answer = killed.toString('latin1').trim();
      this.#report.check(`${name}: CLIENT KILL takes them all`, answer === `:${count}` ? [] : [answer]);
      await this.#timed(`${name}: they see it`, async () => {
        const endMs = performance.now() + GONE_MS;
        while ((await idle.lost()) < count) {
          if (performance.now() > endMs) throw new Error(`not all are closed after ${GONE_MS} ms`);
          await pause();
        }
      });
    } finally {
      idle.stop();
    }
  }

  async #storm(client: RawClient): Promise<void> {
    const idle = new IdleClients();
    try {
      await this.#timed(`${STORM} connect and leave in bursts of ${BURST}`, async () => {
        for (let done = 0; done < STORM; done += BURST) {
          await idle.open(this.#plain, BURST, BURST);
          await idle.close();
        }
        await untilClients(client, 2);
      });
    } finally {
      idle.stop();
    }
  }

  /** Handshakes that never come: their connections are closed, and who does speak TLS is served as soon as they are. */
  async #stayMute(): Promise<void> {
    const mute: Socket[] = [];
    await this.#timed(`${MUTE} say nothing to the TLS port`, async () => {
      const closed = Array.from({ length: MUTE }, async () => {
        const socket = connect(this.#tls.port, '127.0.0.1');
        mute.push(socket);
        socket.on('error', () => {});
        await once(socket.resume(), 'close');
      });
      await Promise.all(closed);
      const speaking = await openConnection(this.#tls);
      speaking.write('PING\r\n');
      const [reply] = await once(speaking, 'data');
      this.#report.check('then a client is served over TLS', String(reply) === '+PONG\r\n' ? [] : [String(reply)]);
      speaking.destroy();
    });
    for (const socket of mute) socket.destroy();
  }

  async #stop(): Promise<void> {
    const idle = new IdleClients();
    try {
      await idle.open(this.#plain, IDLE.TCP);
      this.#prober = null;
      // Throws when it takes too long.
      await this.#timed(`SIGTERM with ${IDLE.TCP} idle clients`, () => this.#cluster.stopProxy(1));
      const wrong = this.#cluster.ended.filter((text) => !text.endsWith('exit code 0'));
      this.#report.check('a proxy with all of them stops when it is told to', wrong);
    } finally {
      idle.stop();
    }
  }
}

async function untilClients(client: RawClient, most: number): Promise<void> {
  const endMs = performance.now() + GONE_MS;
  for (;;) {
    const info = (await client.command(['INFO', 'clients'])).toString('latin1');
    const clients = Number(/connected_clients:(\d+)/.exec(info)?.[1]);
    if (clients <= most) return;
    if (performance.now() > endMs) throw new Error(`${clients} clients are there after ${GONE_MS} ms`);
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, GONE_POLL_MS));
}

/** As many clients as a proxy has descriptors for, and more that come: they are refused, and it lacks none itself. */
async function runShortOfFiles(report: Report): Promise<void> {
  console.log(`\n3 storage processes and a proxy with ${FEW_FILES} open files, ${CROWD} clients\n`);
  const launcher = ['sh', '-c', `ulimit -n ${FEW_FILES}; exec "$@"`, 'sh'];
  const cluster = await JunokvCluster.start(1, { launcher });
  const sockets: Socket[] = [];
  try {
    const [port = 0] = cluster.proxyPorts;
    const client = await RawClient.connect(port);
    const answers = await Promise.all(
      Array.from({ length: CROWD }, async () => {
        const socket = await openConnection({ port, ca: null });
        sockets.push(socket);
        // A refused one may be reset while it says this.
        socket.on('error', () => {});
        socket.write('PING\r\n');
        const [answer] = await once(socket, 'data');
        return String(answer);
      }),
    );
    const served = answers.filter((answer) => answer === '+PONG\r\n').length;
    const refused = answers.filter((answer) => answer === REFUSED).length;
    const text = `${served} served, ${refused} refused of ${CROWD}`;
    const isRight = served + refused === CROWD && served > FEW_FILES / 2 && served < FEW_FILES;
    report.check(`${text}: nobody was left without an answer`, isRight ? [] : answers);
    const set = (await client.command(['SET', 'k', 'v'])).toString('latin1');
    report.check('the proxy lacks no descriptors itself', [
      ...(set === '+OK\r\n' ? [] : [set]),
      ...(cluster.output.includes('EMFILE') ? [cluster.output] : []),
    ]);
    for (const socket of sockets) socket.destroy();
    await untilClients(client, 1);
    const again = await RawClient.connect(port);
    const get = (await again.command(['GET', 'k'])).toString('latin1');
    report.check('new clients are served when those have gone', get === '$1\r\nv\r\n' ? [] : [get]);
    again.close();
    client.close();
  } finally {
    for (const socket of sockets) socket.destroy();
    await cluster.stop();
  }
}
