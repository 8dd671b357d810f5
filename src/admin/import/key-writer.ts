import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { dumpOf } from '../../record/rdb/dump-payload.ts';
import { kindOfType, type RdbValue } from '../../record/rdb/rdb-format.ts';
import { readRdbValue } from '../../record/rdb/rdb-value.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { CallWindow } from '../backup/call-window.ts';
import { type ImportCounts, nameOf } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import type { Argument } from './redis-link.ts';
import type { TargetLinks } from './target-links.ts';
import { goesWhole, valueCommands } from './value-commands.ts';

/** A key as its source has it; `expiresAtMs` 0: never. */
export interface KeyToWrite {
  readonly database: number;
  readonly key: Buffer;
  readonly expiresAtMs: number;
}

/** What a key costs in memory beside its bytes, while it is under way. */
const KEY_OVERHEAD_BYTES = 1_024;

/** Writes keys to the target, many at once, over what is there. Counts what became of them. */
export class KeyWriter {
  readonly #links: TargetLinks;
  readonly #counts: ImportCounts;
  readonly #clock: Clock;
  readonly #window: CallWindow;
  /** Of the large collection whose parts are coming: the end of the last one. */
  #parts: Promise<void> = Promise.resolve();

  /** `bytesPerSecond` 0: as fast as it goes. */
  constructor(links: TargetLinks, counts: ImportCounts, bytesPerSecond: number, clock: Clock) {
    this.#links = links;
    this.#counts = counts;
    this.#clock = clock;
    this.#window = new CallWindow(clock, limits.importKeysAtOnce, limits.importBytesAtOnce, bytesPerSecond);
  }

  /**
   * Begins to write a value of this type, when there is room for it; `done` is called when it is written, or counted as
   * failed. Throws ImportProblem where the target cannot be reached.
   */
  write(target: KeyToWrite, type: number, value: Buffer, done: () => void): Promise<void> {
    return this.#window.start(value.length + KEY_OVERHEAD_BYTES, async () => {
      await this.#write(target, type, value);
      done();
    });
  }

  /** Writes a part of a collection, after the ones before it; done when it is written. */
  async writePart(target: KeyToWrite, part: RdbValue, isFirst: boolean, isLast: boolean): Promise<void> {
    this.#parts = this.#parts.then(() => this.#writeElements(target, part, isFirst, isLast));
    await this.#parts;
  }

  /** Everything is written. */
  drained(): Promise<void> {
    return this.#window.drained();
  }

  #hasExpired({ expiresAtMs }: KeyToWrite): boolean {
    return expiresAtMs !== 0 && expiresAtMs <= this.#clock.wallMs();
  }

  async #write(target: KeyToWrite, type: number, value: Buffer): Promise<void> {
    const { database, key, expiresAtMs } = target;
    const kind = kindOfType(type);
    if (kind === null || kind === 'stream' || kind === 'module') {
      this.#counts.skip(`${kind ?? 'of unknown type'}`, nameOf(database, key));
      return;
    }
    if (this.#hasExpired(target)) {
      this.#counts.expired++;
      await this.#links.call(database, ['DEL', key]);
      return;
    }
    this.#counts.bytes += value.length;
    if (goesWhole(value.length, kind === 'string')) {
      const payload = dumpOf(type, value);
      const args: Argument[] = ['RESTORE', key, String(expiresAtMs), payload, 'REPLACE', 'ABSTTL'];
      const reply = await this.#links.call(database, args);
      if (reply instanceof ErrorReply) this.#counts.fail(reply.text, nameOf(database, key));
      else this.#counts.keys++;
      return;
    }
    const elements = readRdbValue(type, value, 0, value.length);
    if (typeof elements === 'string') this.#counts.fail(`a value that is ${elements}`, nameOf(database, key));
    else await this.#writeElements(target, elements, true, true);
  }

  async #writeElements(target: KeyToWrite, value: RdbValue, isFirst: boolean, isLast: boolean): Promise<void> {
    const { database, key, expiresAtMs } = target;
    if (isFirst) await this.#links.call(database, ['DEL', key]);
    for (const args of valueCommands(key, value)) {
      const reply =
        value.kind === 'list' ? await this.#push(database, key, args) : await this.#links.call(database, args);
      if (!(reply instanceof ErrorReply)) continue;
      this.#counts.fail(reply.text, nameOf(database, key));
      return;
    }
    if (!isLast) return;
    if (expiresAtMs !== 0) await this.#links.call(database, ['PEXPIREAT', key, String(expiresAtMs)]);
    this.#counts.keys++;
  }

  /** RPUSH, which must not be done twice: where its fate is open, the list's length tells. */
  async #push(database: number, key: Buffer, args: readonly Argument[]): Promise<Reply> {
    const before = await this.#links.call(database, ['LLEN', key]);
    if (typeof before !== 'number') return before;
    for (let tries = 0; ; tries++) {
      const reply = await this.#links.callOnce(database, args);
      if (reply !== null) return reply;
      const after = await this.#links.call(database, ['LLEN', key]);
      if (after === before + args.length - 2) return after;
      if (after !== before || tries >= limits.backupValueTries) {
        throw new ImportProblem(`somebody else writes to the list ${nameOf(database, key)}`);
      }
    }
  }
}
