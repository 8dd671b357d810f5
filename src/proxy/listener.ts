import { createServer, type Server, type Socket } from 'node:net';
import { limits } from '../base/limits.ts';
import { formatAddress, plainHost, refusalOnAccept } from './admission.ts';
import { ClientInput } from './client-socket.ts';
import { Connection } from './connection.ts';
import { Lingerer } from './linger.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { QueryBudget } from './query-budget.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** One listening TCP port and the connections that came in on it. */
export class Listener {
  readonly #proxy: ProxyContext;
  readonly #budget: QueryBudget;
  readonly #clusterEnabled: boolean;
  readonly #lingerer: Lingerer;
  readonly #connections = new Set<Connection>();
  readonly #input = new ClientInput();
  readonly #server: Server;

  /** `clusterEnabled`: clients of this port are answered as by a node of a Redis Cluster. */
  constructor(proxy: ProxyContext, budget: QueryBudget, clusterEnabled: boolean) {
    this.#proxy = proxy;
    this.#budget = budget;
    this.#clusterEnabled = clusterEnabled;
    this.#lingerer = new Lingerer(proxy.clock);
    // Half open: a client may send its last commands and close its side, and still reads the replies.
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
    this.#server = createServer(options, (socket) => this.#accept(socket));
  }

  /** Resolves with the port once it listens; rejects with the system's error, e.g. EADDRINUSE. */
  listen(address: ListenAddress): Promise<number> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address.host, port: address.port, backlog: limits.tcpBacklog }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#proxy.log.error({ err: error }, 'cannot accept client connections'));
        const bound = server.address();
        resolve(bound !== null && typeof bound === 'object' ? bound.port : address.port);
      });
    });
  }

  /** No new connections from now on. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Asks every connection to answer what is under way and to close. */
  drain(): void {
    for (const connection of this.#connections) connection.closeAfterReplies();
  }

  /** Closes everything at once. */
  destroyAll(): void {
    for (const connection of [...this.#connections]) connection.destroy();
    this.#lingerer.destroyAll();
  }

  /** Disconnects clients that have been idle too long or do not read. `nowMs` is monotonic. */
  checkClients(nowMs: number): void {
    const idleLimitMs = this.#proxy.config.timeoutSeconds * 1000;
    for (const connection of this.#connections) {
      const idle = idleLimitMs > 0 && !connection.monitoring && connection.idleMs(nowMs) > idleLimitMs;
      if (idle) connection.destroy();
      else connection.checkOutputLimit(nowMs);
    }
  }

  #accept(accepted: Socket): void {
    const { stats, config } = this.#proxy;
    const host = plainHost(accepted.remoteAddress);
    const refusal = refusalOnAccept(this.#proxy, host);
    if (refusal !== null) {
      stats.rejectedConnections += 1;
      accepted.on('error', () => {});
      accepted.end(`-${refusal}\r\n`, () => {
        if (!accepted.destroyed) this.#lingerer.add(accepted);
      });
      return;
    }
    stats.totalConnections += 1;
    const socket = this.#input.socketOf(accepted, (chunk) => connection.received(chunk));
    if (config.tcpKeepaliveSeconds > 0) socket.setKeepAlive(true, config.tcpKeepaliveSeconds * 1000);
    const connection = new Connection(socket, {
      proxy: this.#proxy,
      budget: this.#budget,
      lingerer: this.#lingerer,
      clusterEnabled: this.#clusterEnabled,
      remoteAddress: formatAddress(host, socket.remotePort ?? 0),
      localAddress: formatAddress(plainHost(socket.localAddress), socket.localPort ?? 0),
    });
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }
}
