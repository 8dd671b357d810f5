import type { ClientTls } from '../../proxy/client-tls.ts';
import type { ProxyServer, TakenConnections } from '../../proxy/proxy.ts';
import type { Configuration } from '../option-table.ts';
import type { Door } from './worker-messages.ts';

/** In a worker, in place of listening: what comes in at each door of the proxy is answered as if this process listened there. */
export function takeConnections(
  server: ProxyServer,
  config: Configuration,
  tls: ClientTls | null,
): ReadonlyMap<Door, TakenConnections> {
  const doors = new Map<Door, TakenConnections>([['plain', server.takeConnections({ path: '' })]]);
  if (config.unixsocket !== '') doors.set('unix', server.takeConnections({ path: config.unixsocket }));
  if (tls !== null) doors.set('tls', server.takeConnections({ path: '', tls }));
  if (config.clusterPort !== 0) doors.set('cluster', server.takeConnections({ path: '', clusterEnabled: true }));
  return doors;
}
