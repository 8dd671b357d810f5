import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { MapWatch, StoreResult } from './config-store.ts';
import { decodeUserList, encodeUserList, type StoredUser, type UserList } from './user-list.ts';
import type { UserStore, UserSwap } from './user-store.ts';

const FILE = 'users.json';
const OWNER_ONLY = { mode: 0o600, flush: true } as const;

/** A store of users that may be away: the newest list that was seen of it is kept in a directory of its own. */
export class KeptUserStore implements UserStore {
  readonly #store: UserStore;
  readonly #directory: string;
  readonly #log: Log;
  #newest: UserList | null;

  /** `directory` is made if missing; processes may share it. */
  constructor(store: UserStore, directory: string, log: Log) {
    this.#store = store;
    this.#directory = directory;
    this.#log = log;
    this.#newest = keptList(directory);
  }

  get place(): string {
    return this.#store.place;
  }

  lastList(): UserList | null {
    return this.#newest;
  }

  async read(): Promise<StoreResult<UserList>> {
    const read = await this.#store.read();
    if (read.ok) this.#keep(read.value);
    return read;
  }

  async compareAndSet(expectedRevision: number, users: readonly StoredUser[]): Promise<StoreResult<UserSwap>> {
    const result = await this.#store.compareAndSet(expectedRevision, users);
    if (result.ok) this.#keep(result.value.list);
    return result;
  }

  watch(afterRevision: number, listener: (list: UserList) => void): MapWatch {
    return this.#store.watch(afterRevision, (list) => {
      this.#keep(list);
      listener(list);
    });
  }

  /** That there are no users is worth knowing, too: without a file nobody can tell. */
  #keep(list: UserList): void {
    if (this.#newest !== null && list.revision <= this.#newest.revision) return;
    this.#newest = list;
    if ((keptList(this.#directory)?.revision ?? -1) >= list.revision) return;
    const text = list.revision === 0 ? '' : encodeUserList(list, 'kept');
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      // Processes that share the directory write files of their own.
      const path = join(this.#directory, `${process.pid}-${FILE}`);
      writeFileSync(path, text, OWNER_ONLY);
      renameSync(path, join(this.#directory, FILE));
    } catch (error) {
      this.#log.error({ err: error }, `cannot write to ${this.#directory}`);
    }
  }
}

/** Null: none was kept, or it is damaged. */
function keptList(directory: string): UserList | null {
  try {
    if (!readdirSync(directory).includes(FILE)) return null;
    const text = readFileSync(join(directory, FILE), 'utf8');
    if (text === '') return { revision: 0, users: [] };
    const decoded = decodeUserList(text);
    return decoded.ok ? decoded.list : null;
  } catch {
    return null;
  }
}
