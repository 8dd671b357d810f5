import { readFileSync, statSync } from 'node:fs';
import { limits } from '../base/limits.ts';
import { type AccessName, type StoredUser, usersFromJson } from '../cluster/user-list.ts';
import { AccessLevel } from '../proxy/access.ts';
import { sha256, type User } from '../proxy/users.ts';

export type UsersResult =
  | { readonly ok: true; readonly users: readonly User[] }
  /** Every problem, in words for the operator. */
  | { readonly ok: false; readonly problem: string };

const HASH_PREFIX = 'sha256:';

/** What is kept of a password: `sha256:` and 64 hex digits. */
export function passwordHashText(password: Uint8Array): string {
  return `${HASH_PREFIX}${sha256(password).toString('hex')}`;
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
  const users = usersFromJson(json, (index) => `user ${index + 1} in ${path}`, problems);
  if (problems.length > 0) return { ok: false, problem: problems.join('\n') };
  return { ok: true, users: users.map(userOf) };
}

const ACCESS: Readonly<Record<AccessName, AccessLevel>> = {
  read: AccessLevel.read,
  write: AccessLevel.write,
  admin: AccessLevel.admin,
};

/** A user as a proxy needs it. */
export function userOf({ name, passwordHash, namespace, access }: StoredUser): User {
  const hash = Buffer.from(passwordHash.slice(HASH_PREFIX.length), 'hex');
  return { name, passwordHash: hash, namespace, access: ACCESS[access] };
}
