import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import type { LastingPages } from '../quorum/lasting-pages.ts';
import type { PageId } from '../record/state.ts';
import { NeedPages, type PageAccess } from '../record/value.ts';
import { BulkItems } from '../resp/reply.ts';
import { ReplyStream, StreamRoom } from './reply-stream.ts';
import { type Listing, PagedItems } from './values/paged-items.ts';

const PAGE_ITEMS = 10;

/** Pages of ten elements each, that a test lets come or not. */
class TestPages implements LastingPages {
  isThere = true;
  isClosed = false;
  hasRoom = true;
  reserved = 0;
  /** Ids of each load. */
  readonly loads: (readonly PageId[])[] = [];
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get(): undefined {
    return undefined;
  }

  load(pageIds: readonly PageId[], into: Map<PageId, Buffer>, done: (ok: boolean) => void): void {
    this.loads.push(pageIds);
    this.#clock.after(1, () => {
      // Of what is not there as a whole, a part is found all the same.
      const found = this.isThere ? pageIds : pageIds.slice(1);
      for (const id of found) into.set(id, Buffer.from(id));
      done(found.length === pageIds.length);
    });
  }

  reserve(count: number): boolean {
    if (this.hasRoom) this.reserved += count;
    return this.hasRoom;
  }

  release(count: number): void {
    this.reserved -= count;
  }

  close(): void {
    this.isClosed = true;
  }
}

interface Made {
  readonly clock: ManualClock;
  readonly pages: TestPages;
  readonly room: StreamRoom;
  readonly stream: ReplyStream;
  readonly changes: { count: number };
}

/** `pagesEach`: more pages that every element needs for itself. */
function streamOf(elements: number, elementBytes: number, pagesEach = 0): Made {
  const clock = new ManualClock();
  const pages = new TestPages(clock);
  const room = new StreamRoom();
  const changes = { count: 0 };
  const listing: Listing = {
    kind: 'array',
    elements,
    itemsEach: 1,
    elementBytes,
    read(from, to, access: PageAccess): BulkItems {
      const wanted = new Set<PageId>();
      for (let i = from; i < to; i++) {
        wanted.add(`page ${Math.floor(i / PAGE_ITEMS)}`);
        for (let own = 0; own < pagesEach; own++) wanted.add(`own ${i} ${own}`);
      }
      const missing = [...wanted].filter((id) => !isThere(access, id));
      if (missing.length > 0) throw new NeedPages(missing);
      const bytes = Buffer.from(Array.from({ length: to - from }, (_, i) => `${from + i} `).join(''));
      return new BulkItems('array', to - from, bytes.length, [bytes]);
    },
  };
  const stream = new ReplyStream(new PagedItems('record', listing), pages, room, clock, () => {
    changes.count++;
  });
  return { clock, pages, room, stream, changes };
}

function isThere(access: PageAccess, id: PageId): boolean {
  try {
    return access.read(id).toString() === id;
  } catch (error) {
    if (error instanceof NeedPages) return false;
    throw error;
  }
}

function pass(clock: ManualClock, ms: number): void {
  for (let i = 0; i < ms; i++) {
    clock.flushTurn();
    clock.advance(1);
  }
  clock.flushTurn();
}

/** Takes all, as soon as it is there; as text. */
function drain({ clock, stream }: Made, most = 100_000): string {
  let text = '';
  for (let i = 0; i < most && !stream.isDone && !stream.hasFailed; i++) {
    for (const piece of stream.take()?.pieces ?? []) text += piece.toString();
    pass(clock, 1);
  }
  return text;
}

const all = (count: number): string => Array.from({ length: count }, (_, i) => `${i} `).join('');

describe('a stream of a reply', () => {
  it('gives every element once and in order, in parts of about its window', () => {
    const made = streamOf(100_000, 1_024);
    expect(drain(made)).toBe(all(100_000));
    const { pages, stream, room } = made;
    expect(pages.loads.length).toBeGreaterThanOrEqual(Math.floor((100_000 * 1_024) / limits.streamWindowBytes));
    for (const ids of pages.loads) expect(ids.length).toBeLessThanOrEqual(limits.streamWindowBytes / 1_024 / 10 + 2);
    expect(stream.isDone).toBe(true);
    stream.close();
    stream.close();
    expect([room.open, pages.isClosed]).toEqual([0, true]);
  });

  it('makes one part ahead, and no more while nobody takes it', () => {
    const made = streamOf(100_000, 1_024);
    expect(made.stream.take()).toBeNull();
    pass(made.clock, 10);
    expect(made.changes.count).toBe(1);
    expect(made.stream.take()).not.toBeNull();
    pass(made.clock, 1_000);
    expect(made.pages.loads.length).toBe(2);
  });

  it('asks again for pages that are away for a while', () => {
    const made = streamOf(1_000, 1_024);
    made.pages.isThere = false;
    drain(made, 1_000);
    expect(made.pages.loads.length).toBeGreaterThan(2);
    expect(made.stream.hasFailed).toBe(false);
    made.pages.isThere = true;
    expect(drain(made)).toBe(all(1_000));
  });

  it('fails in the end, and says so', () => {
    const made = streamOf(1_000, 1_024);
    made.pages.isThere = false;
    const before = made.changes.count;
    drain(made, limits.streamPageWaitMs + 2 * limits.streamRetryMaxMs);
    expect(made.stream.hasFailed).toBe(true);
    expect(made.changes.count).toBe(before + 1);
    expect(made.pages.loads.length).toBeLessThan(50);
    expect(made.stream.take()).toBeNull();
    expect(made.stream.isDone).toBe(false);
  });

  it('takes fewer elements at once where each needs many pages', () => {
    const made = streamOf(200, 64, 50);
    expect(drain(made)).toBe(all(200));
    for (const ids of made.pages.loads) expect(ids.length).toBeLessThanOrEqual(limits.streamPagesAtOnce);
  });

  it('counts the pages of a huge element among all that is in memory, and waits for room', () => {
    const made = streamOf(3, 1_000, limits.streamPagesAtOnce + 1);
    made.pages.hasRoom = false;
    expect(drain(made, 1_000)).toBe('');
    expect(made.pages.loads).toEqual([]);
    made.pages.hasRoom = true;
    expect(drain(made)).toBe(all(3));
    expect(made.pages.reserved).toBe(0);
  });

  it('that is closed while pages are on their way asks for no more, and gives its room back', () => {
    const made = streamOf(3, 1_000, limits.streamPagesAtOnce + 1);
    made.stream.take();
    expect(made.pages.reserved).toBeGreaterThan(0);
    made.stream.close();
    expect([made.pages.reserved, made.room.open, made.pages.isClosed]).toEqual([0, 0, true]);
    pass(made.clock, 100);
    expect([made.pages.loads.length, made.changes.count]).toEqual([1, 0]);
  });

  it('makes smaller parts among many others', () => {
    const room = new StreamRoom();
    expect(room.windowBytes).toBe(limits.streamWindowBytes);
    room.open = 1_000;
    expect(3 * 1_000 * room.windowBytes).toBeLessThanOrEqual(limits.allStreamsBytes);
    room.open = 1_000_000;
    expect(room.windowBytes).toBe(limits.streamWindowMinBytes);
  });
});
