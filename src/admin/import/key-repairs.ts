import type { Clock } from '../../base/clock.ts';
import { keptCopy } from '../../base/kept-bytes.ts';
import { limits } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import { openDump } from '../../record/rdb/dump-payload.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { pause } from '../backup/backup-link.ts';
import { ImportCounts, nameOf } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import type { KeyExpiries } from './key-expiries.ts';
import { KeyWriter } from './key-writer.ts';
import { keyId } from './placed-command.ts';
import { LinkLost, RedisLink, type RedisPlace } from './redis-link.ts';
import { type KeyAndValue, valueFrom } from './source-reader.ts';
import type { TargetLinks } from './target-links.ts';

const CHANNEL_BYTES = 12;

/** Keys of one database that were asked for together: their values as of the moment at which the source published `id`. */
interface Asked {
  readonly database: number;
  readonly values: Promise<readonly KeyAndValue[] | null>;
  /** What is done with them at that place. */
  use(values: readonly KeyAndValue[]): Promise<void>;
}

/**
 * Keys whose content at the target is not sure: a command on them failed, or may have been done before a crash. The source is
 * asked for their values and to publish a message, both in one transaction. The message comes along in the command stream, at
 * the place at which the values are right: there they are written, and what follows in the stream goes on from them.
 */
export class KeyRepairs {
  readonly #place: RedisPlace;
  readonly #clock: Clock;
  readonly #links: TargetLinks;
  readonly #writer: KeyWriter;
  readonly #counts: ImportCounts;
  readonly #expiries: KeyExpiries;
  readonly #channel: string;
  /** By database and key; null where it has been asked for. */
  readonly #unsure = new Map<string, { readonly database: number; readonly key: Buffer }>();
  readonly #due = new Set<string>();
  readonly #asked = new Map<string, Asked>();
  #link: RedisLink | null = null;
  #expiryCommand: 'PEXPIRETIME' | 'PTTL' = 'PTTL';
  #asking: Promise<void> | null = null;
  #failure: unknown = null;
  /** Of the writer, which counts keys that have been counted before. */
  readonly #own: ImportCounts;
  #nextId = 0;

  constructor(
    place: RedisPlace,
    links: TargetLinks,
    expiries: KeyExpiries,
    counts: ImportCounts,
    clock: Clock,
    random: Random,
  ) {
    this.#place = place;
    this.#links = links;
    this.#own = new ImportCounts();
    this.#writer = new KeyWriter(links, this.#own, 0, clock);
    this.#counts = counts;
    this.#expiries = expiries;
    this.#clock = clock;
    const name = Buffer.alloc(CHANNEL_BYTES);
    random.fill(name);
    this.#channel = `junokv-import:${name.toString('hex')}`;
  }

  /** Keys that are not sure. */
  get count(): number {
    return this.#unsure.size;
  }

  isUnsure(database: number, key: Buffer): boolean {
    return this.#unsure.size > 0 && this.#unsure.has(keyId(database, key));
  }

  /** All of them, for a later run. */
  list(): { readonly database: number; readonly key: string }[] {
    return [...this.#unsure.values()].map(({ database, key }) => ({ database, key: key.toString('base64') }));
  }

  /** Throws ImportProblem where there are too many to remember. */
  add(database: number, key: Buffer): void {
    const id = keyId(database, key);
    if (this.#unsure.has(id)) return;
    if (this.#unsure.size >= limits.importUnsureKeys) {
      throw new ImportProblem(
        `there are more than ${limits.importUnsureKeys} keys of which the content is not sure: commands on them failed (see the counts), or came after their expiry`,
      );
    }
    // Its own memory, not a piece of the stream's.
    this.#unsure.set(id, { database, key: keptCopy(key) });
    this.#due.add(id);
    this.throwIfFailed();
    this.#asking ??= this.#askForAll()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#asking = null;
      });
  }

  /**
   * Two databases have changed places, here as at the source. What is not sure of a key goes with it, and what is asked for
   * already is of the place that it had: so both are looked at. Throws ImportProblem.
   */
  swapped(one: number, other: number): void {
    for (const { database, key } of [...this.#unsure.values()]) {
      if (database === one) this.add(other, key);
      else if (database === other) this.add(one, key);
    }
  }

  /** Throws what asking failed with. */
  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Forgets all: everything is copied anew. */
  clear(): void {
    this.#unsure.clear();
    this.#due.clear();
    this.#asked.clear();
  }

  /** Whether a PUBLISH in the stream is one of our messages. */
  isOurs(args: readonly Buffer[]): boolean {
    return args[1]?.toString() === this.#channel;
  }

  /** Does what one of our messages is for; everything before it in the stream is done. */
  async take(args: readonly Buffer[]): Promise<void> {
    const id = args[2]?.toString() ?? '';
    const asked = this.#asked.get(id);
    const values = (await asked?.values) ?? null;
    this.#asked.delete(id);
    if (asked !== undefined && values !== null) await asked.use(values);
  }

  /**
   * Calls `use` with the source's values of these keys when everything that the source did before, and nothing after, has been
   * done here. Resolves when it has ended; keys that are not sure are left out.
   */
  async atOnePlace(
    database: number,
    keys: readonly Buffer[],
    use: (values: readonly KeyAndValue[]) => Promise<void>,
  ): Promise<void> {
    for (let from = 0; from < keys.length; from += limits.importRepairKeys) {
      const some = keys.slice(from, from + limits.importRepairKeys);
      await new Promise<void>((resolve, reject) => {
        const used = async (values: readonly KeyAndValue[]): Promise<void> => {
          await use(values.filter(({ key }) => !this.isUnsure(database, key)));
          resolve();
        };
        this.#publish(database, some, used).catch(reject);
      });
    }
  }

  async #repair(database: number, values: readonly KeyAndValue[]): Promise<void> {
    for (const { key, value } of values) await this.#write(database, key, value);
    await this.#writer.drained();
    for (const { key } of values) this.#unsure.delete(keyId(database, key));
    this.#counts.repaired += values.length;
    this.#counts.takeProblems(this.#own);
  }

  /** Asks until the source has answered. */
  async #publish(database: number, keys: readonly Buffer[], use: Asked['use']): Promise<void> {
    for (;;) {
      const id = String(this.#nextId++);
      const values = this.#ask(database, keys, id);
      this.#asked.set(id, { database, values, use });
      if ((await values) !== null) return;
      // Another message: this one may have been published all the same, and means nothing.
      await pause(this.#clock, limits.backupRetryMs);
    }
  }

  close(): void {
    this.#link?.close();
  }

  async #write(database: number, key: Buffer, value: KeyAndValue['value']): Promise<void> {
    if (typeof value === 'string') {
      this.#counts.fail(value, nameOf(database, key));
      return;
    }
    const opened = value === null ? null : openDump(value.payload);
    this.#expiries.set(database, key, value?.expiresAtMs ?? 0);
    if (value === null || opened === null) {
      await this.#links.call(database, ['DEL', key]);
      return;
    }
    const target = { database, key, expiresAtMs: value.expiresAtMs };
    await this.#writer.write(target, opened.type, opened.value, () => undefined);
  }

  async #askForAll(): Promise<void> {
    while (this.#due.size > 0) {
      const [first = ''] = this.#due;
      const database = this.#unsure.get(first)?.database ?? 0;
      const keys: Buffer[] = [];
      for (const id of this.#due) {
        const one = this.#unsure.get(id);
        if (one !== undefined && one.database !== database) continue;
        this.#due.delete(id);
        if (one !== undefined) keys.push(one.key);
        if (keys.length >= limits.importRepairKeys) break;
      }
      await this.#publish(database, keys, (values) => this.#repair(database, values));
    }
  }

  async #connect(): Promise<RedisLink> {
    if (this.#link !== null && !this.#link.isLost) return this.#link;
    const link = await RedisLink.open(this.#place, this.#clock);
    // Since Redis 7 a server tells when a key expires, and not only how long from now.
    const isNew = !((await link.call(['PEXPIRETIME', 'k'])) instanceof ErrorReply);
    this.#expiryCommand = isNew ? 'PEXPIRETIME' : 'PTTL';
    this.#link = link;
    return link;
  }

  /** Null where the connection was lost. */
  async #ask(database: number, keys: readonly Buffer[], id: string): Promise<readonly KeyAndValue[] | null> {
    try {
      const link = await this.#connect();
      const commands = [
        ['SELECT', String(database)],
        ['MULTI'],
        ...keys.flatMap((key) => [
          [this.#expiryCommand, key],
          ['DUMP', key],
        ]),
        ['PUBLISH', this.#channel, id],
        ['EXEC'],
      ];
      const replies = (await Promise.all(commands.map((args) => link.call(args)))).at(-1);
      const fromMs = this.#expiryCommand === 'PTTL' ? this.#clock.wallMs() : 0;
      if (!Array.isArray(replies)) {
        const words = replies instanceof ErrorReply ? replies.text : 'something else';
        throw new ImportProblem(`the source answered a transaction with ${words}`);
      }
      const found = replies as readonly Reply[];
      return keys.map((key, i) => ({ key, value: valueFrom(found[2 * i], found[2 * i + 1], fromMs) }));
    } catch (error) {
      if (error instanceof LinkLost) return null;
      throw error;
    }
  }
}
