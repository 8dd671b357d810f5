import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { limits } from '../base/limits.ts';
import type { TlsIdentity } from './tls-identity.ts';
import type { TlsMaterial } from './tls-material.ts';

/** How one address is connected to over TLS; remembers the last session, with which the next handshake is cheaper. */
export class TlsLink {
  readonly #identity: TlsIdentity;
  #session: Buffer | null = null;
  #sessionOf: TlsMaterial | null = null;

  constructor(identity: TlsIdentity) {
    this.#identity = identity;
  }

  /**
   * Emits 'secureConnect' once the other end has shown a certificate of our CAs which names `host` (as DNS or IP subject
   * alternative name); else 'error', and it is closed.
   */
  connect(host: string, port: number): TLSSocket {
    const material = this.#identity.current;
    // A session would stand for what was checked with other certificates.
    if (this.#sessionOf !== material) this.#session = null;
    const socket = connect({
      host,
      port,
      // An address is no server name; Node checks the certificate for `host` then.
      servername: isIP(host) === 0 ? host : '',
      secureContext: material.context,
      rejectUnauthorized: true,
      ...(this.#session === null ? {} : { session: this.#session }),
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, limits.tcpKeepAliveMs);
    socket.on('session', (session) => {
      this.#session = session;
      this.#sessionOf = material;
    });
    return socket;
  }
}
