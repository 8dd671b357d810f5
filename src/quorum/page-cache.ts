import { limits } from '../base/limits.ts';
import type { PageId, RecordId } from '../record/state.ts';

/** What a page costs beside its bytes, about: its name, its entry, its place in the map. */
const ENTRY_BYTES = 256;

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

interface CachedPage {
  readonly bytes: Buffer;
  /** Since the hand last passed. */
  isUsed: boolean;
}

/**
 * Pages of large values as a proxy last saw them, their seals off. A page never changes once it has its name, so nothing
 * here is ever out of date: what a record does not list any more is not asked for, and goes when others need the room.
 * Which pages stay is decided by a clock: one that was used since the hand passed is passed over once.
 */
export class PageCache {
  readonly #maxBytes: number;
  readonly #pages = new Map<string, CachedPage>();
  #bytes = 0;
  hits = 0;
  misses = 0;

  /** `maxBytes` 0: nothing is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held, with what it costs to hold them; never above the limit. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /** Not to be changed. */
  get(id: RecordId, pageId: PageId): Buffer | undefined {
    const page = this.#pages.get(id + pageId);
    if (page === undefined) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    page.isUsed = true;
    return page.bytes;
  }

  /** The bytes must not change any more. A page that is here already stays as it is. */
  add(id: RecordId, pageId: PageId, bytes: Buffer): void {
    if (bytes.length > limits.cachedPageBytes || bytes.length + ENTRY_BYTES > this.#maxBytes) return;
    const name = id + pageId;
    if (this.#pages.has(name)) return;
    // A view would keep all that it is a part of: a whole request, a block that others were written into.
    const own = bytes.buffer.byteLength > bytes.length ? copyOf(bytes) : bytes;
    this.#pages.set(name, { bytes: own, isUsed: false });
    this.#bytes += own.length + ENTRY_BYTES;
    this.#makeRoom();
  }

  #makeRoom(): void {
    // The map's order is the clock's: who is passed over goes behind all others.
    for (const [name, page] of this.#pages) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#pages.delete(name);
      if (page.isUsed) {
        page.isUsed = false;
        this.#pages.set(name, page);
      } else {
        this.#bytes -= page.bytes.length + ENTRY_BYTES;
      }
    }
  }
}
