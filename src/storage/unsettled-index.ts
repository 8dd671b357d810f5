import { assert } from '../base/assert.ts';
import { RECORD_ID_AT, RECORD_KEY_BYTES, RECORD_TAG } from '../record/record-id.ts';
import { keyLength, keyStart } from './journal-format.ts';

/** Five numbers a slot: the number of the change, plus one (0: empty), and four that stand for its key. */
const SLOT = 5;
/** Longer runs of occupied slots than this fill factor makes are slow. */
const FILL = 0.7;

/**
 * The number of each key's newest change, `offsets` of which says where it is in `arena`: a hash table with linear probing in one typed array,
 * so that a hundred thousand keys cost the garbage collector nothing. Keys are those of the changes in the arena.
 */
export class UnsettledIndex {
  readonly #arena: Buffer;
  readonly #offsets: Int32Array;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #keysMax: number;
  #keys = 0;
  /** Of the key that is looked for. */
  #hash = 0;
  #second = 0;
  #third = 0;
  #fourth = 0;

  /** `slots` is a power of two. */
  constructor(arena: Buffer, offsets: Int32Array, slots: number) {
    this.#arena = arena;
    this.#offsets = offsets;
    this.#slots = new Int32Array(slots * SLOT);
    this.#mask = slots - 1;
    this.#keysMax = Math.floor(slots * FILL);
  }

  hasRoomFor(keys: number): boolean {
    return this.#keys + keys <= this.#keysMax;
  }

  /** The number of the key's newest change, -1 if there is none. */
  find(key: Buffer): number {
    this.#fingerprint(key, 0, key.length);
    return (this.#slots[this.#slotOf(key, 0, key.length) * SLOT] ?? 0) - 1;
  }

  /** This change is its key's newest now; returns the number of the one that was, -1 if there was none. */
  set(change: number): number {
    const at = this.#offsets[change] ?? 0;
    const start = keyStart(at);
    const length = keyLength(this.#arena, at);
    this.#fingerprint(this.#arena, start, length);
    const slots = this.#slots;
    const slot = this.#slotOf(this.#arena, start, length) * SLOT;
    const before = (slots[slot] ?? 0) - 1;
    if (before < 0) {
      this.#keys++;
      slots[slot + 1] = this.#hash;
      slots[slot + 2] = this.#second;
      slots[slot + 3] = this.#third;
      slots[slot + 4] = this.#fourth;
    }
    slots[slot] = change + 1;
    return before;
  }

  /** Looks at what `set` will look at for the change at `at`, for `memoryFetch`. */
  fetch(at: number): number {
    const slot = word(this.#arena, keyStart(at) + RECORD_ID_AT) & this.#mask;
    return this.#slots[slot * SLOT] ?? 0;
  }

  /** Forgets the key of this change, which is its newest. */
  remove(change: number): void {
    const at = this.#offsets[change] ?? 0;
    this.#fingerprint(this.#arena, keyStart(at), keyLength(this.#arena, at));
    let slot = this.#hash & this.#mask;
    while (this.#slots[slot * SLOT] !== change + 1) {
      assert(this.#slots[slot * SLOT] !== 0, 'a newest change is in the index');
      slot = (slot + 1) & this.#mask;
    }
    this.#keys--;
    this.#empty(slot);
  }

  /**
   * The whole record id stands for a record's key: no id is in two shards. So the arena, which is seldom in the processor's
   * cache, need not be asked. Of other keys a hash, and three zeros that say so.
   */
  #fingerprint(source: Buffer, start: number, length: number): void {
    if (length === RECORD_KEY_BYTES && source[start] === RECORD_TAG) {
      this.#hash = word(source, start + RECORD_ID_AT);
      this.#second = word(source, start + RECORD_ID_AT + 4);
      this.#third = word(source, start + RECORD_ID_AT + 8);
      this.#fourth = word(source, start + RECORD_ID_AT + 12);
    } else {
      this.#hash = hashOf(source, start, length);
      this.#second = 0;
      this.#third = 0;
      this.#fourth = 0;
    }
  }

  /** The slot of the key, or the empty one where it would be. */
  #slotOf(source: Buffer, start: number, length: number): number {
    const slots = this.#slots;
    const hash = this.#hash;
    const second = this.#second;
    const third = this.#third;
    const fourth = this.#fourth;
    const isWhole = second !== 0 || third !== 0 || fourth !== 0;
    let slot = hash & this.#mask;
    for (;;) {
      const base = slot * SLOT;
      const change = (slots[base] ?? 0) - 1;
      if (change < 0) return slot;
      const like =
        slots[base + 1] === hash &&
        slots[base + 2] === second &&
        slots[base + 3] === third &&
        slots[base + 4] === fourth;
      if (like && (isWhole || this.#isKey(change, source, start, length))) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  #isKey(change: number, source: Buffer, start: number, length: number): boolean {
    const arena = this.#arena;
    const at = this.#offsets[change] ?? 0;
    if (keyLength(arena, at) !== length) return false;
    const there = keyStart(at);
    for (let i = 0; i < length; i++) if (arena[there + i] !== source[start + i]) return false;
    return true;
  }

  /** Moves up what would not be found any more with this slot empty. */
  #empty(slot: number): void {
    const slots = this.#slots;
    let hole = slot;
    for (let next = (slot + 1) & this.#mask; slots[next * SLOT] !== 0; next = (next + 1) & this.#mask) {
      const home = (slots[next * SLOT + 1] ?? 0) & this.#mask;
      if (((next - home) & this.#mask) < ((next - hole) & this.#mask)) continue;
      slots.copyWithin(hole * SLOT, next * SLOT, (next + 1) * SLOT);
      hole = next;
    }
    slots[hole * SLOT] = 0;
  }
}

function word(source: Buffer, at: number): number {
  return (
    ((source[at] ?? 0) << 24) | ((source[at + 1] ?? 0) << 16) | ((source[at + 2] ?? 0) << 8) | (source[at + 3] ?? 0)
  );
}

/** FNV-1a. Keys end in keyed hashes, which nobody outside can choose. */
function hashOf(source: Buffer, start: number, length: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ (source[i] ?? 0), 0x01000193);
  return hash ^ (hash >>> 15);
}
