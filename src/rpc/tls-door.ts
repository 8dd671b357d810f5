import { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { tlsProblem } from './tls-problem.ts';

/** Must others show a certificate of the CAs; may they; or are they not asked for one. */
export type ClientCertificates = 'required' | 'optional' | 'unasked';

export interface TlsDoorOptions {
  readonly identity: TlsIdentity;
  readonly clientCertificates: ClientCertificates;
  /** From `admit` to the end of the handshake. */
  readonly handshakeMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What the log calls the port. */
  readonly port: 'client' | 'storage';
  /** Gets each connection whose handshake is done, and whose certificate is good or was not needed. */
  readonly onSecure: (socket: TLSSocket) => void;
  /** Told of each handshake that came to nothing. */
  readonly onFailure?: () => void;
}

/**
 * Makes TLS connections out of those that a server has accepted. What fails to become one is closed, counted, and logged at
 * most once in limits.tlsFailureLogMs.
 */
export class TlsDoor {
  readonly #options: TlsDoorOptions;
  readonly #server: Server;
  readonly #stopFollowing: () => void;
  /** All that came in and have not closed yet. */
  readonly #accepted = new Set<Socket>();
  #handshakes = 0;
  #failures = 0;
  #failuresLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: TlsDoorOptions) {
    this.#options = options;
    const { identity, clientCertificates } = options;
    // It never listens: connections are handed to it.
    this.#server = createServer({
      ...identity.current.options,
      requestCert: clientCertificates !== 'unasked',
      // With 'optional' a certificate that is shown must be good all the same, see #secured.
      rejectUnauthorized: clientCertificates === 'required',
      handshakeTimeout: options.handshakeMs,
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket));
    this.#stopFollowing = identity.onChange(() => this.#server.setSecureContext(identity.current.options));
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.#handshakes;
  }

  /** Handshakes that came to nothing, since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Takes over a connection that nobody has read from. */
  admit(accepted: Socket): void {
    this.#handshakes++;
    this.#accepted.add(accepted);
    // Node keeps what it was once asked for beyond the connection's end.
    void accepted.remoteAddress;
    accepted.on('error', () => {}); // 'tlsClientError' or the TLS socket's own follows
    accepted.on('close', () => this.#accepted.delete(accepted));
    this.#server.emit('connection', accepted);
  }

  /** Closes everything that came in through it, and follows no changes of certificates any more. */
  close(): void {
    this.#stopFollowing();
    for (const socket of [...this.#accepted]) socket.destroy();
  }

  #secured(socket: TLSSocket): void {
    this.#handshakes--;
    socket.disableRenegotiation();
    // Node leaves it undefined, null or an Error's code, whatever its declaration says.
    const problem: unknown = socket.authorizationError;
    const hasShown = Object.keys(socket.getPeerCertificate()).length > 0;
    if (this.#options.clientCertificates === 'optional' && hasShown && !socket.authorized) {
      socket.on('error', () => {});
      socket.destroy();
      this.#countFailure(tlsProblem(String(problem)), socket);
      return;
    }
    this.#options.onSecure(socket);
  }

  #failed(error: Error, socket: TLSSocket): void {
    this.#handshakes--;
    const refused: unknown = socket.authorizationError;
    const code = 'code' in error ? String(error.code) : error.message;
    this.#countFailure(tlsProblem(typeof refused === 'string' ? refused : code), socket);
    socket.destroy();
  }

  #countFailure(problem: string, socket: TLSSocket): void {
    this.#failures++;
    this.#options.onFailure?.();
    const { clock, log, port } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#failuresLoggedMs < limits.tlsFailureLogMs) return;
    this.#failuresLoggedMs = nowMs;
    log.warn({ port, peer: peerOf(socket), problem, failures: this.#failures }, 'a TLS handshake failed');
  }
}

/** The address of the other end, also of a connection that is closed already. */
function peerOf(socket: TLSSocket): string | undefined {
  const accepted: unknown = Reflect.get(socket, '_parent');
  return accepted instanceof Socket ? accepted.remoteAddress : socket.remoteAddress;
}
