import type { TLSSocket } from 'node:tls';
import type { ClientCertificates } from '../rpc/tls-door.ts';
import type { TlsIdentity } from '../rpc/tls-identity.ts';

/** How clients of a TLS port are received. */
export interface ClientTls {
  readonly identity: TlsIdentity;
  readonly clientCertificates: ClientCertificates;
  /** A client whose certificate has a user's name as its subject's CN is that user. */
  readonly userFromCertificate: boolean;
}

/** The CN of the subject of the certificate that the client has shown and that was found good; null if there is none. */
export function certifiedName(socket: TLSSocket): string | null {
  if (!socket.authorized) return null;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' && name !== '' ? name : null;
}
