import { SLOT_COUNT } from '../../cluster/slot.ts';
import { MapReply, type Reply } from '../../resp/reply.ts';
import type { Session } from '../session.ts';

const LAST_SLOT = SLOT_COUNT - 1;
/** Redis's distance between a node's port and its bus port; nothing listens there, clients only parse it. */
const BUS_PORT_DISTANCE = 10_000;

/** This proxy as the one node of a Redis Cluster, as this client shall see it. */
export interface AnnouncedNode {
  readonly id: string;
  readonly ip: string;
  /** Of the kind that this client uses: over TLS, or plain. */
  readonly port: number;
  readonly isTls: boolean;
  readonly busPort: number;
  /** Empty: none. */
  readonly hostname: string;
  /** What CLUSTER SLOTS and SHARDS tell clients to connect to; null: where they are connected now. */
  readonly endpoint: string | null;
}

/** "127.0.0.1:6379" or "[::1]:6379" in its parts. An IPv4 address in IPv6 form is given as IPv4. */
export function splitAddress(address: string): { readonly ip: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, colon)).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(colon + 1));
  return { ip: host.replace(/^::ffff:(?=[0-9]+\.)/i, ''), port: Number.isInteger(port) ? port : 0 };
}

/** The announced address, or else the one at which the client has reached us. */
export function announcedNode(session: Session): AnnouncedNode {
  const { config, info } = session.proxy;
  const local = splitAddress(session.localAddress);
  const ip = config.clusterAnnounceIp || local.ip;
  const isTls = session.encrypted;
  const announced = isTls ? config.clusterAnnounceTlsPort : config.clusterAnnouncePort;
  const port = announced || local.port || config.port;
  const busPort = config.clusterAnnounceBusPort || port + BUS_PORT_DISTANCE;
  const hostname = config.clusterAnnounceHostname;
  const endpoints = { ip, hostname: hostname === '' ? '?' : hostname, 'unknown-endpoint': null } as const;
  const endpoint = endpoints[config.clusterPreferredEndpointType];
  return { id: info.clusterNodeId, ip, port, isTls, busPort, hostname, endpoint };
}

/** CLUSTER SLOTS: [first, last, [endpoint, port, id, metadata]] each. */
export function clusterSlots(session: Session): Reply {
  const node = announcedNode(session);
  const metadata: [Reply, Reply][] = [];
  if (session.proxy.config.clusterPreferredEndpointType !== 'ip') metadata.push(['ip', node.ip]);
  if (session.proxy.config.clusterPreferredEndpointType !== 'hostname' && node.hostname !== '') {
    metadata.push(['hostname', node.hostname]);
  }
  return [[0, LAST_SLOT, [node.endpoint, node.port, node.id, new MapReply(metadata)]]];
}

/** CLUSTER SHARDS */
export function clusterShards(session: Session): Reply {
  const node = announcedNode(session);
  const fields: [Reply, Reply][] = [
    ['id', node.id],
    [node.isTls ? 'tls-port' : 'port', node.port],
    ['ip', node.ip],
    ['endpoint', node.endpoint],
  ];
  if (node.hostname !== '') fields.push(['hostname', node.hostname]);
  fields.push(['role', 'master'], ['replication-offset', 0], ['health', 'online']);
  return [
    new MapReply([
      ['slots', [0, LAST_SLOT]],
      ['nodes', [new MapReply(fields)]],
    ]),
  ];
}

/** CLUSTER NODES: one line per node. */
export function clusterNodes(session: Session): string {
  const node = announcedNode(session);
  const hostname = node.hostname === '' ? '' : `,${node.hostname}`;
  const epoch = session.proxy.cluster.map().epoch;
  return `${node.id} ${node.ip}:${node.port}@${node.busPort}${hostname} myself,master - 0 0 ${epoch} connected 0-${LAST_SLOT}\n`;
}

/** CLUSTER INFO */
export function clusterInfo(session: Session): string {
  const epoch = session.proxy.cluster.map().epoch;
  const fields: [string, string | number][] = [
    ['cluster_state', 'ok'],
    ['cluster_slots_assigned', SLOT_COUNT],
    ['cluster_slots_ok', SLOT_COUNT],
    ['cluster_slots_pfail', 0],
    ['cluster_slots_fail', 0],
    ['cluster_known_nodes', 1],
    ['cluster_size', 1],
    ['cluster_current_epoch', epoch],
    ['cluster_my_epoch', epoch],
    ['cluster_stats_messages_sent', 0],
    ['cluster_stats_messages_received', 0],
    ['total_cluster_links_buffer_limit_exceeded', 0],
  ];
  return fields.map(([name, value]) => `${name}:${value}\r\n`).join('');
}
