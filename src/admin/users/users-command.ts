import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { findGroup, namespaceNameProblem } from '../../cluster/namespace-groups.ts';
import { isUserName, type StoredUser } from '../../cluster/user-list.ts';
import { type UserStore, updateUsers } from '../../cluster/user-store.ts';
import { DEFAULT_USER } from '../../proxy/users.ts';
import type { Command, CommandInput } from '../command-input.ts';
import { textTable } from '../data-verbs/text-table.ts';
import { readNewPassword } from '../hash-password-command.ts';
import { openSharedMap } from '../separate-cluster.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';
import { passwordHashText } from '../users-file.ts';

const TAKEN_UP = `Proxies take that up within ${Math.ceil((2 * limits.userPollMs) / 1_000)} seconds`;

/** `junokv users list` */
export const usersListCommand: Command = (input) =>
  withUsers(input, async (store) => {
    const read = await store.read();
    if (!read.ok) return refuse(input, read.problem);
    const { users, revision } = read.value;
    const shown = users.map(({ name, access, namespace }) => ({ name, access, namespace }));
    if (input.config.json) input.system.print(JSON.stringify({ ok: true, revision, users: shown }));
    else if (shown.length === 0) input.system.print(`there are no users in ${store.place}`);
    else {
      const rows = shown.map(({ name, access, namespace }) => [name, access, namespace ?? 'any']);
      input.system.print(textTable([['name', 'access', 'namespace'], ...rows]));
    }
    return EXIT_OK;
  });

/** `junokv users set NAME`: a new user, or what is named of one that is there. */
export const usersSetCommand: Command = (input) =>
  withUsers(input, async (store, map) => {
    const { config, given, words, system } = input;
    const name = words[0] ?? '';
    const namespace = given.has('userNamespace') ? config.userNamespace : null;
    const wrong = !isUserName(name)
      ? `a user's name is 1 to ${limits.userNameChars} characters without blanks`
      : namespace !== null && namespace !== ''
        ? namespaceNameProblem(namespace)
        : null;
    if (wrong !== null) return refuse(input, wrong);
    const password = await newPasswordHash(input, store, name);
    if (!password.ok) return refuse(input, password.problem);
    const changed = await updateUsers(store, (users) => {
      const before = users.find((user) => user.name === name);
      const access = config.userAccess === '' ? before?.access : config.userAccess;
      const passwordHash = password.hash ?? before?.passwordHash;
      if (access === undefined || passwordHash === undefined) return `user '${name}' is new: --access must be given`;
      const bond = namespace === null ? (before?.namespace ?? null) : namespace === '' ? null : namespace;
      const user: StoredUser = { name, passwordHash, namespace: bond, access };
      return [...users.filter((other) => other.name !== name), user].sort((a, b) => (a.name < b.name ? -1 : 1));
    });
    if (!changed.ok) return refuse(input, changed.problem);
    if (namespace !== null && namespace !== '' && findGroup(map, namespace) === null)
      system.complain(`junokv: warning: there is no namespace '${namespace}' yet; the user cannot authenticate before`);
    if (name === DEFAULT_USER)
      system.complain('junokv: warning: proxies with --requirepass do not start any more; this is the password now');
    system.print(`user ${name} is in ${store.place}. ${TAKEN_UP}.`);
    return EXIT_OK;
  });

/** `junokv users remove NAME` */
export const usersRemoveCommand: Command = (input) =>
  withUsers(input, async (store) => {
    const name = input.words[0] ?? '';
    const changed = await updateUsers(store, (users) => {
      const others = users.filter((user) => user.name !== name);
      return others.length === users.length ? `there is no user '${name}' in ${store.place}` : others;
    });
    if (!changed.ok) return refuse(input, changed.problem);
    input.system.print(`user ${name} is removed. ${TAKEN_UP}, and close the user's connections.`);
    return EXIT_OK;
  });

function refuse({ system }: CommandInput, problem: string): number {
  system.complain(`junokv: ${problem}`);
  return EXIT_FAILED;
}

type NewHash =
  | { readonly ok: true /** Null: the password stays. */; readonly hash: string | null }
  | { readonly ok: false; readonly problem: string };

async function newPasswordHash({ config, system }: CommandInput, store: UserStore, name: string): Promise<NewHash> {
  const wanted = config.userPasswordHash;
  if (wanted !== '' && wanted !== '-') return { ok: true, hash: wanted };
  if (wanted === '') {
    const read = await store.read();
    if (!read.ok) return read;
    if (read.value.users.some((user) => user.name === name)) return { ok: true, hash: null };
  }
  const password = await readNewPassword(system);
  return password.ok ? { ok: true, hash: passwordHashText(password.password) } : password;
}

async function withUsers(
  { config, given, system }: CommandInput,
  use: (store: UserStore, map: ClusterMap) => Promise<number>,
): Promise<number> {
  const hold = system.hold();
  const parts = { clock: system.clock, random: system.random, log: silentLog };
  try {
    const opened = await openSharedMap({ config, given }, parts, null);
    if (!opened.ok) {
      system.complain(`junokv: ${opened.problem}`);
      return EXIT_FAILED;
    }
    const { store, map } = opened.value;
    try {
      if (store.users !== undefined) return await use(store.users, map);
      system.complain('junokv: this config store has no place for users');
      return EXIT_FAILED;
    } finally {
      store.close();
    }
  } finally {
    hold.cancel();
  }
}
