import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { openFileLimit } from '../base/system-open-files.ts';
import { RuntimeConfig } from '../proxy/runtime-config.ts';
import type { Configuration } from './option-table.ts';

/** The one process of a proxy. */
const ALONE = { index: 0, workers: 1 };

/**
 * What a proxy starts with, and CONFIG GET shows, of its command line. `seat`: which of its workers. `disks`: storage nodes
 * on disks in the same process.
 */
export function proxyConfig(config: Configuration, log: Log, seat = ALONE, disks = 0): RuntimeConfig {
  const openFiles = openFileLimit();
  const { maxClients, maxClientsPossible } = fittingClients(config.maxclients, openFiles, log, seat.workers, disks);
  const values = {
    bind: config.bind,
    port: config.port,
    unixsocket: config.unixsocket,
    unixsocketMode: config.unixsocketperm,
    tls: {
      'tls-port': String(config.tlsPort),
      'tls-cert-file': config.tlsCertFile,
      'tls-key-file': config.tlsKeyFile,
      'tls-ca-cert-file': config.tlsCaCertFile,
      'tls-auth-clients': config.tlsAuthClients,
      'tls-auth-clients-user': config.tlsAuthClientsUser === 'cn' ? 'CN' : 'off',
      'tls-protocols': config.tlsProtocols.join(' '),
    },
    protectedMode: config.protectedMode,
    enableDebugCommand: config.enableDebugCommand,
    requirepass: config.requirepass,
    maxClients,
    maxClientsPossible,
    timeoutSeconds: config.timeout,
    tcpKeepaliveSeconds: config.tcpKeepalive,
    shutdownTimeoutSeconds: config.shutdownTimeout,
    clusterEnabled: config.clusterEnabled,
    clusterAnnounceIp: config.clusterAnnounceIp,
    clusterAnnouncePort: config.clusterAnnouncePort,
    clusterAnnounceTlsPort: config.clusterAnnounceTlsPort,
    appendfsync: config.fsync,
  };
  const runtime = new RuntimeConfig(values, seat);
  const problem = runtime.set([
    ['client-query-buffer-limit', config.clientQueryBufferLimit],
    ['client-output-buffer-limit', config.clientOutputBufferLimit],
    ['proto-max-bulk-len', config.protoMaxBulkLen],
    ['maxmemory-policy', config.maxmemoryPolicy],
    ['maxmemory-samples', config.maxmemorySamples],
  ]);
  runtime.adopt(['maxmemory', config.maxmemory]);
  assert(problem === null, 'options are checked as CONFIG SET checks them');
  return runtime;
}

/** As Redis does: with fewer descriptors than clients may come, fewer may come, and the log says so. Each worker has so many. */
export function fittingClients(
  wanted: number,
  openFiles: number | null,
  log: Log,
  workers = 1,
  disks = 0,
): { readonly maxClients: number; readonly maxClientsPossible: number } {
  const maxClientsPossible =
    openFiles === null ? Number.MAX_SAFE_INTEGER : workers * Math.max(1, openFiles - reservedFiles(openFiles, disks));
  if (wanted > maxClientsPossible) {
    log.warn(
      { maxclients: maxClientsPossible, wanted, openFiles },
      'maxclients lowered: raise the limit on open files',
    );
  }
  return { maxClients: Math.min(wanted, maxClientsPossible), maxClientsPossible };
}

/** Clients must not take the descriptors that storage nodes of the same process need for the files of their engines. */
function reservedFiles(openFiles: number, disks: number): number {
  const ofDisks = Math.min(disks * limits.reservedFilesPerDisk, Math.floor(openFiles / 3));
  return limits.reservedFileDescriptors + ofDisks;
}
