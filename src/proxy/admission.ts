import { isIPv4, isIPv6 } from 'node:net';
import type { ProxyContext } from './proxy-context.ts';

const TOO_MANY_CLIENTS = 'ERR max number of clients reached';
/** Redis 7's text, without the advice that is not true here. */
const PROTECTED_MODE =
  'DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the ' +
  'default user. In this mode connections are only accepted from the loopback interface. If you want to connect from ' +
  'external computers to Redis you may adopt one of the following solutions: ' +
  "1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by " +
  'connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible ' +
  "from internet if you do so. 2) Set up an authentication password for the default user, with the '--requirepass' " +
  "option or by sending the command 'CONFIG SET requirepass' from the loopback interface. NOTE: You only need to do " +
  'one of the above things in order for the server to start accepting connections from the outside.';

/** Why a new connection from `host` is refused, as the text of an error line; null to accept it. */
export function refusalOnAccept(proxy: ProxyContext, host: string): string | null {
  const { config, clients, users } = proxy;
  if (clients.taken >= config.maxClientsHere) return TOO_MANY_CLIENTS;
  if (config.protectedMode && !users.passwordNeeded && !isLoopback(host) && !isUnixSocket(host)) return PROTECTED_MODE;
  return null;
}

/** Of an address as Redis prints it, or its host: whether it is a Unix socket's path. */
export function isUnixSocket(address: string): boolean {
  return address.startsWith('/');
}

export function isLoopback(host: string): boolean {
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** An address as Redis prints it, e.g. 127.0.0.1:6379 or [::1]:6379. */
export function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An IPv4 address that came in on an IPv6 socket, as IPv4. */
export function plainHost(host: string | undefined): string {
  const text = host ?? '';
  return text.startsWith('::ffff:') && isIPv4(text.slice(7)) ? text.slice(7) : text;
}
