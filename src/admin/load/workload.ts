import { type KeyDistribution, keyChooser } from './key-distribution.ts';
import type { Operation } from './operations.ts';
import type { RequestBuffer } from './request-buffer.ts';
import type { RequestIds } from './request-ids.ts';
import { SeededRandom } from './seeded-random.ts';
import { largestSize, SizeChooser, type SizeRange } from './value-sizes.ts';
import { WeightedChoice } from './weighted-choice.ts';

export interface WorkloadOptions {
  readonly operations: readonly Operation[];
  /** One for each operation. */
  readonly weights: readonly number[];
  readonly keys: number;
  readonly keyPrefix: string;
  readonly keyDistribution: KeyDistribution;
  readonly valueSizes: readonly SizeRange[];
  readonly multiKeys: number;
  /** 0: none. */
  readonly ttlMs: number;
  readonly seed: number;
}

/** As redis-benchmark writes the numbers of its keys. */
const KEY_DIGITS = 12;
/** Values are parts of random bytes that begin somewhere in the first so many of them. */
const VALUE_STARTS = 1_048_576;
const REQUEST_ID_CHARS = 36;
const CRLF = Buffer.from('\r\n');

/** One operation with its bytes that never change. */
interface Template {
  readonly operation: Operation;
  /** Number of arguments and the command. */
  readonly head: Buffer;
  /** Length of the key and its prefix; the number of the key follows. */
  readonly keyHead: Buffer;
  readonly tail: Buffer;
  readonly keyCount: number;
}

function bulk(word: string): string {
  return `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
}

/** An endless sequence of requests, the same for the same options whoever sends them. */
export class Workload {
  readonly #templates: readonly Template[];
  readonly #operationChoice: WeightedChoice;
  readonly #operationRandom: SeededRandom;
  readonly #nextKey: () => number;
  readonly #sizes: SizeChooser;
  readonly #valueRandom: SeededRandom;
  readonly #valueBytes: Buffer;
  #valueAt = 0;
  readonly #requestIds: RequestIds | null;

  /** `requestIds`: null for requests without them. `nextKey`: instead of the distribution that the options name. */
  constructor(options: WorkloadOptions, requestIds: RequestIds | null, nextKey?: () => number) {
    const { seed } = options;
    this.#templates = options.operations.map((operation) => makeTemplate(operation, options, requestIds !== null));
    this.#operationChoice = new WeightedChoice(options.weights);
    this.#operationRandom = new SeededRandom(seed, 'operations');
    this.#nextKey = nextKey ?? keyChooser(options.keyDistribution, options.keys, new SeededRandom(seed, 'keys'));
    this.#sizes = new SizeChooser(options.valueSizes, new SeededRandom(seed, 'sizes'));
    this.#valueRandom = new SeededRandom(seed, 'values');
    const hasValues = options.operations.some((operation) => operation.hasValue);
    this.#valueBytes = Buffer.alloc(hasValues ? largestSize(options.valueSizes) + VALUE_STARTS : 0);
    this.#valueRandom.fill(this.#valueBytes);
    this.#requestIds = requestIds;
  }

  /** Appends the next request; returns the index of its operation. */
  next(target: RequestBuffer): number {
    const index = this.drawOperation();
    const template = this.#templates[index];
    if (template === undefined) return index;
    target.append(template.head);
    for (let i = 0; i < template.keyCount; i++) {
      target.append(template.keyHead);
      target.appendNumberLine(this.#nextKey(), KEY_DIGITS);
      if (template.operation.hasValue) this.#appendValue(target);
    }
    target.append(template.tail);
    if (this.#requestIds !== null && template.operation.takesRequestId) {
      target.append(Buffer.from(this.#requestIds.next(), 'latin1'));
      target.append(CRLF);
    }
    return index;
  }

  /** Only decides which operation would be next: for requests that were due and could not be sent. */
  drawOperation(): number {
    return this.#operationChoice.draw(this.#operationRandom);
  }

  #appendValue(target: RequestBuffer): void {
    const size = this.#sizes.next();
    target.append(DOLLAR);
    target.appendNumberLine(size, 1);
    target.appendPart(this.#valueBytes, this.#valueAt, size);
    // Each value begins where the last one ended, so that near ones have nothing in common.
    this.#valueAt += size;
    if (this.#valueAt >= VALUE_STARTS) this.#valueAt = this.#valueRandom.below(VALUE_STARTS);
    target.append(CRLF);
  }
}

const DOLLAR = Buffer.from('$');

function makeTemplate(operation: Operation, options: WorkloadOptions, withRequestIds: boolean): Template {
  const keyCount = operation.key === 'none' ? 0 : operation.many ? options.multiKeys : 1;
  const prefix = operation.key === 'counter' ? `${options.keyPrefix}counter:` : options.keyPrefix;
  const tail = operation.tail(options.ttlMs);
  const hasId = withRequestIds && operation.takesRequestId;
  const count = 1 + keyCount * (operation.hasValue ? 2 : 1) + tail.length + (hasId ? 2 : 0);
  const idHead = hasId ? `${bulk('REQUESTID')}$${REQUEST_ID_CHARS}\r\n` : '';
  return {
    operation,
    head: Buffer.from(`*${count}\r\n${bulk(operation.command)}`),
    keyHead: Buffer.from(`$${Buffer.byteLength(prefix) + KEY_DIGITS}\r\n${prefix}`),
    tail: Buffer.from(tail.map(bulk).join('') + idHead),
    keyCount,
  };
}
