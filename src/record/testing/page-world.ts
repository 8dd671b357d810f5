import type { Ballot } from '../ballot.ts';
import { makePageId } from '../record-id.ts';
import type { PageId } from '../state.ts';
import type { PageAccess } from '../value.ts';
import { NeedPages } from '../value.ts';

/** What one attempt of `PageWorld.run` did. */
export interface PageRun<R> {
  readonly result: R;
  readonly ballot: Ballot;
  /** How often pages had to be loaded before it could run. */
  readonly loads: number;
  readonly read: ReadonlySet<PageId>;
  readonly written: readonly PageId[];
}

/** For tests: pages on a disk, and commands that run on them as the coordinator lets them run. */
export class PageWorld {
  readonly disk = new Map<PageId, Buffer>();
  readonly #asksFirst: boolean;
  #time = 0;

  /** `asksFirst`: that a command writes pages before it asks for others is a mistake. */
  constructor(asksFirst = true) {
    this.#asksFirst = asksFirst;
  }

  /**
   * Runs `command` with nothing in memory, loading what it asks for, until it ends. Checks that what it asks for exists,
   * and that it wrote nothing before it asked (unless it may).
   */
  run<R>(command: (pages: PageAccess) => R): PageRun<R> {
    const ballot = { time: ++this.#time, proposer: 1 };
    const memory = new Map<PageId, Buffer>();
    for (let loads = 0; ; loads++) {
      const made = new Map<PageId, Buffer>();
      const read = new Set<PageId>();
      const access: PageAccess = {
        read: (id) => {
          const page = made.get(id) ?? memory.get(id);
          if (page === undefined) throw new NeedPages([id]);
          read.add(id);
          return page;
        },
        write: (bytes) => {
          const id = makePageId(ballot, made.size);
          made.set(id, bytes);
          return id;
        },
      };
      try {
        const result = command(access);
        for (const [id, bytes] of made) this.disk.set(id, Buffer.from(bytes));
        return { result, ballot, loads, read, written: [...made.keys()] };
      } catch (error) {
        if (!(error instanceof NeedPages)) throw error;
        if (this.#asksFirst && made.size > 0)
          throw new Error('pages were written before all that is needed was asked for');
        this.#load(error.pageIds, memory);
      }
    }
  }

  /** What only reads, and has some of the pages in memory. */
  some(isThere: (id: PageId) => boolean): PageAccess {
    return {
      read: (id) => {
        const page = isThere(id) ? this.disk.get(id) : undefined;
        if (page === undefined) throw new NeedPages([id]);
        return page;
      },
      write: () => {
        throw new Error('it only reads');
      },
    };
  }

  #load(pageIds: readonly PageId[], memory: Map<PageId, Buffer>): void {
    if (pageIds.length === 0 || new Set(pageIds).size !== pageIds.length) throw new Error('asks for nothing, or twice');
    for (const id of pageIds) {
      const page = this.disk.get(id);
      if (page === undefined || memory.has(id)) throw new Error('asks for a page that is not there, or that it has');
      memory.set(id, page);
    }
  }
}
