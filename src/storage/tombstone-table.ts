import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import type { RecordId } from '../record/state.ts';

/** Words of a slot: the record id in four, the ballot's time in two, its proposer. No ballot has time zero: that slot is empty. */
const SLOT = 7;
const HIGH = 4;
const LOW = 5;
const PROPOSER = 6;
/** Longer runs of occupied slots than this fill factor makes are slow. */
const FILL = 0.7;
/** Less than this is a waste of memory. */
const SPARSE = 0.1;
const FIRST_SLOTS = 64;
/** Tables that grow each by itself: none takes long to. A power of two. */
const PARTS = 256;
const TWO_TO_32 = 4_294_967_296;

interface Part {
  slots: Int32Array;
  entries: number;
}

/**
 * Tombstones that this node has taken lately and that nobody is likely to ask for, by record id, with their ballots: so that a
 * purge need not read them. Some fifty bytes each, in hash tables with linear probing.
 *
 * Invariant: a record in here has this tombstone as its newest state, in memory or on the disk, or it is absent. One that is not
 * in here is read.
 */
export class TombstoneTable {
  readonly #slotsMax: number;
  readonly #parts: (Part | null)[] = new Array<Part | null>(PARTS).fill(null);
  #slots = 0;
  #entries = 0;
  /** Words of the id that is looked for. */
  #first = 0;
  #second = 0;
  #third = 0;
  #fourth = 0;

  constructor(bytesMax: number = limits.tombstoneTableBytes) {
    this.#slotsMax = Math.floor(bytesMax / (SLOT * Int32Array.BYTES_PER_ELEMENT));
  }

  get size(): number {
    return this.#entries;
  }

  /** The tombstone with this ballot is the record's newest state. Not remembered if there is no room. */
  set(id: RecordId, { time, proposer }: Ballot): void {
    const part = this.#partOf(id) ?? this.#newPart();
    if (part === null) return;
    let at = this.#find(part.slots);
    if (isEmpty(part.slots, at)) {
      if (part.entries + 1 > (part.slots.length / SLOT) * FILL) {
        if (!this.#resize(part, part.slots.length * 2)) return;
        at = this.#find(part.slots);
      }
      part.entries++;
      this.#entries++;
    }
    const { slots } = part;
    slots[at] = this.#first;
    slots[at + 1] = this.#second;
    slots[at + 2] = this.#third;
    slots[at + 3] = this.#fourth;
    slots[at + HIGH] = (time / TWO_TO_32) | 0;
    slots[at + LOW] = time | 0;
    slots[at + PROPOSER] = proposer | 0;
  }

  /** Whether it is known that the record's newest state is the tombstone with this ballot. */
  has(id: RecordId, { time, proposer }: Ballot): boolean {
    const slots = this.#partOf(id)?.slots;
    if (slots === undefined) return false;
    const at = this.#find(slots);
    return (
      slots[at + HIGH] === ((time / TWO_TO_32) | 0) &&
      slots[at + LOW] === (time | 0) &&
      slots[at + PROPOSER] === (proposer | 0)
    );
  }

  /** The record has another state now, or none, or nobody knows. */
  delete(id: RecordId): void {
    if (this.#entries === 0) return;
    const part = this.#partOf(id);
    if (part === null) return;
    const at = this.#find(part.slots);
    if (isEmpty(part.slots, at)) return;
    part.entries--;
    this.#entries--;
    closeGap(part.slots, at);
    const { length } = part.slots;
    if (part.entries < (length / SLOT) * SPARSE && length > FIRST_SLOTS * SLOT) this.#resize(part, length / 2);
  }

  /** Takes the id's words, too. */
  #partOf(id: RecordId): Part | null {
    this.#first = word(id, 0);
    this.#second = word(id, 4);
    this.#third = word(id, 8);
    this.#fourth = word(id, 12);
    return this.#parts[this.#fourth & (PARTS - 1)] ?? null;
  }

  #newPart(): Part | null {
    if (this.#slots + FIRST_SLOTS > this.#slotsMax) return null;
    this.#slots += FIRST_SLOTS;
    const part = { slots: new Int32Array(FIRST_SLOTS * SLOT), entries: 0 };
    this.#parts[this.#fourth & (PARTS - 1)] = part;
    return part;
  }

  /** Where the id is, or the empty place where it would be. */
  #find(slots: Int32Array): number {
    const mask = slots.length / SLOT - 1;
    for (let slot = this.#first & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT;
      if (isEmpty(slots, at)) return at;
      const same =
        slots[at] === this.#first &&
        slots[at + 1] === this.#second &&
        slots[at + 2] === this.#third &&
        slots[at + 3] === this.#fourth;
      if (same) return at;
    }
  }

  /** False: there is no room. */
  #resize(part: Part, length: number): boolean {
    const more = (length - part.slots.length) / SLOT;
    if (this.#slots + more > this.#slotsMax) return false;
    this.#slots += more;
    const before = part.slots;
    const after = new Int32Array(length);
    const mask = length / SLOT - 1;
    for (let from = 0; from < before.length; from += SLOT) {
      if (isEmpty(before, from)) continue;
      let slot = (before[from] ?? 0) & mask;
      while (!isEmpty(after, slot * SLOT)) slot = (slot + 1) & mask;
      after.set(before.subarray(from, from + SLOT), slot * SLOT);
    }
    part.slots = after;
    return true;
  }
}

function word(id: RecordId, at: number): number {
  return (
    id.charCodeAt(at) | (id.charCodeAt(at + 1) << 8) | (id.charCodeAt(at + 2) << 16) | (id.charCodeAt(at + 3) << 24)
  );
}

function isEmpty(slots: Int32Array, at: number): boolean {
  return slots[at + HIGH] === 0 && slots[at + LOW] === 0;
}

/** Empties the place, and moves up what would not be found any more. */
function closeGap(slots: Int32Array, at: number): void {
  const mask = slots.length / SLOT - 1;
  let hole = at / SLOT;
  for (let next = (hole + 1) & mask; !isEmpty(slots, next * SLOT); next = (next + 1) & mask) {
    const home = (slots[next * SLOT] ?? 0) & mask;
    if (((next - home) & mask) < ((next - hole) & mask)) continue;
    slots.copyWithin(hole * SLOT, next * SLOT, (next + 1) * SLOT);
    hole = next;
  }
  slots.fill(0, hole * SLOT, (hole + 1) * SLOT);
}
