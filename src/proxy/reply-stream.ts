import { assert, InvariantError } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { LastingPages } from '../quorum/lasting-pages.ts';
import type { PageId } from '../record/state.ts';
import { NeedPages, type PageAccess } from '../record/value.ts';
import type { BulkItems } from '../resp/reply.ts';
import type { Listing, PagedItems } from './values/paged-items.ts';

/** How much each of the streams of one proxy may make at once, so that all of them hold no more than they may. */
export class StreamRoom {
  /** Streams that have begun, and not ended. */
  open = 0;
  /** Streams that were cut off: their pages were not to be had, or their client did not read. */
  cut = 0;

  /** Each holds about three times as much: what is being sent, what is made ahead, and the pages of that. */
  get windowBytes(): number {
    const share = limits.allStreamsBytes / (3 * Math.max(1, this.open));
    return Math.max(limits.streamWindowMinBytes, Math.min(limits.streamWindowBytes, Math.floor(share)));
  }
}

/**
 * The items of one streamed reply, made part by part as they are taken, one part ahead. Each part is a small command of its
 * own on the version of the collection that the reply began with, whose pages never change.
 */
export class ReplyStream {
  readonly #listing: Listing;
  readonly #pages: LastingPages;
  readonly #room: StreamRoom;
  readonly #clock: Clock;
  readonly #changed: () => void;
  /** Pages that the last part used, or the next one has asked for. */
  #held = new Map<PageId, Buffer>();
  #next = 0;
  #ready: BulkItems | null = null;
  /** Elements of the next part; 0: as many as its bytes allow. */
  #width = 0;
  #isLoading = false;
  #reserved = 0;
  #waitingSinceMs = -1;
  #retryMs: number = limits.streamRetryMs;
  #retry: Timer | null = null;
  #isOpen = true;
  /** One that waits for its turn holds nothing yet. */
  #hasBegun = false;
  /** Pages are not to be had: nothing more will come. */
  hasFailed = false;

  /** `changed`: there is something to take, or the stream has failed. */
  constructor(items: PagedItems, pages: LastingPages, room: StreamRoom, clock: Clock, changed: () => void) {
    this.#listing = items.listing;
    this.#pages = pages;
    this.#room = room;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Everything has been taken. */
  get isDone(): boolean {
    return this.#ready === null && this.#next === this.#listing.elements;
  }

  /** The next part, encoded; null while it is not there. `changed` says when it is, and the first call begins to make it. */
  take(): BulkItems | null {
    if (this.#ready === null) this.#make();
    const taken = this.#ready;
    this.#ready = null;
    if (taken !== null && this.#next < this.#listing.elements) this.#clock.endOfTurn(() => this.#makeAhead());
    return taken;
  }

  /** The pages may go, whatever is left. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#hasBegun) this.#room.open--;
    this.#retry?.cancel();
    this.#release();
    this.#held.clear();
    this.#ready = null;
    this.#pages.close();
  }

  #makeAhead(): void {
    if (this.#ready !== null) return;
    this.#make();
    if (this.#ready !== null) this.#changed();
  }

  #make(): void {
    if (!this.#isOpen || this.#isLoading || this.hasFailed) return;
    if (!this.#hasBegun) this.#room.open++;
    this.#hasBegun = true;
    const { elements, elementBytes } = this.#listing;
    const most = Math.max(1, Math.floor(this.#room.windowBytes / Math.max(1, elementBytes)));
    if (this.#width === 0 || this.#width > most) this.#width = most;
    while (this.#next < elements) {
      const end = Math.min(elements, this.#next + this.#width);
      const access = new PartPages(this.#held, this.#pages);
      try {
        this.#ready = this.#listing.read(this.#next, end, access);
      } catch (error) {
        if (!(error instanceof NeedPages)) throw error;
        if (this.#width > 1 && error.pageIds.length > limits.streamPagesAtOnce) {
          this.#width >>= 1;
          continue;
        }
        this.#load(error.pageIds);
        return;
      }
      this.#next = end;
      this.#held = access.used;
      this.#width = Math.min(most, this.#width * 2);
      this.#release();
      return;
    }
  }

  #load(pageIds: readonly PageId[]): void {
    // One element of so many pages: as a long string, it counts among all that is in memory.
    const isLarge = pageIds.length > limits.streamPagesAtOnce;
    if (isLarge && this.#reserved === 0) {
      if (!this.#pages.reserve(pageIds.length)) {
        this.#later();
        return;
      }
      this.#reserved = pageIds.length;
    }
    this.#isLoading = true;
    const lacking = pageIds.filter((pageId) => !this.#held.has(pageId));
    assert(lacking.length > 0, 'what is asked for is lacking');
    this.#pages.load(lacking, this.#held, (ok) => {
      this.#isLoading = false;
      if (!this.#isOpen) return;
      if (!ok) {
        this.#later();
        return;
      }
      this.#waitingSinceMs = -1;
      this.#retryMs = limits.streamRetryMs;
      this.#makeAhead();
    });
  }

  /** Once more after a while: a node may be away for a moment, or the record's shard be on the move. */
  #later(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#waitingSinceMs < 0) this.#waitingSinceMs = nowMs;
    if (nowMs - this.#waitingSinceMs >= limits.streamPageWaitMs) {
      this.hasFailed = true;
      this.#changed();
      return;
    }
    this.#isLoading = true;
    this.#retry = this.#clock.after(this.#retryMs, () => {
      this.#isLoading = false;
      this.#makeAhead();
    });
    this.#retryMs = Math.min(limits.streamRetryMaxMs, this.#retryMs * 2);
  }

  #release(): void {
    if (this.#reserved > 0) this.#pages.release(this.#reserved);
    this.#reserved = 0;
  }
}

/** What one part reads. */
class PartPages implements PageAccess {
  readonly used = new Map<PageId, Buffer>();
  readonly #held: ReadonlyMap<PageId, Buffer>;
  readonly #pages: LastingPages;

  constructor(held: ReadonlyMap<PageId, Buffer>, pages: LastingPages) {
    this.#held = held;
    this.#pages = pages;
  }

  read(id: PageId): Buffer {
    const bytes = this.used.get(id) ?? this.#held.get(id) ?? this.#pages.get(id);
    if (bytes === undefined) throw new NeedPages([id]);
    this.used.set(id, bytes);
    return bytes;
  }

  write(): PageId {
    throw new InvariantError('a reply makes no pages');
  }
}
