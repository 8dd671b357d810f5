import { readFileSync, statSync } from 'node:fs';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { findGroup, namespaceNameProblem } from '../cluster/namespace-groups.ts';
import { AccessLevel } from '../proxy/access.ts';
import { DEFAULT_USER, sha256, type User } from '../proxy/users.ts';
import type { Configuration } from './option-table.ts';

export type UsersResult =
  | { readonly ok: true; readonly users: readonly User[] }
  /** Every problem, in words for the operator. */
  | { readonly ok: false; readonly problem: string };

const FIELDS: ReadonlySet<string> = new Set(['name', 'passwordHash', 'namespace', 'access']);
const ACCESS: Readonly<Record<string, AccessLevel>> = {
  read: AccessLevel.read,
  write: AccessLevel.write,
  admin: AccessLevel.admin,
};
const HASH_PREFIX = 'sha256:';

/** What is kept of a password in the users file: `sha256:` and 64 hex digits. */
export function passwordHashText(password: Uint8Array): string {
  return `${HASH_PREFIX}${sha256(password).toString('hex')}`;
}

/** The users of a proxy, as --users says; warns of what is probably not meant. */
export function openUsers(config: Configuration, map: ClusterMap, log: Log): UsersResult {
  if (config.users === '') return { ok: true, users: [] };
  const read = readUsersFile(config.users);
  if (!read.ok) return read;
  const definesDefault = read.users.some(({ name }) => name === DEFAULT_USER);
  if (definesDefault && config.requirepass !== '') {
    return {
      ok: false,
      problem: `--users: ${config.users} defines user 'default', so --requirepass must not be given`,
    };
  }
  if (!definesDefault && config.requirepass === '') {
    log.warn({ file: config.users }, 'there are users, but the default user may do everything without a password');
  }
  for (const { name, namespace } of read.users) {
    if (namespace === null || findGroup(map, namespace) !== null) continue;
    log.warn({ user: name, namespace }, 'a user belongs to a namespace that does not exist yet');
  }
  return read;
}

/** Reads the file of --users: a JSON list of {name, passwordHash, namespace?, access: read|write|admin}. */
export function readUsersFile(path: string): UsersResult {
  let json: unknown;
  try {
    if (statSync(path).size > limits.usersFileBytes) {
      return { ok: false, problem: `--users: ${path} has more than ${limits.usersFileBytes} bytes` };
    }
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `--users: cannot read '${path}': ${reason}` };
  }
  if (!Array.isArray(json)) return { ok: false, problem: `--users: '${path}' must hold a JSON list of users` };
  const problems: string[] = [];
  const users = new Map<string, User>();
  json.forEach((item: unknown, index) => {
    const user = userFromJson(item, `user ${index + 1} in ${path}`, problems);
    if (user === null) return;
    if (users.has(user.name)) problems.push(`user ${index + 1} in ${path}: name '${user.name}' stands there twice`);
    users.set(user.name, user);
  });
  if (problems.length > 0) return { ok: false, problem: problems.join('\n') };
  return { ok: true, users: [...users.values()] };
}

/** Null, and problems noted, for one that is wrong. */
function userFromJson(json: unknown, where: string, problems: string[]): User | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    problems.push(`${where} must be an object with name, passwordHash and access`);
    return null;
  }
  const fields = new Map<string, unknown>(Object.entries(json));
  const own = [...fields.keys()]
    .filter((field) => !FIELDS.has(field))
    .map((field) => `${where}: there is no field '${field}'; there are ${[...FIELDS].join(', ')}`);
  const name = fields.get('name');
  const passwordHash = hashBytes(fields.get('passwordHash'));
  const namespace = fields.get('namespace') ?? null;
  const accessName = fields.get('access');
  const access = typeof accessName === 'string' && Object.hasOwn(ACCESS, accessName) ? ACCESS[accessName] : undefined;
  if (typeof name !== 'string' || !isUserName(name)) {
    own.push(`${where}: name must be 1 to ${limits.userNameChars} characters without blanks`);
  }
  if (passwordHash === null) {
    own.push(`${where}: passwordHash must be 'sha256:' and 64 hex digits, as 'junokv hash-password' prints it`);
  }
  if (namespace !== null && (typeof namespace !== 'string' || namespaceNameProblem(namespace) !== null)) {
    own.push(`${where}: namespace must be the name of a namespace`);
  }
  if (access === undefined) own.push(`${where}: access must be read, write or admin`);
  problems.push(...own);
  if (own.length > 0 || typeof name !== 'string' || passwordHash === null || access === undefined) return null;
  return { name, passwordHash, namespace: typeof namespace === 'string' ? namespace : null, access };
}

function isUserName(name: string): boolean {
  return name.length <= limits.userNameChars && /^[\x21-\x7e\u00a1-\ud7ff\ue000-\uffff]+$/u.test(name);
}

function hashBytes(text: unknown): Buffer | null {
  if (typeof text !== 'string' || !/^sha256:[0-9a-f]{64}$/i.test(text)) return null;
  return Buffer.from(text.slice(HASH_PREFIX.length), 'hex');
}
