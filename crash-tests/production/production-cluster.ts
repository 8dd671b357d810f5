import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { ChaosCluster, type ChaosClusterOptions } from '../../chaos/chaos-cluster.ts';
import { NODES_PER_ZONE, PROXIES, SMALL_DISKS } from '../../chaos/storm.ts';
import { RunningEtcd } from '../../compat-tests/support/etcd-server.ts';
import { freePorts } from '../../compat-tests/support/free-port.ts';
import { makeTempDir, spawnJunokv } from '../../compat-tests/support/junokv-server.ts';
import { filesOf, type TlsPlace } from '../../compat-tests/support/place.ts';
import { Haproxy } from '../haproxy.ts';

const COMMAND_MS = 180_000;
const MAP_KEY = '/junokv/map';

/** What clients of the proxies, processes inside and clients of etcd show: three CAs that have nothing to do with each other. */
interface Certificates {
  /** Directory of `junokv certs` for the cluster. */
  readonly cluster: string;
  /** ... and for etcd, which has CAs of its own. */
  readonly etcd: string;
}

/** As in production: etcd, two storage nodes in each of three zones, two proxies and HAProxy, with TLS on every connection. */
export class ProductionCluster {
  readonly etcd: RunningEtcd;
  readonly cluster: ChaosCluster;
  readonly haproxy: Haproxy;
  /** HAProxy, for clients. */
  readonly place: TlsPlace;
  readonly #dir: string;
  readonly #mapReader: Etcd3;

  private constructor(dir: string, etcd: RunningEtcd, mapReader: Etcd3, cluster: ChaosCluster, haproxy: Haproxy) {
    this.#dir = dir;
    this.etcd = etcd;
    this.#mapReader = mapReader;
    this.cluster = cluster;
    this.haproxy = haproxy;
    if (typeof haproxy.place === 'number') throw new Error('HAProxy serves without TLS');
    this.place = haproxy.place;
  }

  /** Resolves when everything serves. */
  static async start(say: (line: string) => void): Promise<ProductionCluster> {
    const dir = makeTempDir('production');
    // What has been started, the latest first.
    const undo: (() => Promise<void> | void)[] = [() => rmSync(dir, { recursive: true, force: true })];
    try {
      const certificates = await makeCertificates(dir);
      say('certificates made by junokv certs');
      const etcd = await RunningEtcd.start(etcdCertificate(certificates));
      undo.unshift(() => etcd.stop());
      say(`etcd at ${etcd.url}, for clients with a certificate`);
      const mapReader = readerOf(etcd, certificates);
      undo.unshift(() => mapReader.close());
      const httpPorts = await freePorts(PROXIES);
      const cluster = await ChaosCluster.start(clusterOptions(certificates, etcd, mapReader, httpPorts));
      undo.unshift(() => cluster.stop());
      say(`${cluster.nodes.length} storage nodes and ${cluster.proxies.length} proxies, their map in etcd`);
      const places = cluster.proxyPlaces.map((place) => (typeof place === 'number' ? place : place.port));
      const haproxy = await Haproxy.startForTls(places, httpPorts, clientFiles(certificates), dir);
      undo.unshift(() => haproxy.stop());
      const production = new ProductionCluster(dir, etcd, mapReader, cluster, haproxy);
      say(`HAProxy at 127.0.0.1:${production.place.port}, which passes TLS through`);
      return production;
    } catch (error) {
      for (const step of undo) await step();
      throw error;
    }
  }

  /** Runs a `junokv cluster` command and resolves to what it printed. */
  async command(words: readonly string[]): Promise<string> {
    const command = this.cluster.command(words);
    await command.waitUntilDone(COMMAND_MS);
    return command.output;
  }

  /** Those of its processes that have ended, and how. */
  get ended(): readonly string[] {
    const others = { etcd: this.etcd.exitText, haproxy: this.haproxy.exitText };
    const ended = Object.entries(others).flatMap(([name, text]) => (text === null ? [] : [`${name}: ${text}`]));
    return [...this.cluster.ended, ...ended];
  }

  /** Ends all processes and removes the files. */
  async stop(): Promise<void> {
    await this.haproxy.stop();
    await this.cluster.stop();
    this.#mapReader.close();
    await this.etcd.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function makeCertificates(dir: string): Promise<Certificates> {
  const certificates = { cluster: join(dir, 'certs'), etcd: join(dir, 'etcd-certs') };
  const all = Object.values(certificates).map((path) => spawnJunokv('junokv certs', ['certs', path], dir));
  for (const command of all) await command.waitUntilDone(COMMAND_MS);
  return certificates;
}

function etcdCertificate({ etcd }: Certificates) {
  return { ca: join(etcd, 'cluster-ca.crt'), cert: join(etcd, 'node.crt'), key: join(etcd, 'node.key') };
}

function clientFiles({ cluster }: Certificates) {
  return {
    ca: join(cluster, 'ca.crt'),
    cert: join(cluster, 'client-client.crt'),
    key: join(cluster, 'client-client.key'),
  };
}

function readerOf(etcd: RunningEtcd, certificates: Certificates): Etcd3 {
  const { ca, cert, key } = filesOf({ port: 0, ...etcdCertificate(certificates) });
  return new Etcd3({ hosts: etcd.url, credentials: { rootCertificate: ca, privateKey: key, certChain: cert } });
}

function clusterOptions(
  certificates: Certificates,
  etcd: RunningEtcd,
  mapReader: Etcd3,
  httpPorts: readonly number[],
): ChaosClusterOptions {
  const file = (name: string): string => join(certificates.cluster, name);
  const leftHttpPorts = [...httpPorts];
  return {
    nodesPerZone: NODES_PER_ZONE,
    proxies: PROXIES,
    smallDisks: SMALL_DISKS,
    map: { options: etcd.options, read: async () => (await mapReader.get(MAP_KEY).string()) ?? '{}' },
    inside: [
      ...['--cluster-tls-cert-file', file('node.crt'), '--cluster-tls-key-file', file('node.key')],
      ...['--cluster-tls-ca-cert-file', file('cluster-ca.crt')],
    ],
    outside: (port) => ({
      place: { port, ...clientFiles(certificates) },
      options: [
        ...['--port', '0', '--tls-port', `${port}`, '--tls-cert-file', file('server.crt')],
        ...['--tls-key-file', file('server.key'), '--tls-ca-cert-file', file('ca.crt')],
        // DEBUG: as the servers have it that the compat suite starts.
        ...['--http-port', `${leftHttpPorts.shift() ?? 0}`, '--enable-debug-command', 'yes'],
      ],
    }),
  };
}
