/** Deletions after which there is a new map, at the earliest. */
const MIN_DELETED = 16;

/**
 * A map for what comes and goes all the time. V8's maps and sets get a new table every so many deletions, and the old one keeps the
 * new one, for iterators that may still be at it. Once one of these old tables has reached V8's old generation, each table after it
 * stays until the whole heap is collected, with all that was in it then: most of what a busy process throws away was copied and
 * kept for that. So the map itself is replaced, which no old table knows of.
 */
export class ChurningMap<K, V> {
  #map = new Map<K, V>();
  #deleted = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, value: V): void {
    this.#map.set(key, value);
  }

  /** False if it was not there. */
  delete(key: K): boolean {
    if (!this.#map.delete(key)) return false;
    this.#deleted++;
    if (this.#deleted >= MIN_DELETED && this.#deleted >= this.#map.size) {
      this.#map = new Map(this.#map);
      this.#deleted = 0;
    }
    return true;
  }

  /** Calls back for each in the order in which they came, but for those that go meanwhile; perhaps for those that come. */
  each(fn: (value: V, key: K) => void): void {
    const map = this.#map;
    for (const [key, value] of map) if (map === this.#map || this.#map.get(key) === value) fn(value, key);
  }

  /** As `Array.prototype.some`, in that order; `is` changes nothing. */
  some(is: (value: V) => boolean): boolean {
    for (const value of this.#map.values()) if (is(value)) return true;
    return false;
  }
}
