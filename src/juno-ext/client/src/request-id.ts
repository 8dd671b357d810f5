import { randomFillSync } from 'node:crypto';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const RANDOM_BYTES = 8;
const POOL_BYTES = 512 * RANDOM_BYTES;
const COUNTER_MAX = 0xfff;
/** A millisecond's counter starts in the lower half, so that at least half of it is left to count in. */
const COUNTER_START_MASK = 0x7ff;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID (of any version) in the form that the server takes. */
export function isRequestId(text: string): boolean {
  return UUID.test(text);
}

/** The time that a UUID of version 7 carries, Unix milliseconds. */
export function requestIdTimeMs(requestId: string): number {
  return Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16);
}

/** Makes UUIDs of version 7 (RFC 9562 §5.7): each is greater than the ones before it, also if the clock goes back. */
export class RequestIds {
  readonly #nowMs: () => number;
  readonly #pool = Buffer.allocUnsafe(POOL_BYTES);
  #poolAt = POOL_BYTES;
  #lastMs = 0;
  #counter = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  next(): string {
    const nowMs = this.#nowMs();
    const at = this.#randomAt();
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs;
      this.#counter = this.#pool.readUInt16BE(at) & COUNTER_START_MASK;
    } else if (this.#counter === COUNTER_MAX) {
      // The millisecond is used up: the next one is begun before the clock does.
      this.#lastMs++;
      this.#counter = 0;
    } else {
      this.#counter++;
    }
    return this.#format(this.#lastMs, this.#counter, this.#randomAt());
  }

  /** One with a time of the caller's choice; the order of the others does not change by it. */
  at(timeMs: number): string {
    return this.#format(timeMs, this.#pool.readUInt16BE(this.#randomAt()) & COUNTER_MAX, this.#randomAt());
  }

  /** Where the next unused random bytes lie in the pool. */
  #randomAt(): number {
    if (this.#poolAt === POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#poolAt = 0;
    }
    this.#poolAt += RANDOM_BYTES;
    return this.#poolAt - RANDOM_BYTES;
  }

  #format(timeMs: number, counter: number, at: number): string {
    const pool = this.#pool;
    const time = timeMs.toString(16).padStart(12, '0');
    const variant = HEX[((pool[at] ?? 0) & 0x3f) | 0x80] ?? '';
    let tail = '';
    for (let i = 2; i < RANDOM_BYTES; i++) tail += HEX[pool[at + i] ?? 0];
    const middle = (0x7000 | counter).toString(16);
    return `${time.slice(0, 8)}-${time.slice(8)}-${middle}-${variant}${HEX[pool[at + 1] ?? 0]}-${tail}`;
  }
}

/** The ids of this process. */
export const requestIds = new RequestIds(() => Date.now());
