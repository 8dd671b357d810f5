import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';

/** A port of this machine that speaks TLS, and the files (PEM) with which a client connects to it. */
export interface TlsPlace {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where a server of this machine is reached. A number: its port, without TLS. */
export type Place = number | TlsPlace;

export function portOf(place: Place): number {
  return typeof place === 'number' ? place : place.port;
}

/** What is in a client's files. */
export function filesOf({ ca, cert, key }: TlsPlace): { ca: Buffer; cert: Buffer; key: Buffer } {
  return { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
}

/** As options of the clients of Redis: `host`, `port` and perhaps `tls`. */
export function redisOptions(place: Place) {
  const address = { host: '127.0.0.1', port: portOf(place) };
  return typeof place === 'number' ? address : { ...address, tls: filesOf(place) };
}

const contexts = new WeakMap<TlsPlace, SecureContext>();

/** Of a client's files as they were when it was first asked for. */
export function secureContextOf(place: TlsPlace): SecureContext {
  let context = contexts.get(place);
  if (context === undefined) {
    context = createSecureContext(filesOf(place));
    contexts.set(place, context);
  }
  return context;
}
