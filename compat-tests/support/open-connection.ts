import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Where a server is, on this machine. */
export interface Place {
  readonly port: number;
  /** PEM of the CA that its certificate must be of; null: plain TCP. */
  readonly ca: string | null;
}

/** Resolves once connected, over TLS with the handshake done. `localAddress`: this end's, of 127.0.0.0/8. */
export function openConnection({ port, ca }: Place, localAddress?: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const host = '127.0.0.1';
    const from = localAddress === undefined ? {} : { localAddress };
    const tcp = connect({ port, host, noDelay: true, ...from });
    const socket = ca === null ? tcp : connectTls({ socket: tcp, host, ca });
    socket.once('error', reject);
    socket.once(ca === null ? 'connect' : 'secureConnect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
