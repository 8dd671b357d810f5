import { formatHostAndPort } from './host-and-port.ts';
import type { ListeningPlace } from './running.ts';

/** As they are registered. */
export function addressesOf(places: readonly ListeningPlace[]): string[] {
  return places.map(({ host, port }) => formatHostAndPort(host, port));
}

/** For the operator. */
export function placesText(places: readonly ListeningPlace[]): string {
  return places.map(({ host, port, isTls }) => `${host}:${port}${isTls === true ? ' (TLS)' : ''}`).join(', ');
}
