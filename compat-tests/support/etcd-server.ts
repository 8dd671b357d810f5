import { rmSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { ChildServer } from './child-server.ts';
import { freePorts } from './free-port.ts';
import { makeTempDir } from './junokv-server.ts';
import { filesOf } from './place.ts';

const READY_MS = 120_000;
const ASK_MS = 2_000;

/** Files (PEM) of a CA and of one certificate of it, good for servers and for clients. */
export interface EtcdCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** One etcd on free ports of the loopback, which can be killed and started again on its data. */
export class RunningEtcd {
  readonly url: string;
  readonly #port: number;
  readonly #dir = makeTempDir('etcd');
  readonly #peerUrl: string;
  readonly #certificate: EtcdCertificate | null;
  #process: ChildServer | null = null;

  private constructor([port = 0, peerPort = 0]: readonly number[], certificate: EtcdCertificate | null) {
    const scheme = certificate === null ? 'http' : 'https';
    this.#port = port;
    this.#certificate = certificate;
    this.url = `${scheme}://127.0.0.1:${port}`;
    this.#peerUrl = `${scheme}://127.0.0.1:${peerPort}`;
  }

  /** With a certificate it speaks TLS, and only to clients that show one of the same CA. Resolves when it answers. */
  static async start(certificate: EtcdCertificate | null = null): Promise<RunningEtcd> {
    const etcd = new RunningEtcd(await freePorts(2), certificate);
    try {
      await etcd.startAgain();
    } catch (error) {
      await etcd.stop();
      throw error;
    }
    return etcd;
  }

  /** Options with which a junokv reaches it. */
  get options(): readonly string[] {
    if (this.#certificate === null) return ['--etcd', this.url];
    const { ca, cert, key } = this.#certificate;
    return ['--etcd', this.url, '--etcd-ca', ca, '--etcd-cert', cert, '--etcd-key', key];
  }

  /** How it ended; null while it runs. */
  get exitText(): string | null {
    return this.#process?.exitText ?? null;
  }

  /** On its data and its ports; resolves when it answers. */
  async startAgain(): Promise<void> {
    const process = new ChildServer({
      name: `etcd ${this.url}`,
      command: 'etcd',
      args: [
        ...['--data-dir', join(this.#dir, 'data'), '--logger', 'zap', '--log-level', 'error'],
        ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
        ...['--listen-peer-urls', this.#peerUrl, '--initial-advertise-peer-urls', this.#peerUrl],
        ...['--initial-cluster', `default=${this.#peerUrl}`, ...tlsOptions(this.#certificate)],
      ],
      cwd: this.#dir,
    });
    this.#process = process;
    await process.waitUntilReady(() => this.#isHealthy(), READY_MS);
  }

  /** `kill -9`; what it has stays. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Asks it to stop, and starts it again; resolves when it answers. */
  async restart(): Promise<void> {
    await this.#process?.stop();
    await this.startAgain();
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #isHealthy(): Promise<boolean> {
    try {
      if (this.#certificate !== null) return (await this.#askOverTls(this.#certificate)).includes('"true"');
      const response = await fetch(`${this.url}/health`);
      return response.ok && (await response.text()).includes('"true"');
    } catch {
      return false;
    }
  }

  #askOverTls(certificate: EtcdCertificate): Promise<string> {
    const files = filesOf({ port: this.#port, ...certificate });
    return new Promise((resolve, reject) => {
      const request = get(`${this.url}/health`, { ...files, agent: false, timeout: ASK_MS }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => resolve(text));
        response.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error('no answer')));
      request.on('error', reject);
    });
  }
}

function tlsOptions(certificate: EtcdCertificate | null): readonly string[] {
  if (certificate === null) return [];
  const { ca, cert, key } = certificate;
  return [
    ...['--cert-file', cert, '--key-file', key, '--trusted-ca-file', ca, '--client-cert-auth'],
    ...['--peer-cert-file', cert, '--peer-key-file', key, '--peer-trusted-ca-file', ca, '--peer-client-cert-auth'],
  ];
}
