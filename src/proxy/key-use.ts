import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { RuntimeConfig } from './runtime-config.ts';

const TENTH_MS = 100;
const MINUTE_MS = 60_000;
/** A key's first count, so that new keys are not taken for the least used ones. As in Redis. */
const FIRST_FREQUENCY = 5;
const FREQUENCY_MAX = 255;
/** Of a longer key only its ends are hashed. */
const HASHED_END_BYTES = 32;

/** What is known of a key's use; times are of the monotonic clock. */
export interface KeyUseSeen {
  readonly lastUsedMs: number;
  /** Redis's logarithmic counter as of `lastUsedMs`, 0-255. */
  readonly frequency: number;
}

/**
 * When and how often clients of this process used keys: for OBJECT IDLETIME and FREQ, which are approximations. A table of
 * limits.keyUseSlots places by a hash of the key; a key that comes to the place of another one takes it over.
 */
export class KeyUse {
  readonly #config: RuntimeConfig;
  readonly #random: Random;
  readonly #hashes = new Uint32Array(limits.keyUseSlots);
  /** Tenths of seconds, plus one; 0: nothing is known. */
  readonly #tenths = new Uint32Array(limits.keyUseSlots);
  readonly #frequencies = new Uint8Array(limits.keyUseSlots);

  constructor(config: RuntimeConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  /** A command uses the key. On the data path: nothing is allocated. */
  touch(namespace: number, key: Buffer, nowMs: number): void {
    const hash = hashOf(namespace, key);
    const slot = hash % limits.keyUseSlots;
    const isKnown = this.#tenths[slot] !== 0 && this.#hashes[slot] === hash;
    if (!isKnown) this.#frequencies[slot] = FIRST_FREQUENCY;
    else if (this.#config.countsUse) this.#frequencies[slot] = this.#raised(this.#frequencyAt(slot, nowMs));
    this.#hashes[slot] = hash;
    this.#tenths[slot] = Math.floor(nowMs / TENTH_MS) + 1;
  }

  /** When the key was last used as far as is known here; null: it is not. */
  lastUsedMs(namespace: number, key: Buffer): number | null {
    const slot = this.#find(namespace, key);
    return slot === null ? null : ((this.#tenths[slot] ?? 1) - 1) * TENTH_MS;
  }

  /** Redis's logarithmic counter, 0-255; of a key that was not used here what it would be had it only been written `ageMs` ago. */
  frequency(namespace: number, key: Buffer, nowMs: number, ageMs: number): number {
    const slot = this.#find(namespace, key);
    return slot === null ? this.#faded(FIRST_FREQUENCY, ageMs) : this.#frequencyAt(slot, nowMs);
  }

  #find(namespace: number, key: Buffer): number | null {
    const hash = hashOf(namespace, key);
    const slot = hash % limits.keyUseSlots;
    return this.#tenths[slot] !== 0 && this.#hashes[slot] === hash ? slot : null;
  }

  #frequencyAt(slot: number, nowMs: number): number {
    const lastMs = ((this.#tenths[slot] ?? 1) - 1) * TENTH_MS;
    return this.#faded(this.#frequencies[slot] ?? 0, nowMs - lastMs);
  }

  /** One less for each lfu-decay-time that has passed. */
  #faded(frequency: number, idleMs: number): number {
    const { lfuDecayMinutes } = this.#config;
    if (lfuDecayMinutes === 0) return frequency;
    return Math.max(0, frequency - Math.floor(Math.max(0, idleMs) / MINUTE_MS / lfuDecayMinutes));
  }

  /** The more a key was used, the less likely that one use more counts. */
  #raised(frequency: number): number {
    if (frequency === FREQUENCY_MAX) return frequency;
    const above = Math.max(0, frequency - FIRST_FREQUENCY);
    return this.#random.unit() < 1 / (above * this.#config.lfuLogFactor + 1) ? frequency + 1 : frequency;
  }
}

/** FNV-1a over the namespace, the length, and the key or its two ends. */
function hashOf(namespace: number, key: Buffer): number {
  let hash = Math.imul(0x811c9dc5 ^ namespace, 0x01000193);
  const { length } = key;
  if (length <= 2 * HASHED_END_BYTES) {
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (key[i] ?? 0), 0x01000193);
  } else {
    hash = Math.imul(hash ^ length, 0x01000193);
    for (let i = 0; i < HASHED_END_BYTES; i++) hash = Math.imul(hash ^ (key[i] ?? 0), 0x01000193);
    for (let i = length - HASHED_END_BYTES; i < length; i++) hash = Math.imul(hash ^ (key[i] ?? 0), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
