import { limits } from '../base/limits.ts';
import { namespaceNameProblem } from './namespace-groups.ts';

/** What a user may do, in the words of files and commands. */
export const ACCESS_NAMES = ['read', 'write', 'admin'] as const;
export type AccessName = (typeof ACCESS_NAMES)[number];

/** A user as it is kept: with the hash of its password. */
export interface StoredUser {
  readonly name: string;
  /** `sha256:` and 64 hex digits. */
  readonly passwordHash: string;
  /** Name of the namespace group that the user cannot leave; null: any. */
  readonly namespace: string | null;
  readonly access: AccessName;
}

/** All users of a cluster, as its config store has them. */
export interface UserList {
  /**
   * Rises with every change: Unix milliseconds of it, or one more than before. So a list that is made anew, after its store was lost, is
   * newer than what proxies remember. 0: none was ever stored.
   */
  readonly revision: number;
  readonly users: readonly StoredUser[];
}

export const NO_USERS: UserList = { revision: 0, users: [] };
/** An older program refuses a newer one. */
const FORMAT_VERSION = 1;
const FIELDS: ReadonlySet<string> = new Set(['name', 'passwordHash', 'namespace', 'access']);

export type DecodedUsers =
  | { readonly ok: true; readonly list: UserList; readonly stamp: string }
  | { readonly ok: false; readonly problem: string };

/** As JSON. `stamp` tells the writer of this very list from others. */
export function encodeUserList(list: UserList, stamp: string): string {
  return `${JSON.stringify({ formatVersion: FORMAT_VERSION, revision: list.revision, stamp, users: list.users }, null, 2)}\n`;
}

/** What `encodeUserList` made; says in words why it is none. */
export function decodeUserList(text: string): DecodedUsers {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'not JSON' };
  }
  const fields = fieldsOf(json);
  const version = fields?.get('formatVersion');
  if (fields === null) return { ok: false, problem: 'not a JSON object' };
  if (version !== FORMAT_VERSION)
    return { ok: false, problem: `format ${String(version)}, this program reads format ${FORMAT_VERSION}` };
  const revision = fields.get('revision');
  const users = fields.get('users');
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1 || !Array.isArray(users))
    return { ok: false, problem: 'it must hold revision and users' };
  const problems: string[] = [];
  const read = usersFromJson(users, (index) => `user ${index + 1}`, problems);
  if (problems.length > 0) return { ok: false, problem: problems.join('; ') };
  return { ok: true, list: { revision, users: read }, stamp: String(fields.get('stamp')) };
}

/** The users of a JSON list. What is wrong is added to `problems`; `where` names the user at an index. */
export function usersFromJson(
  items: readonly unknown[],
  where: (index: number) => string,
  problems: string[],
): StoredUser[] {
  const users = new Map<string, StoredUser>();
  items.forEach((item, index) => {
    const user = userFromJson(item, where(index), problems);
    if (user === null) return;
    if (users.has(user.name)) problems.push(`${where(index)}: name '${user.name}' stands there twice`);
    users.set(user.name, user);
  });
  return [...users.values()];
}

/** Null, and problems noted, for one that is wrong. */
function userFromJson(json: unknown, where: string, problems: string[]): StoredUser | null {
  const fields = fieldsOf(json);
  if (fields === null) {
    problems.push(`${where} must be an object with name, passwordHash and access`);
    return null;
  }
  const own = [...fields.keys()]
    .filter((field) => !FIELDS.has(field))
    .map((field) => `${where}: there is no field '${field}'; there are ${[...FIELDS].join(', ')}`);
  const name = fields.get('name');
  const passwordHash = fields.get('passwordHash');
  const namespace = fields.get('namespace') ?? null;
  const access = ACCESS_NAMES.find((each) => each === fields.get('access'));
  if (typeof name !== 'string' || !isUserName(name)) {
    own.push(`${where}: name must be 1 to ${limits.userNameChars} characters without blanks`);
  }
  if (!isPasswordHash(passwordHash)) {
    own.push(`${where}: passwordHash must be 'sha256:' and 64 hex digits, as 'junokv hash-password' prints it`);
  }
  if (namespace !== null && (typeof namespace !== 'string' || namespaceNameProblem(namespace) !== null)) {
    own.push(`${where}: namespace must be the name of a namespace`);
  }
  if (access === undefined) own.push(`${where}: access must be read, write or admin`);
  problems.push(...own);
  if (own.length > 0 || typeof name !== 'string' || !isPasswordHash(passwordHash) || access === undefined) return null;
  return { name, passwordHash, namespace: typeof namespace === 'string' ? namespace : null, access };
}

export function isUserName(name: string): boolean {
  return name.length <= limits.userNameChars && /^[\x21-\x7e\u00a1-\ud7ff\ue000-\uffff]+$/u.test(name);
}

export function isPasswordHash(text: unknown): text is string {
  return typeof text === 'string' && /^sha256:[0-9a-f]{64}$/i.test(text);
}

function fieldsOf(json: unknown): Map<string, unknown> | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  return new Map<string, unknown>(Object.entries(json));
}
