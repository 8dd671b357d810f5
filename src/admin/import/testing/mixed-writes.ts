import { SeededRandom } from '../../load/seeded-random.ts';

export type Write = readonly string[];

/** Writes of all types that a cluster takes, on `keys` names of each type; the same for the same seed. */
export class MixedWrites {
  readonly #random: SeededRandom;
  readonly #keys: number;

  constructor(seed: number, keys: number) {
    this.#random = new SeededRandom(seed, 'writes');
    this.#keys = keys;
  }

  /** The next command; with `isChanging` also ones that delete, expire and rename. */
  next(isChanging: boolean): Write {
    const pick = this.#below(isChanging ? 20 : 7);
    const text = (): string => 'v'.repeat(this.#below(60)) + this.#below(1_000_000);
    const number = (): string => String(this.#below(100_000) - 50_000);
    switch (pick) {
      case 0:
        return ['SET', this.#key('s'), text()];
      case 1:
        return ['SET', this.#key('s'), text(), 'PX', String(600_000 + this.#below(600_000))];
      case 2:
        return ['RPUSH', this.#key('l'), text(), number(), text()];
      case 3:
        return ['SADD', this.#key('i'), number(), number()];
      case 4:
        return ['SADD', this.#key('m'), text(), text()];
      case 5:
        return ['HSET', this.#key('h'), number(), text(), `f${this.#below(200)}`, number()];
      case 6:
        return ['ZADD', this.#key('z'), String(this.#below(1_000) / 8), text(), number(), `m${this.#below(200)}`];
      case 7:
        return ['INCR', this.#key('n')];
      case 8:
        return ['APPEND', this.#key('s'), text()];
      case 9:
        return ['LPOP', this.#key('l')];
      case 10:
        return ['DEL', this.#key(this.#letter())];
      case 11:
        return ['PEXPIRE', this.#key(this.#letter()), String(300_000 + this.#below(300_000))];
      case 12:
        return ['PERSIST', this.#key(this.#letter())];
      case 13:
        return ['ZINCRBY', this.#key('z'), number(), `m${this.#below(200)}`];
      case 14:
        return ['SPOP', this.#key('m')];
      case 15:
        return ['HINCRBYFLOAT', this.#key('f'), 'x', '0.25'];
      case 16:
        return ['RENAME', this.#key('n'), this.#key('r')];
      case 17:
        return ['SUNIONSTORE', this.#key('u'), this.#key('i'), this.#key('m')];
      case 18:
        return ['LMOVE', this.#key('l'), this.#key('k'), 'LEFT', 'RIGHT'];
      default:
        return ['SETRANGE', this.#key('s'), String(this.#below(50)), text()];
    }
  }

  #below(below: number): number {
    return this.#random.below(below);
  }

  #letter(): string {
    return 'slimhzn'[this.#below(7)] ?? 's';
  }

  #key(letter: string): string {
    return `${letter}:${this.#below(this.#keys)}`;
  }
}
