import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, isNoBallot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { BALLOT_BYTES, writeBallot } from '../record/bytes.ts';
import {
  droppedPageKey,
  pageBallot,
  pageKey,
  pageRange,
  parsePageKey,
  supersededPages,
  VOID_MARK,
} from '../record/record-id.ts';
import type { PageId, PageManifest, RecordId } from '../record/state.ts';
import {
  type CommitItem,
  type GetPagesRequest,
  type ListPagesRequest,
  MessageType,
  type MissingPagesRequest,
  type PinPagesRequest,
  type PutPagesRequest,
  type RecordAddress,
} from '../rpc/messages.ts';
import type { Call } from '../rpc/transport.ts';
import { DISK_FULL, type DiskSpace } from './disk-space.ts';
import type { Engine } from './engine.ts';
import type { PagePins } from './page-pins.ts';
import type { CachedRecord } from './record-cache.ts';
import type { WritePipeline } from './write-pipeline.ts';

const STORED = { type: MessageType.pagesStored } as const;
const TOO_MANY_PINS = { type: MessageType.fault, fault: 'busy', detail: 'too many records are pinned' } as const;

export interface PageStoreParts {
  readonly engine: Engine;
  readonly pipeline: WritePipeline;
  /** Null: never full. */
  readonly space: DiskSpace | null;
  readonly pins: PagePins;
  readonly clock: Clock;
  /** How long pages stay that no value lists any more. */
  readonly purgeAfterMs: number;
}

/**
 * Pages of large values on one node. They arrive ahead of the COMMIT that lists them; `#known` remembers the latest
 * ones that are durable here, so that the COMMIT can be judged without a read.
 */
export class PageStore {
  readonly #engine: Engine;
  readonly #pipeline: WritePipeline;
  readonly #space: DiskSpace | null;
  readonly #pins: PagePins;
  readonly #clock: Clock;
  readonly #purgeAfterMs: number;
  readonly #known = new Set<string>();
  #listedAnew: Set<RecordId> | null = null;

  constructor(parts: PageStoreParts) {
    this.#engine = parts.engine;
    this.#pipeline = parts.pipeline;
    this.#space = parts.space;
    this.#pins = parts.pins;
    this.#clock = parts.clock;
    this.#purgeAfterMs = parts.purgeAfterMs;
  }

  serve(call: Call, request: PutPagesRequest | GetPagesRequest | MissingPagesRequest | PinPagesRequest): void {
    switch (request.type) {
      case MessageType.pinPages:
        call.respond(this.#pins.pin(request.address.id) ? STORED : TOO_MANY_PINS);
        break;
      case MessageType.putPages:
        this.#put(call, request);
        break;
      case MessageType.getPages:
        this.#get(call, request);
        break;
      case MessageType.missingPages:
        this.#missing(call, request);
        break;
    }
  }

  /** False if one of them is not known to be here: the coordinator then asks which are missing, which makes them known. */
  holdsAll(address: RecordAddress, pageIds: readonly PageId[]): boolean {
    for (const pageId of pageIds) {
      if (!this.#known.has(address.id + pageId)) return false;
    }
    return true;
  }

  /**
   * A state was accepted over one that was in pages, or lists pages itself: marks what the record has ceased to list, for the
   * sweep of pages to find. What a complete list from another node names may have been marked here: then older marks are void.
   */
  noteAccepted({ address, ballot, state }: CommitItem, wasPaged: boolean, pages: PageManifest | null): void {
    const { shard, id } = address;
    // A value that was an intent first has pages that are older than the ballot it is accepted under.
    const { origin, paged } = state.header;
    if (state.intent !== undefined) {
      // Both the present state's pages and the proposed one's are in use.
      if (pages?.complete === true) this.noteListed(address, ballot);
    } else if (pages === null) {
      // Dead, made from absent, it has no origin.
      const until = isNoBallot(origin) ? ballot : origin;
      if (wasPaged && !paged) this.#mark(shard, id, supersededPages(until), ballot);
    } else if (!pages.complete) {
      for (const pageId of pages.dropped) this.#mark(shard, id, pageId, ballot);
    } else if (pages.added.every((pageId) => sameBallot(pageBallot(pageId) ?? NO_BALLOT, origin))) {
      if (wasPaged) this.#mark(shard, id, supersededPages(origin), ballot);
    } else {
      this.noteListed(address, ballot);
    }
  }

  /** What the state accepted under this ballot rests on may have been marked here before: that is void. */
  noteListed({ shard, id }: RecordAddress, ballot: Ballot): void {
    this.#mark(shard, id, VOID_MARK, ballot);
    this.#listedAnew?.add(id);
  }

  /** From now on, until called again, it is kept which records were given a list that may name what was marked before. */
  watchLists(): ReadonlySet<RecordId> {
    this.#listedAnew = new Set();
    return this.#listedAnew;
  }

  /** Deletes a page; a COMMIT that lists it finds it missing from now on. */
  drop(shard: number, id: RecordId, pageId: PageId): void {
    this.#known.delete(id + pageId);
    this.#pipeline.add({ key: pageKey(shard, id, pageId), value: null });
  }

  /**
   * All pages of the record, if its value is the one asked for, or was it a short time ago: a superset of those in use by it. Who asks
   * knows that this node has had it.
   */
  list(call: Call, request: ListPagesRequest, record: CachedRecord): void {
    if (record.state === null || !this.#hasPagesOf(request.ifOrigin, record.state.header.origin)) {
      call.respond({ type: MessageType.pageIds, pageIds: null });
      return;
    }
    const { batch } = record;
    this.#scanIds(request.address, (pageIds) => {
      if (pageIds === null) call.respond({ type: MessageType.fault, fault: 'io', detail: 'pages could not be listed' });
      else this.#pipeline.respondWhenDurable(call, batch, { type: MessageType.pageIds, pageIds });
    });
  }

  /** What has followed the value since is no older than it; what that has ceased to list stays for `purgeAfter`. */
  #hasPagesOf(origin: Ballot, held: Ballot): boolean {
    if (sameBallot(held, origin)) return true;
    return compareBallots(held, origin) > 0 && origin.time + this.#purgeAfterMs * 500 > this.#clock.wallUs();
  }

  #mark(shard: number, id: RecordId, pageId: PageId, ballot: Ballot): void {
    const value = Buffer.allocUnsafe(BALLOT_BYTES);
    writeBallot(value, 0, ballot);
    this.#pipeline.add({ key: droppedPageKey(shard, id, pageId), value });
  }

  #put(call: Call, request: PutPagesRequest): void {
    if (request.pages.length === 0) {
      call.respond({ type: MessageType.pagesStored });
      return;
    }
    if (this.#space?.isFull === true) {
      call.respond(DISK_FULL);
      return;
    }
    const { shard, id } = request.address;
    const batch = this.#pipeline.formingNumber;
    for (const page of request.pages) {
      this.#pipeline.add({ key: pageKey(shard, id, page.pageId), value: page.sealed });
    }
    this.#pipeline.respondWhenDurable(
      {
        request,
        respond: (response) => {
          if (response.type === MessageType.pagesStored) {
            for (const page of request.pages) this.#remember(id + page.pageId);
          }
          call.respond(response);
        },
      },
      batch,
      { type: MessageType.pagesStored },
    );
  }

  #get(call: Call, request: GetPagesRequest): void {
    const { shard, id } = request.address;
    const keys = request.pageIds.map((pageId) => pageKey(shard, id, pageId));
    this.#engine.getMany(keys, (error, pages) => {
      if (error !== null || pages === undefined) {
        const fault = error?.kind === 'corrupt' ? 'corrupt' : 'io';
        call.respond({ type: MessageType.fault, fault, detail: 'pages could not be read' });
      } else {
        call.respond({ type: MessageType.pages, pages });
      }
    });
  }

  #missing(call: Call, { address, pageIds }: MissingPagesRequest): void {
    const { shard, id } = address;
    const unknown = pageIds.filter((pageId) => !this.#known.has(id + pageId));
    const answer = (isHere: (pageId: PageId, i: number) => boolean): void => {
      const missing: PageId[] = [];
      for (const [i, pageId] of unknown.entries()) {
        if (isHere(pageId, i)) this.#remember(id + pageId);
        else missing.push(pageId);
      }
      call.respond({ type: MessageType.pageIds, pageIds: missing });
    };
    const look = (): void => {
      this.#scanIds(address, (held) => {
        const here = new Set(held);
        if (held === null) call.respond({ type: MessageType.fault, fault: 'io', detail: 'pages could not be listed' });
        else answer((pageId) => here.has(pageId));
      });
    };
    if (unknown.length > limits.pagesLookedUp) {
      look();
      return;
    }
    // There may be thousands of pages beside these few.
    const keys = unknown.map((pageId) => pageKey(shard, id, pageId));
    this.#engine.getMany(keys, (error, pages) => {
      // A damaged one is here as well.
      if (error !== null || pages === undefined) look();
      else answer((_, i) => pages[i] !== null);
    });
  }

  #scanIds(address: RecordAddress, done: (pageIds: PageId[] | null) => void): void {
    const { from, to } = pageRange(address.shard, address.id);
    const found: PageId[] = [];
    const next = (start: Buffer): void => {
      const range = { from: start, to, limit: 4096, limitBytes: limits.scanStepBytes, keysOnly: true };
      this.#engine.scan(range, (error, entries) => {
        if (error !== null || entries === undefined) {
          done(null);
          return;
        }
        for (const entry of entries) {
          const page = parsePageKey(entry.key);
          if (page !== null) found.push(page.pageId);
        }
        const last = entries.at(-1);
        if (last === undefined) done(found);
        else next(Buffer.concat([last.key, Buffer.alloc(1)]));
      });
    };
    next(from);
  }

  #remember(key: string): void {
    this.#known.add(key);
    if (this.#known.size <= limits.knownPagesPerNode) return;
    for (const oldest of this.#known) {
      this.#known.delete(oldest);
      if (this.#known.size <= limits.knownPagesPerNode) break;
    }
  }
}
