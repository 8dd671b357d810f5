import { expiryEffect } from './expiry-effect.ts';
import type { ExpiryFile } from './expiry-file.ts';
import { ExpiryTable } from './expiry-table.ts';
import { eachKey, otherDatabase, type PlacedCommand } from './placed-command.ts';

const HASH_HIGH = 2 ** 32;
/** Above the numbers of all databases. */
const FIRST_SALT = 2 ** 31;

/** Pairs of a database and what goes into the hashes of its keys in the place of its number, where it has changed. */
export type DatabaseSalts = readonly (readonly [database: number, salt: number])[];

/**
 * When the target's keys expire, as far as an import told it. A source has a key until it says DEL, and may still use it when
 * its time is over at the target, which hears of that later. Goes along with the stream, one command after the other.
 */
export class KeyExpiries {
  readonly #table = new ExpiryTable();
  readonly #file: ExpiryFile | null;
  readonly #salts: Map<number, number>;
  #nextSalt: number;

  /** What an earlier run left in `file` is there, with its `salts`; null: it is not kept. */
  constructor(file: ExpiryFile | null, salts: DatabaseSalts) {
    this.#file = file;
    this.#salts = new Map(salts);
    this.#nextSalt = Math.max(FIRST_SALT, ...this.#salts.values()) + 1;
    file?.load(this.#table);
  }

  get salts(): DatabaseSalts {
    return [...this.#salts];
  }

  /** Milliseconds since 1970; 0: never, or not known. */
  get(database: number, key: Buffer): number {
    return this.#table.count === 0 ? 0 : this.#table.get(this.#hash(database, key));
  }

  /** `expiresAtMs` 0: never. */
  set(database: number, key: Buffer, expiresAtMs: number): void {
    if (expiresAtMs === 0 && this.#table.count === 0) return;
    const hash = this.#hash(database, key);
    if (this.#table.set(hash, expiresAtMs)) this.#file?.note(hash, expiresAtMs);
  }

  /** Notes what a command does to expiries. Returns when the first of the keys expires whose content before matters to it; 0: none. */
  take(placed: PlacedCommand, nowMs: number): number {
    const { command, database, keys } = placed;
    const [first, second] = keys;
    const beforeMs = first === undefined ? 0 : this.get(database, first);
    const { expiresAtMs, isWhole } = expiryEffect(command, beforeMs, nowMs);
    let soonestMs = 0;
    if (!isWhole && this.#table.count > 0) {
      eachKey(placed, (place, key) => {
        const timeMs = this.get(place, key);
        if (timeMs !== 0 && (soonestMs === 0 || timeMs < soonestMs)) soonestMs = timeMs;
      });
    }
    const other = otherDatabase(command) ?? database;
    switch (command.name) {
      case 'rename':
      case 'renamenx':
      case 'copy':
        if (first === undefined || second === undefined) break;
        if (command.name !== 'copy') this.set(database, first, 0);
        this.set(other, second, beforeMs);
        break;
      case 'move':
        if (first === undefined) break;
        this.set(database, first, 0);
        this.set(other, first, beforeMs);
        break;
      default:
        if (expiresAtMs !== null) for (const key of keys) this.set(database, key, expiresAtMs);
    }
    return soonestMs;
  }

  /** FLUSHDB, or FLUSHALL (null). */
  flushed(database: number | null): void {
    if (database === null) this.clear();
    else this.#salts.set(database, this.#nextSalt++);
  }

  /** SWAPDB. */
  swapped(one: number, other: number): void {
    const [first, second] = [this.#saltOf(one), this.#saltOf(other)];
    this.#salts.set(one, second).set(other, first);
  }

  /** Forgets all. */
  clear(): void {
    this.#table.clear();
    this.#file?.clear();
  }

  /** Everything noted is on the disk then. */
  save(): void {
    this.#file?.save(this.#table);
  }

  close(): void {
    this.#file?.close();
  }

  #saltOf(database: number): number {
    return this.#salts.get(database) ?? database;
  }

  /** 53 bits of two in the manner of FNV-1a. */
  #hash(database: number, key: Buffer): number {
    const salt = this.#saltOf(database);
    let low = Math.imul(salt ^ 0x811c9dc5, 0x9e3779b1);
    let high = Math.imul(salt ^ 0x9e3779b9, 0xc2b2ae35) ^ key.length;
    for (const byte of key) {
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte ^ (low >>> 16), 0x85ebca6b);
    }
    const hash = (high >>> 11) * HASH_HIGH + ((low ^ (low >>> 15)) >>> 0);
    return hash === 0 ? 1 : hash;
  }
}
