import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { RuntimeConfig } from './runtime-config.ts';

const SECOND_MS = 1_000;
const MINUTE_SECONDS = 60;
/** A key's first count, so that new keys are not taken for the least used ones. As in Redis. */
const FIRST_FREQUENCY = 5;
const FREQUENCY_MAX = 255;
const FREQUENCY_BITS = 8;
/** Seconds of 24 bits, as Redis's: they come round after 194 days. */
const SECONDS_MASK = 0xff_ffff;
/** Of a longer key only its ends are hashed. */
const HASHED_END_BYTES = 32;

/**
 * When and how often clients of this process used keys: for OBJECT IDLETIME and FREQ, which are approximations. A table of
 * limits.keyUseSlots places by a hash of the key; a key that comes to the place of another one takes it over. Times are of the
 * monotonic clock.
 */
export class KeyUse {
  readonly #config: RuntimeConfig;
  readonly #random: Random;
  /**
   * Two words a place, so that one line of the processor's cache has both: the hash, 0 where nothing is known, and the second
   * of the last use with Redis's logarithmic counter of 8 bits below it.
   */
  readonly #words = new Uint32Array(2 * limits.keyUseSlots);

  constructor(config: RuntimeConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  /** A command uses the key. On the data path: nothing is allocated. */
  touch(namespace: number, key: Buffer, nowMs: number): void {
    const words = this.#words;
    const hash = hashOf(namespace, key);
    const at = placeOf(hash);
    const now = Math.floor(nowMs / SECOND_MS) & SECONDS_MASK;
    let frequency = FIRST_FREQUENCY;
    if (words[at] === hash) {
      const word = words[at + 1] ?? 0;
      frequency = this.#config.countsUse ? this.#raised(this.#frequencyIn(word, now)) : word & FREQUENCY_MAX;
    }
    words[at] = hash;
    words[at + 1] = (now << FREQUENCY_BITS) | frequency;
  }

  /** For how many seconds the key was not used as far as is known here; null: nothing is. */
  idleSeconds(namespace: number, key: Buffer, nowMs: number): number | null {
    const word = this.#find(namespace, key);
    return word === null ? null : idleIn(word, Math.floor(nowMs / SECOND_MS) & SECONDS_MASK);
  }

  /** Redis's logarithmic counter, 0-255; of a key that was not used here what it would be had it only been written `ageMs` ago. */
  frequency(namespace: number, key: Buffer, nowMs: number, ageMs: number): number {
    const word = this.#find(namespace, key);
    if (word === null) return this.#faded(FIRST_FREQUENCY, Math.floor(ageMs / SECOND_MS));
    return this.#frequencyIn(word, Math.floor(nowMs / SECOND_MS) & SECONDS_MASK);
  }

  #find(namespace: number, key: Buffer): number | null {
    const hash = hashOf(namespace, key);
    const at = placeOf(hash);
    return this.#words[at] === hash ? (this.#words[at + 1] ?? 0) : null;
  }

  #frequencyIn(word: number, now: number): number {
    return this.#faded(word & FREQUENCY_MAX, idleIn(word, now));
  }

  /** One less for each lfu-decay-time that has passed. */
  #faded(frequency: number, idleSeconds: number): number {
    const { lfuDecayMinutes } = this.#config;
    if (lfuDecayMinutes === 0) return frequency;
    return Math.max(0, frequency - Math.floor(idleSeconds / MINUTE_SECONDS / lfuDecayMinutes));
  }

  /** The more a key was used, the less likely that one use more counts. */
  #raised(frequency: number): number {
    if (frequency === FREQUENCY_MAX) return frequency;
    const above = Math.max(0, frequency - FIRST_FREQUENCY);
    return this.#random.unit() < 1 / (above * this.#config.lfuLogFactor + 1) ? frequency + 1 : frequency;
  }
}

function idleIn(word: number, now: number): number {
  return (now - (word >>> FREQUENCY_BITS)) & SECONDS_MASK;
}

function placeOf(hash: number): number {
  return 2 * (hash % limits.keyUseSlots);
}

/** In the manner of FNV-1a, four bytes at a time, over the namespace, the length, and the key or its two ends. */
function hashOf(namespace: number, key: Buffer): number {
  const { length } = key;
  const start = Math.imul(0x811c9dc5 ^ namespace, 0x01000193) ^ length;
  const hash =
    length <= 2 * HASHED_END_BYTES
      ? hashRange(start, key, 0, length)
      : hashRange(hashRange(start, key, 0, HASHED_END_BYTES), key, length - HASHED_END_BYTES, length);
  // Zero says that nothing is known.
  return (hash ^ (hash >>> 15)) >>> 0 || 1;
}

function hashRange(start: number, key: Buffer, from: number, to: number): number {
  let hash = start;
  let i = from;
  for (; i + 3 < to; i += 4) {
    const word = (key[i] ?? 0) | ((key[i + 1] ?? 0) << 8) | ((key[i + 2] ?? 0) << 16) | ((key[i + 3] ?? 0) << 24);
    hash = Math.imul(hash ^ word, 0x01000193);
    // A product's low bits know nothing of the factor's high ones.
    hash ^= hash >>> 13;
  }
  for (; i < to; i++) hash = Math.imul(hash ^ (key[i] ?? 0), 0x01000193);
  return hash;
}
