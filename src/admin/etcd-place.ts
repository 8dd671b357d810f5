import type { Configuration, OptionKey } from './option-table.ts';

/** Options that say something only together with --etcd. */
const ONLY_WITH_ETCD: readonly [OptionKey, string][] = [
  ['etcdPrefix', '--etcd-prefix'],
  ['etcdCa', '--etcd-ca'],
  ['etcdCert', '--etcd-cert'],
  ['etcdKey', '--etcd-key'],
  ['etcdUser', '--etcd-user'],
  ['etcdPassword', '--etcd-password'],
  ['stateDir', '--state-dir'],
];

/** The addresses, without a slash at their ends. */
export function etcdUrls(config: Configuration): readonly string[] {
  return config.etcd.map((url) => url.replace(/\/$/, ''));
}

/** What stands before every key of the cluster: it begins and ends with a slash. */
export function etcdPrefix(config: Configuration): string {
  return `/${config.etcdPrefix.replace(/^\/|\/$/g, '')}/`;
}

/** Where the cluster is, for the operator. */
export function etcdPlace(config: Configuration): string {
  return `etcd ${etcdUrls(config).join(',')}, prefix ${etcdPrefix(config)}`;
}

/** Why the options do not say in one way where the cluster's map is; null if they do. `given`: those that were named. */
export function storeOptionsProblem(
  config: Configuration,
  given: ReadonlySet<OptionKey>,
  mayHaveBoth = false,
): string | null {
  if (config.etcd.length === 0) {
    const lone = ONLY_WITH_ETCD.find(([key]) => given.has(key));
    return lone === undefined ? null : `${lone[1]} is given, but not --etcd, which it belongs to`;
  }
  if (given.has('map') && !mayHaveBoth) {
    return '--map and --etcd both say where the cluster map is; leave one of them out';
  }
  const secure = config.etcd.filter((url) => url.toLowerCase().startsWith('https:')).length;
  if (secure !== 0 && secure !== config.etcd.length) return '--etcd: all addresses must be http, or all https';
  const { etcdCa: ca, etcdCert: cert, etcdKey: key, etcdUser: user, etcdPassword: password } = config;
  if (ca !== '' && secure === 0) return '--etcd-ca is given, but the addresses of --etcd are http';
  if ((cert === '') !== (key === '')) return '--etcd-cert and --etcd-key must be given together';
  if (cert !== '' && ca === '') return '--etcd-cert needs --etcd-ca as well';
  if ((user === '') !== (password === '')) return '--etcd-user and --etcd-password must be given together';
  return null;
}
