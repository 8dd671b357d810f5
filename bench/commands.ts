import { encodeCommand } from '../compat-tests/support/request.ts';
import { keyName } from './keys.ts';

/** What a load does. MIX: nine GETs to a SET, or as `readShare` has it. MGET and MSET take ten keys each and count as one request. */
export type Operation = 'GET' | 'SET' | 'INCR' | 'MGET' | 'MSET' | 'MIX';

export const KEYS_OF_MULTI = 10;
export const READ_SHARE_OF_MIX = 0.9;
export const VALUE_PREFIX = 'key:';
const COUNTER_PREFIX = 'counter:';
/** A WAIT that a replica does not answer within this is counted as an error. */
const WAIT_MS = 1_000;
const ZERO = 0x30;

export interface Workload {
  readonly operation: Operation;
  readonly valueBytes: number;
  /** Requests in one write. */
  readonly pipeline: number;
  /** End each batch that writes with WAIT 1: one replica, too, must have it. */
  readonly waitForReplica: boolean;
  /** GETs in a MIX; default READ_SHARE_OF_MIX. */
  readonly readShare?: number;
}

/** Where the keys of this operation lie. */
export function prefixOf(operation: Operation): string {
  return operation === 'INCR' ? COUNTER_PREFIX : VALUE_PREFIX;
}

/** A command whose keys are filled in later. */
interface Template {
  readonly bytes: Buffer;
  /** Where the last digit of each key stands. */
  readonly lastDigits: readonly number[];
  readonly writes: boolean;
}

function template(operation: Exclude<Operation, 'MIX'>, valueBytes: number): Template {
  const key = keyName(prefixOf(operation), 0);
  const value = 'x'.repeat(valueBytes);
  const pairs = operation === 'SET' || operation === 'MSET' ? [key, value] : [key];
  const times = operation === 'MGET' || operation === 'MSET' ? KEYS_OF_MULTI : 1;
  const bytes = encodeCommand([operation, ...Array.from({ length: times }, () => pairs).flat()]);
  const lastDigits: number[] = [];
  for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1)) lastDigits.push(at + key.length - 1);
  return { bytes, lastDigits, writes: operation !== 'GET' && operation !== 'MGET' };
}

/** Writes batches of commands with keys of the chooser's into a buffer of its own, which is reused for the next batch. */
export class BatchWriter {
  readonly #buffer: Buffer;
  readonly #read: Template | null;
  readonly #write: Template;
  readonly #pipeline: number;
  readonly #readShare: number;
  readonly #wait: Buffer | null;
  readonly #chooseKey: () => number;
  readonly #random: () => number;
  /** Replies that the last batch is answered with. */
  replies = 0;

  constructor(workload: Workload, chooseKey: () => number, random: () => number) {
    const { operation, valueBytes, pipeline, waitForReplica } = workload;
    this.#read = operation === 'MIX' ? template('GET', valueBytes) : null;
    this.#write = template(operation === 'MIX' ? 'SET' : operation, valueBytes);
    this.#wait = waitForReplica ? encodeCommand(['WAIT', '1', String(WAIT_MS)]) : null;
    this.#pipeline = pipeline;
    this.#readShare = workload.readShare ?? READ_SHARE_OF_MIX;
    this.#chooseKey = chooseKey;
    this.#random = random;
    const longest = Math.max(this.#write.bytes.length, this.#read?.bytes.length ?? 0);
    this.#buffer = Buffer.alloc(longest * pipeline + (this.#wait?.length ?? 0));
  }

  /** The next batch; valid until the next call. */
  next(): Buffer {
    let at = 0;
    let writes = false;
    for (let i = 0; i < this.#pipeline; i++) {
      const command = this.#read !== null && this.#random() < this.#readShare ? this.#read : this.#write;
      at = this.#put(command, at);
      writes ||= command.writes;
    }
    this.replies = this.#pipeline;
    if (writes && this.#wait !== null) {
      at += this.#wait.copy(this.#buffer, at);
      this.replies += 1;
    }
    return this.#buffer.subarray(0, at);
  }

  #put({ bytes, lastDigits }: Template, at: number): number {
    const buffer = this.#buffer;
    bytes.copy(buffer, at);
    for (const lastDigit of lastDigits) {
      let digitAt = at + lastDigit;
      for (let rest = this.#chooseKey(); rest > 0; rest = Math.floor(rest / 10)) {
        buffer[digitAt] = ZERO + (rest % 10);
        digitAt -= 1;
      }
    }
    return at + bytes.length;
  }
}
