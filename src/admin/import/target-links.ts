import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { pause } from '../backup/backup-link.ts';
import { ImportProblem } from './import-problem.ts';
import { type Argument, LinkLost, RedisLink, type RedisPlace } from './redis-link.ts';

/** Answers that pass: the same command can be sent again. */
const PASSING = /^(UNAVAILABLE|UNCERTAIN|BUSY|LOADING|TRYAGAIN|MASTERDOWN|CLUSTERDOWN)\b/;

/** Whether the command may be answered better later. What it asked for may have been done all the same. */
export function isPassing(reply: Reply): boolean {
  return reply instanceof ErrorReply && PASSING.test(reply.text);
}

/** Connections to servers that all have the same keys, each connection with a database of its own. */
export class TargetLinks {
  readonly #places: readonly RedisPlace[];
  readonly #clock: Clock;
  readonly #perDatabase: number;
  readonly #links = new Map<number, (Promise<RedisLink> | null)[]>();
  #next = 0;
  #isClosed = false;
  #hasAnswered = false;
  #lostMs: number | null = null;

  /** `perDatabase`: connections for one database. */
  constructor(places: readonly RedisPlace[], perDatabase: number, clock: Clock) {
    this.#places = places;
    this.#perDatabase = perDatabase;
    this.#clock = clock;
  }

  /**
   * The reply to a command that may be sent several times: what passes, and lost connections, are tried again, with other
   * servers in turn. Throws ImportProblem where none has for limits.importAnswersMs, or before any did for limits.backupUnreachableMs.
   */
  async call(database: number, args: readonly Argument[]): Promise<Reply> {
    const startedMs = this.#clock.monotonicMs();
    for (;;) {
      let reason: string;
      try {
        const reply = await this.#ask(database, args);
        if (!isPassing(reply)) {
          this.#hasAnswered = true;
          return reply;
        }
        reason = reply instanceof ErrorReply ? reply.text : '';
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        reason = error.message;
      }
      if (this.#isClosed) throw new ImportProblem('the connections are closed');
      if (this.#clock.monotonicMs() - startedMs > this.#patienceMs) {
        throw new ImportProblem(`the target does not answer: ${reason}`);
      }
      await pause(this.#clock, limits.backupRetryMs);
    }
  }

  /** The same for a command that is sent once; null where it is open whether it was done. */
  async callOnce(database: number, args: readonly Argument[]): Promise<Reply | null> {
    try {
      const reply = await this.#ask(database, args);
      return isPassing(reply) ? null : reply;
    } catch (error) {
      if (!(error instanceof LinkLost)) throw error;
      return null;
    }
  }

  /** A connection of the caller's own. Throws LinkLost. */
  open(database: number): Promise<RedisLink> {
    const place = this.#places[this.#next++ % this.#places.length];
    if (place === undefined) throw new ImportProblem('there is no address to connect to');
    return RedisLink.open({ ...place, greeting: [...place.greeting, ['SELECT', String(database)]] }, this.#clock);
  }

  /** The same, tried again as long as `call` does. Throws ImportProblem. */
  async openPatiently(database: number): Promise<RedisLink> {
    const startedMs = this.#clock.monotonicMs();
    for (;;) {
      try {
        return await this.open(database);
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        if (this.#isClosed || this.#clock.monotonicMs() - startedMs > this.#patienceMs) {
          throw new ImportProblem(`the target does not answer: ${error.message}`);
        }
        await pause(this.#clock, limits.backupRetryMs);
      }
    }
  }

  /** A connection was lost, or may have been, with something under way on it. */
  noteLost(): void {
    this.#lostMs = this.#clock.monotonicMs();
  }

  /** What was under way on lost connections has been carried out, or will not be any more. */
  async quiet(): Promise<void> {
    while (this.#lostMs !== null) {
      const leftMs = this.#lostMs + limits.importLingerMs - this.#clock.monotonicMs();
      if (leftMs <= 0) this.#lostMs = null;
      else await pause(this.#clock, leftMs);
    }
  }

  async #ask(database: number, args: readonly Argument[]): Promise<Reply> {
    const link = await this.#take(database);
    try {
      return await link.call(args);
    } catch (error) {
      this.noteLost();
      throw error;
    }
  }

  get #patienceMs(): number {
    return this.#hasAnswered ? limits.importAnswersMs : limits.backupUnreachableMs;
  }

  close(): void {
    this.#isClosed = true;
    for (const links of this.#links.values()) {
      for (const link of links) link?.then((open) => open.close()).catch(() => undefined);
    }
  }

  async #take(database: number): Promise<RedisLink> {
    let links = this.#links.get(database);
    if (links === undefined) {
      links = Array.from({ length: this.#perDatabase }, () => null);
      this.#links.set(database, links);
    }
    const slot = this.#next++ % this.#perDatabase;
    const opened = links[slot] ?? this.open(database);
    links[slot] = opened;
    try {
      const link = await opened;
      if (!link.isLost) return link;
      throw new LinkLost('the connection was lost');
    } catch (error) {
      if (links[slot] === opened) links[slot] = null;
      throw error;
    }
  }
}
