import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { limits } from '../base/limits.ts';
import { TlsDoor } from '../rpc/tls-door.ts';
import { formatAddress, plainHost, refusalOnAccept } from './admission.ts';
import { authenticateByCertificate } from './authentication.ts';
import { ClientInput, receiveData } from './client-socket.ts';
import { type ClientTls, certifiedName } from './client-tls.ts';
import { Connection } from './connection.ts';
import type { ConnectionEnds, ConnectionHome, ServedConnection } from './connection-home.ts';
import { Lingerer } from './linger.ts';
import { PacedCloser } from './paced-closer.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { QueryBudget } from './query-budget.ts';
import { TurnQueue } from './turn-queue.ts';
import { removeDeadSocket, type SocketFile } from './unix-socket.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** One listening TCP port or Unix socket, and the connections that came in on it. */
export class Listener {
  readonly #proxy: ProxyContext;
  readonly #home: ConnectionHome;
  readonly #connections = new Set<ServedConnection>();
  readonly #input = new ClientInput();
  readonly #server: Server;
  readonly #tls: ClientTls | null;
  readonly #door: TlsDoor | null;
  /** Where the present round of looks at all clients stands. */
  #round = this.#connections.values();
  /** Of a Unix socket. */
  #path = '';
  #isOpen = false;
  #localAddress = '';
  #lastHost = '';

  /** `clusterEnabled`: clients of this port are answered as by a node of a Redis Cluster. `tls`: they come over TLS only. */
  constructor(proxy: ProxyContext, budget: QueryBudget, clusterEnabled: boolean, tls: ClientTls | null = null) {
    const { clock } = proxy;
    this.#proxy = proxy;
    this.#home = {
      proxy,
      budget,
      clusterEnabled,
      encrypted: tls !== null,
      lingerer: new Lingerer(clock),
      closer: new PacedCloser(clock, proxy.clients),
      turns: new TurnQueue(clock),
      left: (connection) => this.#connections.delete(connection),
    };
    this.#tls = tls;
    this.#door = tls === null ? null : this.#makeDoor(tls);
    const door = this.#door;
    // Half open: a client may send its last commands and close its side, and still reads the replies.
    this.#server =
      door === null
        ? createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket))
        : createServer({ noDelay: true }, (socket) => this.#admit(socket, door));
  }

  /** Resolves with the port once it listens; rejects with the system's error, e.g. EADDRINUSE. */
  async listen(address: ListenAddress): Promise<number> {
    await this.#listen({ host: address.host, port: address.port });
    const bound = this.#server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : address.port;
  }

  /**
   * Resolves once it listens on a Unix socket; rejects with the system's error, EADDRINUSE also where `path` is another
   * kind of file. A socket that nobody listens on any more is replaced. `close` removes it.
   */
  async listenOnSocket({ path, mode }: SocketFile): Promise<void> {
    await removeDeadSocket(path);
    await this.#listen({ path });
    this.#path = path;
    if (mode !== 0) chmodSync(path, mode);
  }

  /** Instead of listening: connections that another process has accepted come by `take`. `path`: of a Unix socket, else ''. */
  openForTaken(path: string): void {
    this.#path = path;
    this.#isOpen = true;
  }

  /** A connection that has not been read from (`pauseOnConnect`). */
  take(socket: Socket): void {
    if (this.#isOpen) this.#server.emit('connection', socket);
    else socket.destroy();
  }

  #listen(where: { readonly host: string; readonly port: number } | { readonly path: string }): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...where, backlog: limits.tcpBacklog }, () => {
        this.#isOpen = true;
        server.off('error', reject);
        server.on('error', (error) => this.#proxy.log.error({ err: error }, 'cannot accept client connections'));
        resolve();
      });
    });
  }

  /** No new connections from now on. */
  close(): void {
    this.#isOpen = false;
    if (this.#server.listening) this.#server.close();
  }

  /** Asks every connection to answer what has arrived and to close. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  /** Connections whose sockets are not closed yet. */
  get size(): number {
    return this.#connections.size;
  }

  /** Closes everything at once. */
  destroyAll(): void {
    for (const connection of [...this.#connections]) connection.destroy();
    this.#home.closer.closeAll();
    this.#home.lingerer.destroyAll();
    this.#door?.close();
  }

  /**
   * Looks at some of the clients: those that have been idle too long or do not read are disconnected. Called every
   * limits.rateSampleMs, it comes by everyone once in limits.clientsCheckMs. `nowMs` is monotonic.
   */
  checkClients(nowMs: number): void {
    const idleLimitMs = this.#proxy.config.timeoutSeconds * 1000;
    let left = Math.ceil((this.#connections.size * limits.rateSampleMs) / limits.clientsCheckMs);
    for (; left > 0; left--) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = this.#connections.values();
        return;
      }
      next.value.check(nowMs, idleLimitMs);
    }
  }

  #accept(accepted: Socket): void {
    const { stats, config } = this.#proxy;
    const host = this.#path === '' ? plainHost(accepted.remoteAddress) : this.#path;
    const refusal = refusalOnAccept(this.#proxy, host);
    if (refusal !== null) {
      this.#refuse(accepted, refusal);
      return;
    }
    stats.totalConnections += 1;
    // Asked of the socket that goes, which would keep the answers.
    const ends = this.#endsOf(accepted, host);
    const socket = this.#input.socketOf(accepted);
    if (socket === null) return;
    if (config.tcpKeepaliveSeconds > 0) socket.setKeepAlive(true, config.tcpKeepaliveSeconds * 1000);
    this.#connections.add(new Connection(socket, this.#home, ends));
  }

  #makeDoor({ identity, clientCertificates }: ClientTls): TlsDoor {
    const { clock, log, stats } = this.#proxy;
    return new TlsDoor({
      identity,
      clientCertificates,
      handshakeMs: limits.tlsHandshakeMs,
      clock,
      log,
      port: 'client',
      onSecure: (socket) => this.#serve(socket),
      onFailure: () => {
        stats.tlsHandshakesFailed += 1;
      },
    });
  }

  /** Before the handshake is done nothing can be said: whom there is no room for is let go, as by Redis. */
  #admit(accepted: Socket, door: TlsDoor): void {
    const { stats, config, clients } = this.#proxy;
    const isFull =
      clients.taken + door.handshakes >= config.maxClientsHere || door.handshakes >= limits.tlsHandshakesAtOnce;
    if (isFull) {
      stats.rejectedConnections += 1;
      accepted.on('error', () => {});
      accepted.destroy();
    } else door.admit(accepted);
  }

  /** A client whose TLS handshake is done. */
  #serve(socket: TLSSocket): void {
    const { stats, config } = this.#proxy;
    const host = plainHost(socket.remoteAddress);
    socket.allowHalfOpen = true;
    if (!this.#isOpen) {
      // Too late: those that had come by then are asked to leave already.
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const refusal = refusalOnAccept(this.#proxy, host);
    if (refusal !== null) {
      this.#refuse(socket, refusal);
      return;
    }
    stats.totalConnections += 1;
    if (config.tcpKeepaliveSeconds > 0) socket.setKeepAlive(true, config.tcpKeepaliveSeconds * 1000);
    const connection = new Connection(socket, this.#home, this.#endsOf(socket, host));
    receiveData(socket);
    this.#connections.add(connection);
    const name = this.#tls?.userFromCertificate === true ? certifiedName(socket) : null;
    if (name !== null) authenticateByCertificate(connection, name);
  }

  #refuse(accepted: Socket, refusal: string): void {
    this.#proxy.stats.rejectedConnections += 1;
    accepted.on('error', () => {});
    accepted.end(`-${refusal}\r\n`, () => {
      if (!accepted.destroyed) this.#home.lingerer.add(accepted);
    });
  }

  #endsOf(accepted: Socket, host: string): ConnectionEnds {
    const local = formatAddress(this.#path === '' ? plainHost(accepted.localAddress) : host, accepted.localPort ?? 0);
    // Mostly the same for all: kept once.
    if (local !== this.#localAddress) this.#localAddress = local;
    if (host !== this.#lastHost) this.#lastHost = host;
    return { remoteHost: this.#lastHost, remotePort: accepted.remotePort ?? 0, localAddress: this.#localAddress };
  }
}
