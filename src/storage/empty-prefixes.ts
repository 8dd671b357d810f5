import { limits } from '../base/limits.ts';
import type { EngineChange, EngineRange } from './engine.ts';

/** A tag and a shard. */
const PREFIX_BYTES = 3;
const SHARDS = 0x1_0000;

/** A look for the first key of several prefixes. */
export interface LookAhead {
  readonly range: { readonly from: Buffer; readonly to: Buffer };
  readonly first: number;
  readonly end: number;
  /** What was written to since it began. */
  readonly written: Set<number>;
}

/**
 * Prefixes of which an engine is known to hold no key, so that nobody needs to ask it. Sweeps look at every shard for ever,
 * and most shards have no pages, let alone marks; to open an iterator costs more than all the rest of such a look.
 *
 * Whoever writes to the engine says so when the write begins and when it has ended, whoever scans it likewise.
 */
export class EmptyPrefixes {
  readonly #empty = new Set<number>();
  /** Scans of all of a prefix that nothing was written to since they began. */
  readonly #scans = new Map<number, number>();
  #ahead: LookAhead | null = null;
  #begun = 0;

  /** True if the engine has nothing in the range. */
  covers(range: EngineRange): boolean {
    if (this.#empty.size === 0 || range.from.length < PREFIX_BYTES) return false;
    const prefix = prefixOf(range.from);
    if (!this.#empty.has(prefix)) return false;
    return endsWith(range.to, prefix) || (range.to.length > PREFIX_BYTES && prefixOf(range.to) === prefix);
  }

  /** Returns what `scanned` is to be called with; 0: the scan tells nothing. */
  scanning(range: EngineRange): number {
    if (range.from.length !== PREFIX_BYTES || !endsWith(range.to, prefixOf(range.from))) return 0;
    this.#begun++;
    this.#scans.set(prefixOf(range.from), this.#begun);
    return this.#begun;
  }

  /**
   * A look at the prefixes behind this one is worth it, where it is given: one of these at a time. `lookedAhead` ends it. So of a new
   * engine, or of a kind of key of which there is hardly any, all is known soon.
   */
  scanned(range: EngineRange, scan: number, hasFound: boolean): LookAhead | null {
    if (scan === 0) return null;
    const prefix = prefixOf(range.from);
    if (this.#scans.get(prefix) !== scan) return null;
    this.#scans.delete(prefix);
    if (hasFound) return null;
    this.#empty.add(prefix);
    const first = prefix + 1;
    const end = Math.min(first + limits.emptyPrefixesAhead, prefix - (prefix % SHARDS) + SHARDS);
    if (this.#ahead !== null || first >= end || this.#empty.has(first)) return null;
    this.#ahead = { range: { from: keyOf(first), to: keyOf(end) }, first, end, written: new Set() };
    return this.#ahead;
  }

  /** `found`: the first key in the look's range; null: there is none; undefined: it failed. */
  lookedAhead(look: LookAhead, found: Buffer | null | undefined): void {
    this.#ahead = null;
    if (found === undefined) return;
    const end = found === null ? look.end : prefixOf(found);
    for (let prefix = look.first; prefix < end; prefix++) {
      if (!look.written.has(prefix)) this.#empty.add(prefix);
    }
  }

  /** Before a write is asked for, and after it has come or failed. */
  written(changes: readonly EngineChange[]): void {
    if (this.#empty.size === 0 && this.#scans.size === 0 && this.#ahead === null) return;
    let last = -1;
    for (let i = 0; i < changes.length; i++) {
      const key = changes[i]?.key;
      if (key === undefined || changes[i]?.value === null) continue;
      const prefix = prefixOf(key);
      if (prefix === last) continue;
      last = prefix;
      this.#empty.delete(prefix);
      this.#scans.delete(prefix);
      this.#ahead?.written.add(prefix);
    }
  }
}

function keyOf(prefix: number): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES);
  key.writeUIntBE(prefix, 0, PREFIX_BYTES);
  return key;
}

/** A short key counts as if zeros came behind it. */
function prefixOf(key: Buffer): number {
  return ((key[0] ?? 0) << 16) | ((key[1] ?? 0) << 8) | (key[2] ?? 0);
}

/** Whether no key is below `to` and above all keys of the prefix. */
function endsWith(to: Buffer, prefix: number): boolean {
  return to.length <= PREFIX_BYTES && prefixOf(to) === prefix + 1;
}
