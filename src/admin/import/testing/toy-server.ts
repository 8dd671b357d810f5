import { ErrorReply, type Reply } from '../../../resp/reply.ts';

const NO_KEY = new ErrorReply('ERR no such key');

/** Databases of texts, and a few commands whose order can be told from what they leave. */
export class ToyServer {
  /** By their numbers. */
  readonly #databases = new Map<number, Map<string, string>>();

  /** 0 or an error: it has changed nothing. */
  run(database: number, [name = '', ...args]: readonly string[]): Reply {
    const [key = '', other = ''] = args;
    const data = this.#data(database);
    const value = data.get(key);
    switch (name) {
      case 'SET':
        return store(data, key, other);
      case 'MSET':
        for (let i = 0; i < args.length; i += 2) data.set(args[i] ?? '', args[i + 1] ?? '');
        return 'OK';
      case 'APPEND':
        store(data, key, (value ?? '') + other);
        return data.get(key)?.length ?? 0;
      case 'DEL':
        return data.delete(key) ? 1 : 0;
      case 'RENAME':
        if (value === undefined) return NO_KEY;
        data.delete(key);
        return store(data, other, value);
      case 'COPY':
        if (value !== undefined) store(this.#data(Number(args[3])), other, value);
        return value === undefined ? 0 : 1;
      case 'MOVE':
        if (value === undefined || this.#data(Number(other)).has(key)) return 0;
        store(this.#data(Number(other)), key, value);
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

  get(database: number, key: string): string | null {
    return this.#data(database).get(key) ?? null;
  }

  put(database: number, key: string, value: string | null): void {
    if (value === null) this.#data(database).delete(key);
    else this.#data(database).set(key, value);
  }

  #swap(one: number, other: number): Reply {
    const [first, second] = [this.#data(one), this.#data(other)];
    this.#databases.set(one, second).set(other, first);
    return 'OK';
  }

  #data(database: number): Map<string, string> {
    let data = this.#databases.get(database);
    if (data === undefined) {
      data = new Map();
      this.#databases.set(database, data);
    }
    return data;
  }
}

function store(data: Map<string, string>, key: string, value: string): string {
  // Short, however often it goes into itself.
  data.set(key, value.length > 80 ? value.slice(-40) : value);
  return 'OK';
}

function texts(data: ReadonlyMap<string, string>, prefix: string): string {
  const some = [...data].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  return some.map(([, value]) => value.slice(-8)).join('+');
}
