import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CachedConfigStore } from '../cluster/cached-config-store.ts';
import { EtcdClient } from '../cluster/etcd-client.ts';
import { EtcdConfigStore } from '../cluster/etcd-config-store.ts';
import { EtcdRegistration, readRegistrations } from '../cluster/etcd-registration.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { openStateDirectory, type StateDirectory } from '../cluster/state-directory.ts';
import { etcdPlace, etcdPrefix, etcdUrls } from './etcd-place.ts';
import type { Configuration } from './option-table.ts';
import type { ProcessParts } from './running.ts';
import type { OpenedMap, SharedMap } from './separate-cluster.ts';

/** The config store that the options of etcd name; nothing is asked of it yet. */
export function openEtcdStore(config: Configuration, parts: ProcessParts): EtcdConfigStore {
  const { etcdCa: ca, etcdCert: cert, etcdKey: key, etcdUser: user, etcdPassword: password } = config;
  const client = new EtcdClient({
    urls: etcdUrls(config),
    prefix: etcdPrefix(config),
    tls: { ca, cert, key },
    auth: user === '' ? null : { user, password },
    clock: parts.clock,
    log: parts.log,
  });
  if (parts.observed !== undefined) parts.observed.isStoreUp = () => !client.isDown;
  return new EtcdConfigStore({ client, ...parts });
}

/**
 * The cluster whose map is in etcd. With a state directory what is read is kept there, and a start goes on from what was kept
 * where etcd does not answer.
 */
export async function openEtcdMap(
  config: Configuration,
  parts: ProcessParts,
  statePath: string | null,
): Promise<OpenedMap> {
  const store = openEtcdStore(config, parts);
  if (statePath === null) return openWithoutState(config, store, parts);
  const opened = openStateDirectory(statePath);
  if (!opened.ok) {
    store.close();
    return opened;
  }
  const cached = new CachedConfigStore({ store, state: opened.value, log: parts.log });
  const result = await openWithState(config, store, cached, opened.value, parts);
  if (!result.ok) cached.close();
  return result;
}

async function openWithoutState(
  config: Configuration,
  store: EtcdConfigStore,
  parts: ProcessParts,
): Promise<OpenedMap> {
  const read = await store.read();
  if (read.ok && read.value !== null)
    return { ok: true, value: sharedMap(config, read.value, store, store, '', parts) };
  store.close();
  return read.ok ? { ok: false, problem: noClusterThere(config) } : read;
}

async function openWithState(
  config: Configuration,
  store: EtcdConfigStore,
  cached: CachedConfigStore,
  state: StateDirectory,
  parts: ProcessParts,
): Promise<OpenedMap> {
  const kept = state.map;
  const mapFile = join(state.path, 'cluster-map.json');
  const read = await cached.read();
  if (!read.ok) {
    if (kept !== null) return { ok: true, value: sharedMap(config, kept, store, cached, mapFile, parts) };
    return {
      ok: false,
      problem: `${read.problem}. ${state.path} keeps no cluster map of an earlier run, so this start needs etcd`,
    };
  }
  if (read.value === null) return { ok: false, problem: noClusterThere(config) };
  if (kept !== null && kept.clusterId !== read.value.clusterId) {
    return {
      ok: false,
      problem: `the state directory ${state.path} is that of cluster ${kept.clusterId}, but ${etcdPlace(config)} holds cluster ${read.value.clusterId}`,
    };
  }
  const fingerprint = await store.keystoreFingerprint();
  if (!fingerprint.ok) return fingerprint;
  const problem = keepFingerprint(`${mapFile}.fingerprint`, fingerprint.value);
  if (problem !== null) return { ok: false, problem };
  // Before it serves: one that is stopped as soon as it does can start without etcd the next time.
  await cached.kept();
  const map = kept !== null && kept.epoch > read.value.epoch ? kept : read.value;
  return { ok: true, value: sharedMap(config, map, store, cached, mapFile, parts) };
}

function sharedMap(
  config: Configuration,
  map: ClusterMap,
  etcd: EtcdConfigStore,
  store: EtcdConfigStore | CachedConfigStore,
  keystoreMark: string,
  parts: ProcessParts,
): SharedMap {
  return {
    map,
    store,
    place: etcdPlace(config),
    keystoreMark,
    announce(registration) {
      const registered = new EtcdRegistration({ client: etcd.client, registration, ...parts });
      registered.start();
      return registered;
    },
    registrations: () => readRegistrations(etcd.client),
  };
}

function noClusterThere(config: Configuration): string {
  return `${etcdPlace(config)} holds no cluster; 'junokv cluster init' makes one, 'junokv cluster move-to-etcd' brings one there from its file`;
}

/** Beside the kept map, where the opener of keystores looks for it. */
function keepFingerprint(path: string, fingerprint: string | null): string | null {
  if (fingerprint === null) return null;
  try {
    if (readFingerprint(path) !== fingerprint) writeFileSync(path, `${fingerprint}\n`, { mode: 0o600, flush: true });
    return null;
  } catch (error) {
    return `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function readFingerprint(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
