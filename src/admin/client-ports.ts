import type { Configuration } from './option-table.ts';

/** A port for clients beside --port. */
export interface ClientPort {
  readonly door: 'tls' | 'cluster' | 'tls-cluster';
  readonly port: number;
  /** The option that names it. */
  readonly option: string;
  readonly isTls: boolean;
  /** It answers as a Redis Cluster node, whatever --cluster-enabled says. */
  readonly isCluster: boolean;
}

/** Those that the options name. */
export function otherPorts(config: Configuration): readonly ClientPort[] {
  const { tlsPort, clusterPort, tlsClusterPort } = config;
  const all: readonly ClientPort[] = [
    { door: 'tls', port: tlsPort, option: '--tls-port', isTls: true, isCluster: false },
    { door: 'cluster', port: clusterPort, option: '--cluster-port', isTls: false, isCluster: true },
    { door: 'tls-cluster', port: tlsClusterPort, option: '--tls-cluster-port', isTls: true, isCluster: true },
  ];
  return all.filter(({ port }) => port !== 0);
}

/** Some clients come over TLS. */
export function hasTlsPort(config: Configuration): boolean {
  return config.tlsPort !== 0 || config.tlsClusterPort !== 0;
}
