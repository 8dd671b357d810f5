import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { MapWatch, StoreResult } from './config-store.ts';
import { decodeUserList, encodeUserList, NO_USERS, type StoredUser, type UserList } from './user-list.ts';

const STAMP_BYTES = 16;

/** One text in a config store, beside the map. */
export interface UserCell {
  /** For the operator. */
  readonly place: string;
  read(): Promise<StoreResult<CellText>>;
  /** Stores `text` durably if the cell still is as `before` was read; false: it is not. */
  swap(before: CellText, text: string): Promise<StoreResult<boolean>>;
}

export interface CellText {
  /** Null: there is none. */
  readonly text: string | null;
  /** Differs after each change. */
  readonly token: string;
}

/** `swapped` false: somebody was faster; `list` is what the store holds now. */
export interface UserSwap {
  readonly swapped: boolean;
  readonly list: UserList;
}

/** Where a cluster's users are. Not on the data path: proxies go on with the users that they know. */
export interface UserStore {
  readonly place: string;
  read(): Promise<StoreResult<UserList>>;
  /** Stores the users, durably, if the stored revision is `expectedRevision` (0: none yet). */
  compareAndSet(expectedRevision: number, users: readonly StoredUser[]): Promise<StoreResult<UserSwap>>;
  /** Calls `listener` with lists of rising revisions above `afterRevision`, some seconds after they were stored; some may be left out. */
  watch(afterRevision: number, listener: (list: UserList) => void): MapWatch;
  /** The newest list that this machine has kept, of a store that may be away; null: none was ever seen. */
  lastList?(): UserList | null;
}

export interface CellUserStoreOptions {
  readonly cell: UserCell;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The users as JSON in a cell of a config store, looked at every few seconds. */
export class CellUserStore implements UserStore {
  readonly #options: CellUserStoreOptions;

  constructor(options: CellUserStoreOptions) {
    this.#options = options;
  }

  get place(): string {
    return this.#options.cell.place;
  }

  async read(): Promise<StoreResult<UserList>> {
    const read = await this.#read();
    return read.ok ? { ok: true, value: read.value.list } : read;
  }

  async compareAndSet(expectedRevision: number, users: readonly StoredUser[]): Promise<StoreResult<UserSwap>> {
    const before = await this.#read();
    if (!before.ok) return before;
    const { cell, list } = before.value;
    if (list.revision !== expectedRevision) return { ok: true, value: { swapped: false, list } };
    const bytes = Buffer.alloc(STAMP_BYTES);
    this.#options.random.fill(bytes);
    const stamp = bytes.toString('hex');
    const next = { revision: Math.max(expectedRevision + 1, this.#options.clock.wallMs()), users };
    const text = encodeUserList(next, stamp);
    if (Buffer.byteLength(text) > limits.storedUsersBytes)
      return { ok: false, problem: `all users together have more than ${limits.storedUsersBytes} bytes` };
    const swapped = await this.#options.cell.swap(cell, text);
    if (!swapped.ok) return swapped;
    if (swapped.value) return { ok: true, value: { swapped: true, list: next } };
    const after = await this.#read();
    if (!after.ok) return { ...after, uncertain: true };
    // An earlier try of this very call was done, and only its answer was lost.
    return { ok: true, value: { swapped: after.value.stamp === stamp, list: after.value.list } };
  }

  watch(afterRevision: number, listener: (list: UserList) => void): MapWatch {
    const { clock, log } = this.#options;
    let seen = afterRevision;
    let timer: Timer | null = null;
    let isStopped = false;
    let lastProblem = '';
    const tell = (problem: string): void => {
      if (problem !== '' && problem !== lastProblem)
        log.warn({ problem }, 'the users in the config store cannot be read');
      lastProblem = problem;
    };
    const look = async (): Promise<void> => {
      const read = await this.read();
      if (isStopped) return;
      if (!read.ok) tell(read.problem);
      else if (read.value.revision < seen) tell(`${this.place} holds an older list than before; it is not used`);
      else tell('');
      if (read.ok && read.value.revision > seen) {
        seen = read.value.revision;
        listener(read.value);
      }
      if (!isStopped) later();
    };
    const later = (): void => {
      timer = clock.after(limits.userPollMs, () => void look());
    };
    later();
    return {
      stop() {
        isStopped = true;
        timer?.cancel();
      },
    };
  }

  async #read(): Promise<StoreResult<{ readonly cell: CellText; readonly list: UserList; readonly stamp: string }>> {
    const read = await this.#options.cell.read();
    if (!read.ok) return read;
    const cell = read.value;
    if (cell.text === null) return { ok: true, value: { cell, list: NO_USERS, stamp: '' } };
    const decoded = decodeUserList(cell.text);
    if (!decoded.ok) return { ok: false, problem: `${this.place} cannot be used: ${decoded.problem}` };
    return { ok: true, value: { cell, list: decoded.list, stamp: decoded.stamp } };
  }
}

/** Applies `change` to the stored users until no other writer comes between; what it answers in words is why it cannot be. */
export async function updateUsers(
  store: UserStore,
  change: (users: readonly StoredUser[]) => readonly StoredUser[] | string,
): Promise<StoreResult<UserList>> {
  const read = await store.read();
  if (!read.ok) return read;
  let current = read.value;
  // Each turn that is lost means that another writer got on, so this ends as soon as the others pause.
  for (;;) {
    const changed = change(current.users);
    if (typeof changed === 'string') return { ok: false, problem: changed };
    const swap = await store.compareAndSet(current.revision, changed);
    if (!swap.ok) return swap;
    if (swap.value.swapped) return { ok: true, value: swap.value.list };
    current = swap.value.list;
  }
}
