import { statSync } from 'node:fs';
import { SystemFiles } from '../base/system-files.ts';
import type { ClientTls } from '../proxy/client-tls.ts';
import { TlsIdentity } from '../rpc/tls-identity.ts';
import { hasTlsPort } from './client-ports.ts';
import type { Configuration } from './option-table.ts';
import type { ProcessParts } from './running.ts';

/** What a process shows to others over TLS; null where a connection is plain. */
export interface ProcessTls {
  /** Of connections within the cluster. */
  readonly cluster: TlsIdentity | null;
  /** Of --tls-port. */
  readonly clients: ClientTls | null;
  /** Reads all files now. */
  reload(): void;
  close(): void;
}

export type OpenedProcessTls =
  | { readonly ok: true; readonly tls: ProcessTls }
  | { readonly ok: false; readonly problem: string };

const ANYBODY = 0o004;

type OpenedPart<T> = { readonly ok: true; readonly part: T | null } | { readonly ok: false; readonly problem: string };

/** Reads the certificates that the options name. `problem` names the option or the file that is wrong. */
export async function openProcessTls(config: Configuration, parts: ProcessParts): Promise<OpenedProcessTls> {
  const clients = await openClientTls(config, parts);
  if (!clients.ok) return clients;
  const cluster = await openClusterTls(config, parts);
  if (!cluster.ok) {
    clients.part?.identity.close();
    return cluster;
  }
  for (const path of [config.tlsKeyFile, config.clusterTlsKeyFile]) warnIfOpen(path, parts);
  const identities = [clients.part?.identity, cluster.part].filter((identity) => identity instanceof TlsIdentity);
  return {
    ok: true,
    tls: {
      cluster: cluster.part,
      clients: clients.part,
      reload() {
        for (const identity of identities) void identity.reload();
      },
      close() {
        for (const identity of identities) identity.close();
      },
    },
  };
}

/** Of connections within the cluster; `part` is null where they are plain. */
export async function openClusterTls(config: Configuration, parts: ProcessParts): Promise<OpenedPart<TlsIdentity>> {
  const files = {
    cert: config.clusterTlsCertFile,
    key: config.clusterTlsKeyFile,
    ca: config.clusterTlsCaCertFile,
  };
  const given = Object.values(files).filter((path) => path !== '').length;
  if (given === 0) return { ok: true, part: null };
  if (given < 3) {
    return {
      ok: false,
      problem:
        '--cluster-tls-cert-file, --cluster-tls-key-file and --cluster-tls-ca-cert-file belong together: give all or none',
    };
  }
  const opened = await TlsIdentity.open(files, { files: new SystemFiles(), clock: parts.clock, log: parts.log });
  return opened.ok
    ? { ok: true, part: opened.identity }
    : { ok: false, problem: `TLS in the cluster: ${opened.problem}` };
}

async function openClientTls(config: Configuration, parts: ProcessParts): Promise<OpenedPart<ClientTls>> {
  if (!hasTlsPort(config)) return { ok: true, part: null };
  const problem = clientTlsProblem(config);
  if (problem !== null) return { ok: false, problem };
  const isAsked = config.tlsAuthClients !== 'no';
  const files = { cert: config.tlsCertFile, key: config.tlsKeyFile, ca: isAsked ? config.tlsCaCertFile : '' };
  const opened = await TlsIdentity.open(
    files,
    { files: new SystemFiles(), clock: parts.clock, log: parts.log },
    config.tlsProtocols,
  );
  if (!opened.ok) return { ok: false, problem: `TLS of --tls-port: ${opened.problem}` };
  const required = config.tlsAuthClients === 'yes' ? 'required' : 'optional';
  return {
    ok: true,
    part: {
      identity: opened.identity,
      clientCertificates: isAsked ? required : 'unasked',
      userFromCertificate: config.tlsAuthClientsUser === 'cn',
    },
  };
}

/** A key that others may read is used all the same: in containers they often are mounted so. */
function warnIfOpen(path: string, { log }: ProcessParts): void {
  const stats = path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && (stats.mode & ANYBODY) !== 0) {
    log.warn({ file: path }, 'TLS: everybody on this machine may read this private key');
  }
}

/** Options that cannot go together. */
function clientTlsProblem(config: Configuration): string | null {
  if (config.tlsCertFile === '' || config.tlsKeyFile === '') {
    return `${config.tlsPort === 0 ? '--tls-cluster-port' : '--tls-port'} needs a certificate and its key: --tls-cert-file and --tls-key-file`;
  }
  if (config.tlsAuthClients !== 'no' && config.tlsCaCertFile === '') {
    return `--tls-auth-clients ${config.tlsAuthClients} needs --tls-ca-cert-file, the CA of the clients' certificates; without one, say --tls-auth-clients no`;
  }
  if (config.tlsAuthClientsUser === 'cn' && config.tlsAuthClients === 'no') {
    return '--tls-auth-clients-user cn needs certificates of clients, which --tls-auth-clients no does not ask for';
  }
  return null;
}
