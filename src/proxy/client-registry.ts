import { assert } from '../base/assert.ts';
import { ReplyBlocks } from '../resp/reply-blocks.ts';
import { NumberRow } from './peers/number-row.ts';
import { StreamRoom } from './reply-stream.ts';
import type { Session } from './session.ts';

/** What CLIENT PAUSE holds back: commands that write, or all. */
export type PauseMode = 'write' | 'all';

export interface Pause {
  readonly mode: PauseMode;
  readonly untilMonotonicMs: number;
}

/** All connections of one proxy, oldest first, and what they hold together. */
export class ClientRegistry {
  readonly #sessions = new Map<number, Session>();
  readonly #ids: NumberRow;
  #pause: Pause | null = null;
  #onUnpause = new Set<() => void>();

  /** Bytes of requests that have arrived and are not parsed yet, of all connections; kept up by the connections. */
  queryBufferBytes = 0;
  /** Bytes of replies that the sockets have not taken yet, of all connections; kept up by the connections. */
  outputBufferBytes = 0;
  /** Memory that the connections write their replies into. */
  readonly replyBlocks = new ReplyBlocks();
  /** Replies that are sent while they are made. */
  readonly streams = new StreamRoom();
  /** Connections that wait inside a blocking command. */
  blockedClients = 0;
  /** Connections that wait for their sockets to be closed; kept up by those who close them. */
  leaving = 0;

  constructor(ids = new NumberRow()) {
    this.#ids = ids;
  }

  /** A number that no connection of this proxy had before, for CLIENT ID. */
  nextId(): number {
    return this.#ids.next();
  }

  add(session: Session): void {
    assert(!this.#sessions.has(session.id), 'a client id is given once');
    this.#sessions.set(session.id, session);
  }

  remove(session: Session): void {
    this.#sessions.delete(session.id);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Of maxclients: with those whose sockets are not closed yet. */
  get taken(): number {
    return this.#sessions.size + this.leaving;
  }

  get(id: number): Session | undefined {
    return this.#sessions.get(id);
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values();
  }

  /** The sessions that `matches` accepts, oldest first: a copy, safe to kill while iterating. */
  filter(matches: (session: Session) => boolean): Session[] {
    const found: Session[] = [];
    for (const session of this.#sessions.values()) if (matches(session)) found.push(session);
    return found;
  }

  /** How many sessions `matches` accepts. */
  count(matches: (session: Session) => boolean): number {
    let found = 0;
    for (const session of this.#sessions.values()) if (matches(session)) found += 1;
    return found;
  }

  /** Closes every session at once. */
  destroyAll(): void {
    for (const session of [...this.#sessions.values()]) session.destroy();
  }

  /**
   * CLIENT PAUSE. A second one can only make a running pause longer and wider, as in Redis 7.
   * https://redis.io/docs/latest/commands/client-pause/
   */
  pause(mode: PauseMode, untilMonotonicMs: number): void {
    const old = this.#pause;
    const wider = old?.mode === 'all' ? 'all' : mode;
    this.#pause = { mode: wider, untilMonotonicMs: Math.max(untilMonotonicMs, old?.untilMonotonicMs ?? 0) };
  }

  /** Which pause is under way; null: none. */
  get currentPause(): Pause | null {
    return this.#pause;
  }

  /** CLIENT UNPAUSE, or the pause's end: wakes the connections that wait for it. */
  unpause(): void {
    this.#pause = null;
    const waiting = this.#onUnpause;
    this.#onUnpause = new Set();
    for (const resume of waiting) resume();
  }

  /** Ends the pause if its time is over. */
  endPauseIfDue(nowMonotonicMs: number): void {
    if (this.#pause !== null && this.#pause.untilMonotonicMs <= nowMonotonicMs) this.unpause();
  }

  /** Whether a command has to wait for the end of a pause. */
  holdsBack(writes: boolean): boolean {
    return this.#pause !== null && (writes || this.#pause.mode === 'all');
  }

  /** Calls `resume` once, when the pause ends. */
  onUnpause(resume: () => void): void {
    this.#onUnpause.add(resume);
  }

  /** A connection that closes waits no more. */
  forgetUnpause(resume: () => void): void {
    this.#onUnpause.delete(resume);
  }
}
