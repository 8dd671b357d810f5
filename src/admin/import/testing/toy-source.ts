import type { ManualClock } from '../../../base/testing/manual-clock.ts';
import { ErrorReply } from '../../../resp/reply.ts';
import type { SeededRandom } from '../../load/seeded-random.ts';
import type { StreamCommand } from '../stream-commands.ts';
import { ToyServer } from './toy-server.ts';

const COMMAND_BYTES = 10;
const KEYS = ['a', 'b', 'c', 'w0', 'w1', 'w2'];
const DATABASES = 3;
const LONGEST_LIFE_MS = 20_000;

/** What a source is written with, beside what all are. */
export type Habit = 'swaps' | 'expiries';

/** A source that is written to at random, and the stream of commands that came of it. */
export class ToySource {
  readonly server: ToyServer;
  readonly stream: { readonly command: StreamCommand; readonly isData: boolean; readonly end: number }[] = [];
  readonly #random: SeededRandom;
  readonly #clock: ManualClock;
  readonly #habits: readonly Habit[];
  #database = 0;
  #writes = 0;

  constructor(random: SeededRandom, clock: ManualClock, ...habits: readonly Habit[]) {
    this.#random = random;
    this.#clock = clock;
    this.#habits = habits;
    this.server = new ToyServer(clock);
  }

  get end(): number {
    return this.stream.length * COMMAND_BYTES;
  }

  /** One write, or a transaction of some. */
  write(): void {
    for (const { database, key } of this.server.expired()) this.#run(database, ['DEL', key]);
    if (this.#random.below(4) > 0) {
      this.#write();
      return;
    }
    this.publish('MULTI');
    for (let i = this.#random.below(5); i >= 0; i--) this.#write();
    this.publish('EXEC');
  }

  /** Puts something into the stream that changes no key. */
  publish(...words: readonly string[]): void {
    this.#push(words, false);
  }

  /** Each key of each database. */
  static keys(): { readonly database: number; readonly key: string }[] {
    const all = [];
    for (let database = 0; database < DATABASES; database++) for (const key of KEYS) all.push({ database, key });
    return all;
  }

  #write(): void {
    const database = this.#random.below(6) === 0 ? this.#random.below(DATABASES) : this.#database;
    this.#run(database, this.#words());
  }

  /** What it changes goes into the stream. */
  #run(database: number, words: readonly string[]): void {
    const reply = this.server.run(database, words);
    if (reply === 0 || reply instanceof ErrorReply) return;
    if (database !== this.#database) this.publish('SELECT', `${database}`);
    this.#database = database;
    this.#push(words, true);
  }

  #words(): readonly string[] {
    const value = `v${this.#writes++} `;
    const key = (): string => KEYS[this.#random.below(KEYS.length)] ?? '';
    const other = `${this.#random.below(DATABASES)}`;
    if (this.#habits.includes('expiries') && this.#random.below(3) > 0) return this.#expiring(key(), value);
    switch (this.#random.below(24)) {
      case 0:
        return ['DEL', key()];
      case 1:
      case 2:
        return ['RENAME', key(), key()];
      case 3:
        return ['COPY', key(), key(), 'DB', other, 'REPLACE'];
      case 4:
        return ['MOVE', key(), other];
      case 5:
        if (this.#habits.includes('expiries')) return ['SET', key(), value];
        return ['SORT', key(), 'BY', 'w*', 'STORE', key()];
      case 6:
        if (this.#habits.includes('expiries')) return ['APPEND', key(), value];
        return ['GATHER', key()];
      case 7:
        return this.#random.below(3) === 0 ? ['FLUSHDB'] : ['MSET', key(), value, key(), value];
      case 8:
        return this.#habits.includes('swaps') ? ['SWAPDB', '0', other] : ['SET', key(), value];
      case 9:
      case 10:
        return ['MSET', key(), value, key(), value, key(), value];
      case 11:
        return ['SET', key(), value];
      default:
        return ['APPEND', key(), value];
    }
  }

  /** What has to do with expiries. What reads other keys than it names is left out then: it may read what has expired at the target. */
  #expiring(key: string, value: string): readonly string[] {
    const moment = `${this.#clock.wallMs() + 1 + this.#random.below(LONGEST_LIFE_MS)}`;
    switch (this.#random.below(8)) {
      case 0:
        return ['PERSIST', key];
      case 1:
      case 2:
        return ['PEXPIREAT', key, moment];
      case 3:
        return ['SET', key, value, 'KEEPTTL'];
      case 4:
        return ['SET', key, value, 'XX'];
      default:
        return ['SET', key, value, 'PXAT', moment];
    }
  }

  #push(words: readonly string[], isData: boolean): void {
    const args = words.map((word) => Buffer.from(word));
    const command = { name: words[0]?.toLowerCase() ?? '', args, bytes: COMMAND_BYTES };
    this.stream.push({ command, isData, end: this.end + COMMAND_BYTES });
  }
}
