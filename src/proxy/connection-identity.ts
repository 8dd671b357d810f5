import { formatAddress } from './admission.ts';
import type { ConnectionEnds, ConnectionHome } from './connection-home.ts';
import type { ProxyContext } from './proxy-context.ts';
import { SessionState } from './session-state.ts';

/** What a connection is from its beginning to its end, and what its client has said of itself. */
export class ConnectionIdentity extends SessionState {
  readonly id: number;
  readonly proxy: ProxyContext;
  readonly createdAtMs: number;
  readonly localAddress: string;
  protected readonly home: ConnectionHome;
  readonly #remoteHost: string;
  readonly #remotePort: number;

  constructor(home: ConnectionHome, ends: ConnectionEnds) {
    super();
    const { proxy } = home;
    this.proxy = proxy;
    this.id = proxy.clients.nextId();
    this.createdAtMs = proxy.clock.wallMs();
    this.localAddress = ends.localAddress;
    this.home = home;
    this.#remoteHost = ends.remoteHost;
    this.#remotePort = ends.remotePort;
  }

  get remoteAddress(): string {
    return formatAddress(this.#remoteHost, this.#remotePort);
  }

  get clusterEnabled(): boolean {
    return this.home.clusterEnabled;
  }

  get encrypted(): boolean {
    return this.home.encrypted;
  }
}
