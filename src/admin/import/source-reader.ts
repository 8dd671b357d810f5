import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { pause } from '../backup/backup-link.ts';
import { ImportProblem } from './import-problem.ts';
import { LinkLost, RedisLink, type RedisPlace } from './redis-link.ts';
import { isPassing } from './target-links.ts';

/** Where a server tells only how long a key still lives. */
const RELATIVE_EXPIRY_TOLERANCE_MS = 100;

/** A key's payload and expiry (0: never) as a server has them. */
export interface SourceValue {
  readonly payload: Buffer;
  readonly expiresAtMs: number;
}

export interface DatabaseSize {
  readonly keys: number;
  readonly expires: number;
}

/** `value` null: there is no such key any more; a text: the error that was answered. */
export interface KeyAndValue {
  readonly key: Buffer;
  readonly value: SourceValue | string | null;
}

/** One connection to the source, opened anew when it is lost; everything that is asked may be asked again. */
export class SourceReader {
  readonly #place: RedisPlace;
  readonly #clock: Clock;
  readonly #silenceMs: number;
  #link: RedisLink | null = null;
  #database = -1;
  #hasAnswered = false;
  /** Whether it tells when a key expires; else it tells how long from now. */
  #hasExpireTime: boolean | null = null;

  constructor(place: RedisPlace, clock: Clock, silenceMs: number = limits.importSilenceMs) {
    this.#place = place;
    this.#clock = clock;
    this.#silenceMs = silenceMs;
  }

  /** How far expiries may be off, as this server tells them. */
  get expiryToleranceMs(): number {
    return this.#hasExpireTime === false ? RELATIVE_EXPIRY_TOLERANCE_MS : 0;
  }

  /** The replies to these reads of a database; what passes is tried again. Throws ImportProblem where it does not for long. */
  async ask(database: number, commands: readonly (readonly (string | Buffer)[])[]): Promise<readonly Reply[]> {
    const startedMs = this.#clock.monotonicMs();
    const replies = new Array<Reply>(commands.length).fill(null);
    let due = commands.map((_, i) => i);
    while (due.length > 0) {
      let reason: string;
      try {
        const link = await this.#select(database);
        const answers = await Promise.all(due.map((i) => link.call(commands[i] ?? [])));
        due.forEach((place, i) => {
          replies[place] = answers[i] ?? null;
        });
        due = due.filter((place) => isPassing(replies[place] ?? null));
        const first = replies[due[0] ?? -1];
        reason = first instanceof ErrorReply ? first.text : '';
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        this.#database = -1;
        reason = error.message;
      }
      if (due.length < commands.length) this.#hasAnswered = true;
      if (due.length === 0) break;
      const patienceMs = this.#hasAnswered ? limits.importAnswersMs : limits.backupUnreachableMs;
      if (this.#clock.monotonicMs() - startedMs > patienceMs) {
        throw new ImportProblem(`the server does not answer: ${reason}`);
      }
      await pause(this.#clock, limits.backupRetryMs);
    }
    return replies;
  }

  /** The values of these keys, as many at once as fit into memory, in their order. */
  async *values(database: number, keys: readonly Buffer[]): AsyncGenerator<readonly KeyAndValue[]> {
    this.#hasExpireTime ??= !((await this.ask(database, [['PEXPIRETIME', 'k']]))[0] instanceof ErrorReply);
    const sizes = await this.ask(
      database,
      keys.map((key) => ['MEMORY', 'USAGE', key]),
    );
    for (let from = 0; from < keys.length; ) {
      let to = from;
      for (let bytes = 0; to < keys.length && (to === from || bytes < limits.importBytesAtOnce); to++) {
        const size = sizes[to];
        bytes += typeof size === 'number' ? size : 0;
      }
      const some = keys.slice(from, to);
      const ttl = this.#hasExpireTime ? 'PEXPIRETIME' : 'PTTL';
      const replies = await this.ask(
        database,
        some.flatMap((key) => [
          [ttl, key],
          ['DUMP', key],
        ]),
      );
      const fromMs = this.#hasExpireTime ? 0 : this.#clock.wallMs();
      yield some.map((key, i) => ({ key, value: valueFrom(replies[2 * i], replies[2 * i + 1], fromMs) }));
      from = to;
    }
  }

  /** Keys in each database that has some, and how many of them expire. */
  async sizes(): Promise<ReadonlyMap<number, DatabaseSize>> {
    const [info] = await this.ask(0, [['INFO', 'keyspace']]);
    if (info instanceof ErrorReply) throw new ImportProblem(`the source answered INFO with ${info.text}`);
    const sizes = new Map<number, DatabaseSize>();
    for (const [, database, keys, expires] of String(info).matchAll(/^db(\d+):keys=(\d+),expires=(\d+)/gm)) {
      sizes.set(Number(database), { keys: Number(keys), expires: Number(expires) });
    }
    return sizes;
  }

  /**
   * Keys in each database, by its number, counted now: the INFO of a cluster may be some seconds old. Asked over connections of
   * their own, for a cluster counts all that is asked at once in one pass over its records.
   */
  async counted(): Promise<readonly number[]> {
    const [answer] = await this.ask(0, [['CONFIG', 'GET', 'databases']]);
    const databases = Array.isArray(answer) ? Number(String(answer[1])) : 1;
    const counts: number[] = [];
    while (counts.length < (databases || 1)) {
      const some = Math.min(limits.importCountsAtOnce, (databases || 1) - counts.length);
      const first = counts.length;
      counts.push(...(await Promise.all(Array.from({ length: some }, (_, i) => this.#count(first + i)))));
    }
    return counts;
  }

  async #count(database: number): Promise<number> {
    // A cluster may be minutes at it.
    const reader = new SourceReader(this.#place, this.#clock, limits.importAnswersMs);
    try {
      const [count] = await reader.ask(database, [['DBSIZE']]);
      if (typeof count !== 'number') throw new ImportProblem('DBSIZE was not answered with a number');
      return count;
    } finally {
      reader.close();
    }
  }

  /** Databases that have keys, as counted now. */
  async occupied(): Promise<readonly number[]> {
    return [...(await this.counted()).entries()].filter(([, keys]) => keys > 0).map(([database]) => database);
  }

  /** The names of its libraries of functions; none where it knows no functions. */
  async libraries(): Promise<readonly string[]> {
    const [reply] = await this.ask(0, [['FUNCTION', 'LIST']]);
    const libraries = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
    return libraries.map((library) => (Array.isArray(library) ? String((library as readonly Reply[])[1]) : ''));
  }

  close(): void {
    this.#link?.close();
  }

  async #select(database: number): Promise<RedisLink> {
    if (this.#link === null || this.#link.isLost) {
      this.#link = await RedisLink.open(this.#place, this.#clock, this.#silenceMs);
      this.#database = 0;
    }
    if (database !== this.#database) {
      const reply = await this.#link.call(['SELECT', String(database)]);
      if (reply instanceof ErrorReply) throw new ImportProblem(`SELECT ${database} was answered: ${reply.text}`);
      this.#database = database;
    }
    return this.#link;
  }
}

/** Of the replies to PTTL, counted from `fromMs` (0 for PEXPIRETIME), and to DUMP. */
export function valueFrom(ttl: Reply | undefined, payload: Reply | undefined, fromMs: number): KeyAndValue['value'] {
  if (payload === null) return null;
  if (payload instanceof ErrorReply) return payload.text;
  if (!Buffer.isBuffer(payload) || typeof ttl !== 'number') return 'something else was answered than DUMP answers';
  return { payload, expiresAtMs: ttl < 0 ? 0 : fromMs + ttl };
}

/** What SCAN answered. Throws ImportProblem. */
export function pageOf(reply: Reply | undefined): { readonly cursor: string; readonly keys: readonly Buffer[] } {
  const [cursor, keys] = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  if (!Buffer.isBuffer(cursor) || !Array.isArray(keys)) {
    const words = reply instanceof ErrorReply ? reply.text : 'something else';
    throw new ImportProblem(`SCAN was answered: ${words}`);
  }
  return { cursor: cursor.toString(), keys: (keys as readonly Reply[]).filter((key) => Buffer.isBuffer(key)) };
}
