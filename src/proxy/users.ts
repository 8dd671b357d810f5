import { createHash, timingSafeEqual } from 'node:crypto';
import { AccessLevel } from './access.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** Who every connection is until it authenticates. */
export const DEFAULT_USER = 'default';

export interface User {
  readonly name: string;
  /** SHA-256 of the password, 32 bytes. */
  readonly passwordHash: Buffer;
  /** The name of the namespace group that the user cannot leave; null: any, `default` at first. */
  readonly namespace: string | null;
  readonly access: AccessLevel;
}

/** What a user that authenticated, or that needs no password, may do. */
export type UserRights = Pick<User, 'name' | 'namespace' | 'access'>;

const OPEN_DEFAULT: UserRights = { name: DEFAULT_USER, namespace: null, access: AccessLevel.admin };
const NOBODY = Buffer.alloc(32);

/** The users of one proxy: those of the users file or the config store, and `default`, whose password is requirepass unless it is among them. */
export class Users {
  readonly #config: RuntimeConfig;
  #byName: ReadonlyMap<string, User>;

  constructor(config: RuntimeConfig, users: readonly User[] = []) {
    this.#config = config;
    this.#byName = new Map(users.map((user) => [user.name, user]));
  }

  /** The rights of connections that have not authenticated. */
  get atFirst(): UserRights {
    return this.#byName.get(DEFAULT_USER) ?? OPEN_DEFAULT;
  }

  /**
   * These are the users from now on. Returns the names of those whose connections have rights that they should not have any more: users who
   * are gone or whose namespace or access is another, and `default` if it needs a password now. A new password alone ends no connection.
   */
  replace(users: readonly User[]): ReadonlySet<string> {
    const before = this.#byName;
    this.#byName = new Map(users.map((user) => [user.name, user]));
    const changed = new Set<string>();
    for (const { name, namespace, access } of before.values()) {
      const now = this.#byName.get(name);
      if (now?.namespace !== namespace || now.access !== access) changed.add(name);
    }
    if (!before.has(DEFAULT_USER) && this.definesDefault) changed.add(DEFAULT_USER);
    return changed;
  }

  /** The users file or the config store says what the default user's password is. */
  get definesDefault(): boolean {
    return this.#byName.has(DEFAULT_USER);
  }

  /** Without a password a connection may do nothing. */
  get passwordNeeded(): boolean {
    return this.#config.requirepass !== '' || this.definesDefault;
  }

  has(name: string): boolean {
    return name === DEFAULT_USER || this.#byName.has(name);
  }

  /** The user's rights, for one whose name is proved otherwise than by a password; null if there is no such user. */
  rightsOf(name: string): UserRights | null {
    return this.#byName.get(name) ?? (name === DEFAULT_USER ? OPEN_DEFAULT : null);
  }

  /** The user's rights if name and password are right, in a time that does not tell how much of the password was; else null. */
  authenticate(name: string, password: Buffer): UserRights | null {
    const user = this.#byName.get(name);
    const isOpenDefault = user === undefined && name === DEFAULT_USER;
    // Without a password any will do for the default user, as in Redis.
    if (isOpenDefault && this.#config.requirepass === '') return OPEN_DEFAULT;
    const expected = isOpenDefault ? sha256(Buffer.from(this.#config.requirepass)) : (user?.passwordHash ?? NOBODY);
    if (!timingSafeEqual(expected, sha256(password))) return null;
    return isOpenDefault ? OPEN_DEFAULT : (user ?? null);
  }
}

/** What is kept of a password: 32 bytes. */
export function sha256(password: Uint8Array): Buffer {
  return createHash('sha256').update(password).digest();
}
