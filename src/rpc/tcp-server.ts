import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ProtocolVersions } from './protocol-table.ts';
import { ServerConnection } from './server-connection.ts';
import { ServerHandshake } from './server-handshake.ts';
import { TlsDoor } from './tls-door.ts';
import type { TlsIdentity } from './tls-identity.ts';
import type { CallHandler } from './transport.ts';

export interface TcpServerOptions {
  readonly handler: CallHandler;
  readonly clusterId: string;
  /** Without it a peer gets no answer. */
  readonly secret: Buffer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Connections are TLS, and whoever connects must show a certificate of its CAs. Default: plain. */
  readonly tls?: TlsIdentity | null;
  /** Default: what this program speaks. */
  readonly versions?: ProtocolVersions;
}

/** One connection, from its first byte to its end. */
interface Peer {
  readonly socket: Socket;
  readonly handshakeTimer: Timer;
  connection: ServerConnection | null;
}

/** A storage node's port: authenticates proxies, then hands their requests to the handler. */
export class TcpServer {
  readonly #options: TcpServerOptions;
  readonly #server: Server;
  readonly #door: TlsDoor | null;
  readonly #peers = new Set<Peer>();
  #unauthenticated = 0;
  #failures = 0;
  #failuresLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: TcpServerOptions) {
    this.#options = options;
    const { tls = null, clock, log } = options;
    const onSecure = (socket: Socket): void => this.#greet(socket);
    this.#door =
      tls === null
        ? null
        : new TlsDoor({
            identity: tls,
            clientCertificates: 'required',
            handshakeMs: limits.handshakeTimeMs,
            clock,
            log,
            port: 'storage',
            onSecure,
          });
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.tcpKeepAliveMs });
    this.#server.on('connection', (socket) => this.#accept(socket));
  }

  /** Resolves to the port (of use with port 0); rejects with the system's error, such as EADDRINUSE. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.log.warn({ error }, 'storage port'));
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Takes no more connections; what was answered leaves, within limits.peerCloseMs, then all are closed. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const peer of this.#peers) {
      peer.connection?.flush();
      peer.connection?.close();
      peer.socket.end();
    }
    const timer = this.#options.clock.after(limits.peerCloseMs, () => {
      for (const peer of this.#peers) peer.socket.destroy();
      this.#door?.close();
    });
    return closed.finally(() => {
      timer.cancel();
      this.#door?.close();
    });
  }

  #accept(socket: Socket): void {
    const strangers = this.#unauthenticated + (this.#door?.handshakes ?? 0);
    if (strangers >= limits.unauthenticatedPeers || this.#peers.size >= limits.peersPerNode) {
      socket.on('error', () => {});
      socket.destroy();
    } else if (this.#door === null) this.#greet(socket);
    else this.#door.admit(socket);
  }

  /** Begins the handshake of the protocol. */
  #greet(socket: Socket): void {
    socket.on('error', () => {}); // 'close' follows
    this.#unauthenticated++;
    const handshakeTimer = this.#options.clock.after(limits.handshakeTimeMs, () => socket.destroy());
    const peer: Peer = { socket, handshakeTimer, connection: null };
    this.#peers.add(peer);
    const handshake = new ServerHandshake(socket, this.#options);
    socket.on('close', () => {
      this.#peers.delete(peer);
      if (peer.connection === null) this.#endHandshake(peer);
      peer.connection?.close();
    });
    socket.on('data', (chunk: Buffer) => {
      const alive = peer.connection === null ? this.#shake(peer, handshake, chunk) : this.#feed(peer, handshake, chunk);
      if (!alive) socket.destroy();
    });
  }

  #endHandshake(peer: Peer): void {
    peer.handshakeTimer.cancel();
    this.#unauthenticated--;
  }

  #shake(peer: Peer, handshake: ServerHandshake, chunk: Buffer): boolean {
    const outcome = handshake.feed(chunk);
    switch (outcome) {
      case 'more':
        return true;
      case 'failed':
        this.#logFailure(peer, 'a peer did not prove the cluster secret');
        return false;
      case 'refused':
        // Of other reasons only the proxy knows whether they matter; these are an operator's mistakes.
        if (handshake.refusal?.reason === 'version' || handshake.refusal?.reason === 'cluster') {
          this.#logFailure(peer, handshake.refusal.detail);
        }
        peer.socket.end();
        return true;
      case 'done': {
        const { handler, clock, log } = this.#options;
        this.#endHandshake(peer);
        const onOverrun = (): void =>
          log.warn({ peer: peer.socket.remoteAddress }, 'a peer does not take its responses');
        peer.connection = new ServerConnection(peer.socket, handler, clock, handshake.protocolVersion, onOverrun);
        return true;
      }
      default:
        return false;
    }
  }

  /** At most one line in limits.peerFailureLogMs, whatever strangers do. */
  #logFailure(peer: Peer, message: string): void {
    this.#failures++;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#failuresLoggedMs < limits.peerFailureLogMs) return;
    this.#failuresLoggedMs = nowMs;
    const fields = { peer: peer.socket.remoteAddress, failures: this.#failures };
    this.#options.log.warn(fields, message);
  }

  #feed(peer: Peer, handshake: ServerHandshake, chunk: Buffer): boolean {
    assert(peer.connection !== null, 'the handshake is done');
    const whole = handshake.parser.feed(chunk, peer.connection);
    peer.connection.endOfRead();
    if (!whole) this.#options.log.warn({ peer: peer.socket.remoteAddress }, 'a peer sent what is no frame of requests');
    return whole;
  }
}
