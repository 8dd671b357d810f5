import type { PageId } from './state.ts';
import type { PageAccess } from './value.ts';
import { NeedPages } from './value.ts';

/** Reads pages and collects the missing ones, so that they are asked for together. */
export class PageReader {
  readonly #pages: PageAccess;
  readonly #missing = new Set<PageId>();

  constructor(pages: PageAccess) {
    this.#pages = pages;
  }

  /** The page; null if it is a hole (''), or not in memory yet. */
  readUnlessHole(id: PageId): Buffer | null {
    if (id === '') return null;
    try {
      return this.#pages.read(id);
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      for (const missing of error.pageIds) this.#missing.add(missing);
      return null;
    }
  }

  /** Nothing was missing so far. */
  get isComplete(): boolean {
    return this.#missing.size === 0;
  }

  /** To be called before anything that was read is used. */
  throwIfMissing(): void {
    if (this.#missing.size > 0) throw new NeedPages([...this.#missing]);
  }
}
