import type { ClientTls } from '../../proxy/client-tls.ts';
import type { ProxyServer, TakenConnections } from '../../proxy/proxy.ts';
import { otherPorts } from '../client-ports.ts';
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
  for (const { door, isTls, isCluster } of otherPorts(config)) {
    const as = { ...(isTls ? { tls } : {}), ...(isCluster ? { clusterEnabled: true } : {}) };
    doors.set(door, server.takeConnections({ path: '', ...as }));
  }
  return doors;
}
