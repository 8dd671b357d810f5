import type { FileError } from '../base/files.ts';

export type SavedCallback = (error: FileError | null) => void;

/**
 * Saves values that only ever grow (a ceiling, a map by its epoch), one write at a time: what is asked for during a write
 * shares the next one, which writes the highest. A lower value than the one saved is no write and no error.
 */
export class MonotoneSaver<T> {
  readonly #rankOf: (value: T) => number;
  readonly #write: (value: T, callback: SavedCallback) => void;
  #durable: T;
  #highest: T | null = null;
  #waiting: SavedCallback[] = [];
  #writing = false;

  constructor(durable: T, rankOf: (value: T) => number, write: (value: T, callback: SavedCallback) => void) {
    this.#durable = durable;
    this.#rankOf = rankOf;
    this.#write = write;
  }

  /** The highest value whose write has ended well. */
  get durable(): T {
    return this.#durable;
  }

  /** Null: this value or a higher one is durable. */
  save(value: T, callback: SavedCallback): void {
    if (this.#rankOf(value) <= this.#rankOf(this.#durable)) {
      callback(null);
      return;
    }
    if (this.#highest === null || this.#rankOf(value) > this.#rankOf(this.#highest)) this.#highest = value;
    this.#waiting.push(callback);
    if (!this.#writing) this.#next();
  }

  #next(): void {
    const value = this.#highest;
    if (value === null) return;
    const callbacks = this.#waiting;
    this.#highest = null;
    this.#waiting = [];
    if (this.#rankOf(value) <= this.#rankOf(this.#durable)) {
      for (const callback of callbacks) callback(null);
      return;
    }
    this.#writing = true;
    this.#write(value, (error) => {
      this.#writing = false;
      if (error === null) this.#durable = value;
      this.#next();
      for (const callback of callbacks) callback(error);
    });
  }
}
