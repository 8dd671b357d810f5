import type { Clock } from '../../../base/clock.ts';
import { ErrorReply, type Reply } from '../../../resp/reply.ts';

const NO_KEY = new ErrorReply('ERR no such key');

/** A text, and when it expires (0: never). */
export interface ToyValue {
  readonly text: string;
  readonly expiresAtMs: number;
}

/** Databases of texts, and a few commands whose order can be told from what they leave. Nobody sees what has expired. */
export class ToyServer {
  readonly #clock: Pick<Clock, 'wallMs'>;
  /** By their numbers. */
  readonly #databases = new Map<number, Map<string, ToyValue>>();

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock;
  }

  /** 0 or an error: it has changed nothing. */
  run(database: number, [name = '', ...args]: readonly string[]): Reply {
    const [key = '', other = '', ...rest] = args;
    const data = this.#data(database);
    const found = this.get(database, key);
    switch (name) {
      case 'SET':
        return this.#set(database, key, other, rest);
      case 'MSET':
        for (let i = 0; i < args.length; i += 2) store(data, args[i] ?? '', args[i + 1] ?? '');
        return 'OK';
      case 'APPEND':
        store(data, key, (found?.text ?? '') + other, found?.expiresAtMs);
        return data.get(key)?.text.length ?? 0;
      case 'PEXPIREAT':
      case 'PERSIST':
        if (found !== null) store(data, key, found.text, name === 'PERSIST' ? 0 : Number(other));
        return found === null ? 0 : 1;
      case 'DEL':
        return data.delete(key) ? 1 : 0;
      case 'RENAME':
        if (found === null) return NO_KEY;
        data.delete(key);
        return store(data, other, found.text, found.expiresAtMs);
      case 'COPY':
        if (found !== null) store(this.#data(Number(args[3])), other, found.text, found.expiresAtMs);
        return found === null ? 0 : 1;
      case 'MOVE':
        if (found === null || this.get(Number(other), key) !== null) return 0;
        store(this.#data(Number(other)), key, found.text, found.expiresAtMs);
        return data.delete(key) ? 1 : 0;
      case 'SORT':
        // SORT key BY w* STORE to
        return store(data, args[4] ?? '', texts(data, 'w')).length;
      case 'GATHER':
        return store(data, key, texts(data, '')).length;
      case 'FLUSHDB':
        data.clear();
        return 'OK';
      case 'SWAPDB':
        return this.#swap(Number(key), Number(other));
      default:
        return new ErrorReply(`ERR unknown command '${name}'`);
    }
  }

  get(database: number, key: string): ToyValue | null {
    const value = this.#data(database).get(key);
    const isThere = value !== undefined && (value.expiresAtMs === 0 || value.expiresAtMs > this.#clock.wallMs());
    return isThere ? value : null;
  }

  put(database: number, key: string, value: ToyValue | null): void {
    if (value === null) this.#data(database).delete(key);
    else this.#data(database).set(key, value);
  }

  /** What has expired and was not deleted. */
  expired(): { readonly database: number; readonly key: string }[] {
    return [...this.#databases].flatMap(([database, data]) =>
      [...data.keys()].filter((key) => this.get(database, key) === null).map((key) => ({ database, key })),
    );
  }

  /** SET key text [XX] [KEEPTTL | PXAT milliseconds] */
  #set(database: number, key: string, text: string, [word, moment]: readonly string[]): Reply {
    const found = this.get(database, key);
    if (word === 'XX' && found === null) return 0;
    const keptMs = word === 'KEEPTTL' ? found?.expiresAtMs : 0;
    return store(this.#data(database), key, text, word === 'PXAT' ? Number(moment) : keptMs);
  }

  #swap(one: number, other: number): Reply {
    const [first, second] = [this.#data(one), this.#data(other)];
    this.#databases.set(one, second).set(other, first);
    return 'OK';
  }

  #data(database: number): Map<string, ToyValue> {
    let data = this.#databases.get(database);
    if (data === undefined) {
      data = new Map();
      this.#databases.set(database, data);
    }
    return data;
  }
}

function store(data: Map<string, ToyValue>, key: string, text: string, expiresAtMs = 0): string {
  // Short, however often it goes into itself.
  data.set(key, { text: text.length > 80 ? text.slice(-40) : text, expiresAtMs });
  return 'OK';
}

function texts(data: ReadonlyMap<string, ToyValue>, prefix: string): string {
  const some = [...data].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  return some.map(([, { text }]) => text.slice(-8)).join('+');
}
