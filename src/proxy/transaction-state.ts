import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { ErrorReply, type Reply, SimpleString } from '../resp/reply.ts';
import type { CommandEntry } from './command-table.ts';
import { requestSize } from './pending-command.ts';

/** A command that waits for EXEC. */
export interface QueuedCommand {
  readonly entry: CommandEntry;
  readonly args: readonly Buffer[];
}

/** A key that a client watches: EXEC does nothing if it was written since. */
export interface WatchedKey {
  readonly namespace: number;
  readonly key: Buffer;
  /** The ballot of the write that made what was there. */
  readonly origin: Ballot;
  /** There was a value. */
  readonly isLive: boolean;
  /** Map epoch of the last SWAPDB of its database that this proxy knew of before it looked; 0: of none. */
  readonly swapEpoch: number;
}

const QUEUED = new SimpleString('QUEUED');
const NOT_ALLOWED = new ErrorReply('ERR Command not allowed inside a transaction');
const TOO_MUCH = new ErrorReply(
  `ERR too much queued: a transaction holds at most ${limits.transactionCommands} commands and ${limits.transactionBytes} bytes`,
);
/** Run at once, also behind MULTI. */
const IMMEDIATE: ReadonlySet<string> = new Set(['multi', 'exec', 'discard', 'watch', 'unwatch', 'quit', 'reset']);

/** What a client has begun with MULTI and WATCH (https://redis.io/docs/latest/develop/interact/transactions/). */
export class TransactionState {
  /** Null: no MULTI. */
  queued: QueuedCommand[] | null = null;
  /** A command could not be queued: EXEC will refuse. */
  failed = false;
  /** One of the queued commands writes. */
  writes = false;
  /** By namespace and key. */
  readonly watched = new Map<string, WatchedKey>();
  #bytes = 0;
  #watchedBytes = 0;

  /** About what the queued commands and watched keys hold in memory. */
  get heldBytes(): number {
    return this.#bytes + this.#watchedBytes;
  }

  begin(): void {
    this.queued = [];
    this.failed = false;
    this.writes = false;
    this.#bytes = 0;
  }

  /** False, and nothing is watched: those keys would be too many. */
  hasRoomToWatch(keys: readonly Buffer[]): boolean {
    const isFew = this.watched.size + keys.length <= limits.watchedKeys;
    return isFew && this.#watchedBytes + requestSize(keys) <= limits.watchedBytes;
  }

  watch(name: string, key: WatchedKey): void {
    if (!this.watched.has(name)) this.#watchedBytes += key.key.length;
    this.watched.set(name, key);
  }

  unwatch(): void {
    this.watched.clear();
    this.#watchedBytes = 0;
  }

  /** Whether the command is to be queued and not run. UNWATCH is queued in Redis, too, to no effect. */
  takes({ row }: CommandEntry): boolean {
    return this.queued !== null && (!IMMEDIATE.has(row.name) || row.name === 'unwatch');
  }

  queue(entry: CommandEntry, args: readonly Buffer[]): Reply {
    const { queued } = this;
    if (queued === null) return NOT_ALLOWED;
    if (entry.row.flags.includes('no_multi')) {
      this.fail();
      return NOT_ALLOWED;
    }
    // It will not run: nothing of it is kept.
    if (this.failed) return QUEUED;
    this.#bytes += requestSize(args) + args.length * limits.queuedArgumentBytes;
    if (queued.length >= limits.transactionCommands || this.#bytes > limits.transactionBytes) {
      this.fail();
      return TOO_MUCH;
    }
    if (entry.writes) this.writes = true;
    queued.push({ entry, args });
    return QUEUED;
  }

  /** A command was refused before it could be queued. */
  fail(): void {
    if (this.queued === null) return;
    this.failed = true;
    this.queued = [];
    this.writes = false;
    this.#bytes = 0;
  }
}
