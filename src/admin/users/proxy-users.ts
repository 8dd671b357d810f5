import type { Log } from '../../base/log.ts';
import type { MapWatch } from '../../cluster/config-store.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { findGroup } from '../../cluster/namespace-groups.ts';
import type { UserList } from '../../cluster/user-list.ts';
import type { UserStore } from '../../cluster/user-store.ts';
import type { ProxyContext } from '../../proxy/proxy-context.ts';
import { DEFAULT_USER, type User } from '../../proxy/users.ts';
import type { Configuration } from '../option-table.ts';
import { readUsersFile, userOf } from '../users-file.ts';

export type OpenedUsers =
  | {
      readonly ok: true;
      readonly users: readonly User[];
      /** Lets the proxy take up changes of the config store; of a file there are none. */
      follow(context: FollowingProxy): MapWatch;
    }
  /** Every problem, in words for the operator. */
  | { readonly ok: false; readonly problem: string };

/** What changes where the users do. */
type FollowingProxy = Pick<ProxyContext, 'users' | 'clients' | 'config'>;

const NOTHING_TO_FOLLOW: MapWatch = { stop() {} };

/** The users of a proxy, as --users or the config store says; warns of what is probably not meant. `store` null: it has none. */
export async function openUsers(
  config: Configuration,
  map: ClusterMap,
  store: UserStore | null,
  log: Log,
): Promise<OpenedUsers> {
  if (config.users !== '') return openFile(config, map, store, log);
  if (store === null) return { ok: true, users: [], follow: () => NOTHING_TO_FOLLOW };
  const read = await store.read();
  const kept = store.lastList?.() ?? null;
  const list = read.ok && read.value.revision >= (kept?.revision ?? 0) ? read.value : kept;
  // Without knowing the users everybody would be the default one.
  if (list === null) return { ok: false, problem: read.ok ? `there are no users in ${store.place}` : read.problem };
  if (read.ok && list === kept && kept.revision > read.value.revision) {
    log.warn(
      { place: store.place },
      'the config store has older users than were known here, or none; those known here are used',
    );
  }
  const users = list.users.map(userOf);
  const problem = defaultProblem(config, users, store.place);
  if (problem !== null) return { ok: false, problem };
  if (users.length > 0) warn(config, map, users, log, store.place);
  return { ok: true, users, follow: (context) => follow(context, store, list, log) };
}

async function openFile(
  config: Configuration,
  map: ClusterMap,
  store: UserStore | null,
  log: Log,
): Promise<OpenedUsers> {
  const read = readUsersFile(config.users);
  if (!read.ok) return read;
  const stored = store === null ? null : await store.read();
  const known = stored?.ok === true ? stored.value : (store?.lastList?.() ?? null);
  if (store !== null && known !== null && known.users.length > 0) {
    return {
      ok: false,
      problem: `--users names a file, but ${store.place} holds users, too; leave --users out, or remove those with 'junokv users remove'`,
    };
  }
  const problem = defaultProblem(config, read.users, `--users: ${config.users}`);
  if (problem !== null) return { ok: false, problem };
  warn(config, map, read.users, log, config.users);
  return { ok: true, users: read.users, follow: () => NOTHING_TO_FOLLOW };
}

function defaultProblem(config: Configuration, users: readonly User[], place: string): string | null {
  if (config.requirepass === '' || !users.some(({ name }) => name === DEFAULT_USER)) return null;
  return `${place} defines user 'default', so --requirepass must not be given`;
}

function warn(config: Configuration, map: ClusterMap, users: readonly User[], log: Log, place: string): void {
  const definesDefault = users.some(({ name }) => name === DEFAULT_USER);
  if (!definesDefault && config.requirepass === '') {
    log.warn({ place }, 'there are users, but the default user may do everything without a password');
  }
  for (const { name, namespace } of users) {
    if (namespace === null || findGroup(map, namespace) !== null) continue;
    log.warn({ user: name, namespace }, 'a user belongs to a namespace that does not exist yet');
  }
}

function follow(context: FollowingProxy, store: UserStore, known: UserList, log: Log): MapWatch {
  return store.watch(known.revision, (list) => {
    const changed = context.users.replace(list.users.map(userOf));
    const doomed = context.clients.filter((client) => changed.has(client.user));
    for (const client of doomed) client.destroy();
    log.info({ revision: list.revision, users: list.users.length, closed: doomed.length }, 'the users have changed');
    if (context.users.definesDefault && context.config.requirepass !== '') {
      log.warn({}, "the config store defines user 'default', so its password is that one, and not requirepass");
    }
  });
}
