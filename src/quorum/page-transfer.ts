import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { NO_BALLOT } from '../record/ballot.ts';
import type { PageId, RecordId } from '../record/state.ts';
import { type CommitRequest, MessageType, type RecordAddress, type SealedPage, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { isPair } from './joint-transport.ts';
import { majority } from './majority.ts';
import type { NodeCaller } from './node-caller.ts';
import type { NodeHealth } from './node-health.ts';
import type { PageCache } from './page-cache.ts';
import { inGroups, type Progress, windowed } from './page-groups.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import { RecentManifests } from './recent-manifests.ts';
import type { SealPort } from './seal-port.ts';

export interface PlainPage {
  readonly pageId: PageId;
  readonly bytes: Buffer;
}

/** What moving pages needs of encryption. */
export type PageSeal = Pick<SealPort, 'sealPage' | 'openPage'>;

const STEP_TIMEOUT_MS = limits.pageStallMs;

/** Moves pages of large values between proxies and nodes (architecture 2, protocol §4.3). */
export class PageTransfer {
  readonly #clock: Clock;
  readonly #caller: NodeCaller;
  readonly #seal: PageSeal;
  readonly #counters: ProtocolCounters;
  readonly #health: NodeHealth;
  /** Pages that were loaded or written lately. */
  readonly cache: PageCache;
  readonly manifests = new RecentManifests();
  /** By node and record: whose pages are all being listed and copied. */
  readonly #wholes = new Set<string>();
  /** Pages that were asked of nodes, and that were written to them (each counts once). */
  fetched = 0;
  written = 0;

  constructor(
    clock: Clock,
    caller: NodeCaller,
    seal: PageSeal,
    counters: ProtocolCounters,
    health: NodeHealth,
    cache: PageCache,
  ) {
    this.cache = cache;
    this.#health = health;
    this.#counters = counters;
    this.#clock = clock;
    this.#caller = caller;
    this.#seal = seal;
  }

  /** As `fetch`, for so many commands: unless they are very many, the pages are kept for what comes next. */
  load(
    address: RecordAddress,
    pageIds: readonly PageId[],
    holders: readonly NodeId[],
    into: Map<PageId, Buffer>,
    progress: Progress,
    done: (ok: boolean) => void,
    commands = 1,
  ): void {
    this.fetch(address, pageIds, holders, into, progress, (ok) => {
      if (ok && pageIds.length <= limits.cachedPagesPerLoad * commands) this.#keepLoaded(address.id, pageIds, into);
      done(ok);
    });
  }

  /** Fetches and opens pages from nodes that hold the state; false if one is to be had from none of them. */
  fetch(
    address: RecordAddress,
    pageIds: readonly PageId[],
    holders: readonly NodeId[],
    into: Map<PageId, Buffer>,
    progress: Progress,
    done: (ok: boolean) => void,
  ): void {
    this.fetched += pageIds.length;
    const step = (group: readonly PageId[], groupDone: (ok: boolean) => void): void => {
      this.#loadGroup(address, group, holders, 0, into, groupDone);
    };
    windowed(inGroups(pageIds), step, progress, done);
  }

  /** These pages were written by so many commands and are part of a chosen state: what comes next will probably read them. */
  keep(id: RecordId, pages: readonly PlainPage[], commands: number): void {
    if (pages.length > limits.cachedPagesPerLoad * commands) return;
    for (const { pageId, bytes } of pages) this.cache.add(id, pageId, bytes);
  }

  #keepLoaded(id: RecordId, pageIds: readonly PageId[], loaded: ReadonlyMap<PageId, Buffer>): void {
    for (const pageId of pageIds) {
      const bytes = loaded.get(pageId);
      if (bytes !== undefined) this.cache.add(id, pageId, bytes);
    }
  }

  /**
   * Seals pages and puts them on every node, a few groups at a time, so that never more than those are in memory twice.
   * A node that does not take one, or still waits to when Q others have long had it, is left behind. `done(false)`: fewer
   * than Q nodes are left.
   */
  send(
    address: RecordAddress,
    pages: readonly PlainPage[],
    nodes: readonly NodeId[],
    progress: Progress,
    done: (ok: boolean) => void,
  ): void {
    this.written += pages.length;
    const left = new Set(nodes);
    const quorum = majority(nodes.length);
    const step = (group: readonly PlainPage[], groupDone: (ok: boolean) => void): void => {
      const sealed = group.map(({ pageId, bytes }) => ({
        pageId,
        sealed: this.#seal.sealPage(address.id, pageId, bytes),
      }));
      this.#sendToAll(address, sealed, left, quorum, groupDone);
    };
    windowed(inGroups(pages), step, progress, done);
  }

  #sendToAll(
    address: RecordAddress,
    pages: readonly SealedPage[],
    left: Set<NodeId>,
    quorum: number,
    done: (ok: boolean) => void,
  ): void {
    const waiting = new Set(left);
    let taken = 0;
    let stall: Timer | null = null;
    let finished = false;
    const finish = (): void => {
      if (finished) return;
      finished = true;
      stall?.cancel();
      done(left.size >= quorum);
    };
    if (left.size < quorum) {
      finish();
      return;
    }
    for (const node of waiting) {
      this.#sendGroup(address, pages, node, 2, (ok) => {
        waiting.delete(node);
        if (ok) taken++;
        else left.delete(node);
        if (waiting.size === 0 || left.size < quorum) finish();
        else if (taken >= quorum) {
          stall ??= this.#clock.after(this.#patienceMs(waiting), () => {
            for (const hanging of waiting) {
              left.delete(hanging);
              this.#health.slow(hanging);
            }
            finish();
          });
        }
      });
    }
  }

  /** Nobody waits for a node that is known to be slow: the COMMIT finds it stale, and it catches up. */
  #patienceMs(waiting: ReadonlySet<NodeId>): number {
    for (const node of waiting) if (!this.#health.isSuspect(node)) return limits.pageStallMs;
    return 0;
  }

  /**
   * Brings a node that answered STALE up to the state of `commit`: sends the pages that it lacks, from a node that has them. Gives
   * the COMMIT to send again, or null. Which pages that may be is known where this process has made all values since the
   * node's own; otherwise all pages of the value are listed.
   */
  catchUp(
    stale: NodeId,
    source: NodeId,
    commit: CommitRequest,
    progress: Progress,
    done: (commit: CommitRequest | null) => void,
  ): void {
    if (commit.pages === null || commit.pages.complete || isPair(stale)) {
      this.#catchUpWhole(stale, source, commit, progress, done);
      return;
    }
    const { address } = commit;
    const ask = { type: MessageType.read, address, ifAccepted: null, want: Want.meta } as const;
    this.#caller.call(stale, ask, STEP_TIMEOUT_MS, (held) => {
      const origin = held.type === MessageType.state ? (held.state?.header.origin ?? NO_BALLOT) : null;
      const since = origin === null ? null : this.manifests.since(commit, origin);
      const added = since?.pages?.added ?? null;
      if (origin === null || added === null) {
        this.#catchUpWhole(stale, source, commit, progress, done);
        return;
      }
      this.#copyMissing(address, added, source, stale, progress, (ok) => {
        // Those that come after it may be there before this one: they are sent to the node as it needs them.
        if (ok) this.manifests.noteBehind(stale, address.id, origin);
        done(ok ? since : null);
      });
    });
  }

  #catchUpWhole(
    stale: NodeId,
    source: NodeId,
    commit: CommitRequest,
    progress: Progress,
    done: (commit: CommitRequest | null) => void,
  ): void {
    const { address, state } = commit;
    const place = `${stale} ${address.id}`;
    // The writes that follow find the node where this one leaves it.
    if (this.#wholes.has(place)) {
      done(null);
      return;
    }
    this.#wholes.add(place);
    const ended = (all: readonly PageId[] | null): void => {
      this.#wholes.delete(place);
      // It may have promised a later one by now: then that is told of these pages.
      if (all !== null) this.manifests.noteWhole(stale, address.id, state.header.origin, all);
      done(all === null ? null : { ...commit, pages: { complete: true, added: all, dropped: [] } });
    };
    const list = { type: MessageType.listPages, address, ifOrigin: state.header.origin } as const;
    this.#caller.call(source, list, STEP_TIMEOUT_MS, (listed) => {
      if (listed.type !== MessageType.pageIds || listed.pageIds === null) {
        ended(null);
        return;
      }
      const all = listed.pageIds;
      this.#copyMissing(address, all, source, stale, progress, (ok) => ended(ok ? all : null));
    });
  }

  /** Those of the pages that the target does not have. */
  #copyMissing(
    address: RecordAddress,
    pageIds: readonly PageId[],
    source: NodeId,
    target: NodeId,
    progress: Progress,
    done: (ok: boolean) => void,
  ): void {
    const ask = { type: MessageType.missingPages, address, pageIds } as const;
    this.#caller.call(target, ask, STEP_TIMEOUT_MS, (missing) => {
      if (missing.type !== MessageType.pageIds || missing.pageIds === null) {
        done(false);
        return;
      }
      progress();
      const step = (group: readonly PageId[], groupDone: (ok: boolean) => void): void =>
        this.#copyGroup(address, group, source, target, groupDone);
      windowed(inGroups(missing.pageIds), step, progress, done);
    });
  }

  #loadGroup(
    address: RecordAddress,
    group: readonly PageId[],
    holders: readonly NodeId[],
    attempt: number,
    into: Map<PageId, Buffer>,
    done: (ok: boolean) => void,
  ): void {
    const holder = holders[attempt];
    if (holder === undefined) {
      done(false);
      return;
    }
    const request = { type: MessageType.getPages, address, pageIds: group } as const;
    this.#caller.call(holder, request, STEP_TIMEOUT_MS, (response) => {
      const pages = response.type === MessageType.pages ? response.pages : [];
      const sound = this.#openInto(address, group, pages, into);
      if (sound.length === group.length) {
        done(true);
        return;
      }
      const opened = new Set(sound.map(({ pageId }) => pageId));
      const lacking = group.filter((pageId) => !opened.has(pageId));
      const corrupt = response.type === MessageType.fault && response.fault === 'corrupt';
      const damaged = corrupt ? group : group.filter((pageId, i) => pages[i] && !opened.has(pageId));
      if (damaged.length > 0) this.#onDamaged(address, holder, damaged, holders);
      this.#loadGroup(address, lacking, holders, attempt + 1, into, done);
    });
  }

  /** Opens what is there; gives the pages whose seal holds. */
  #openInto(
    address: RecordAddress,
    group: readonly PageId[],
    sealed: readonly (Buffer | null)[],
    into: Map<PageId, Buffer>,
  ): SealedPage[] {
    const sound: SealedPage[] = [];
    for (let i = 0; i < group.length; i++) {
      const pageId = group[i];
      const bytes = sealed[i];
      if (pageId === undefined || !bytes) continue;
      const opened = this.#seal.openPage(address.id, pageId, bytes);
      if (opened === null) continue;
      into.set(pageId, opened);
      sound.push({ pageId, sealed: bytes });
    }
    return sound;
  }

  /** A node's disk has damaged pages: it gets them from another one. Nobody waits for that. */
  #onDamaged(address: RecordAddress, holder: NodeId, pageIds: readonly PageId[], holders: readonly NodeId[]): void {
    this.#counters.add('corrupt-replica');
    const source = holders.find((other) => other !== holder);
    if (source === undefined) return;
    this.#copyGroup(address, pageIds, source, holder, (ok) => {
      if (ok) this.#counters.add('pages-repaired');
    });
  }

  #sendGroup(
    address: RecordAddress,
    pages: readonly SealedPage[],
    node: NodeId,
    tries: number,
    done: (ok: boolean) => void,
  ): void {
    const request = { type: MessageType.putPages, address, pages } as const;
    this.#caller.call(node, request, STEP_TIMEOUT_MS * 4, (response) => {
      if (response.type === MessageType.pagesStored) done(true);
      else if (tries > 1) this.#sendGroup(address, pages, node, tries - 1, done);
      else done(false);
    });
  }

  #copyGroup(
    address: RecordAddress,
    group: readonly PageId[],
    source: NodeId,
    target: NodeId,
    done: (ok: boolean) => void,
  ): void {
    const request = { type: MessageType.getPages, address, pageIds: group } as const;
    this.#caller.call(source, request, STEP_TIMEOUT_MS, (response) => {
      if (response.type !== MessageType.pages) {
        done(false);
        return;
      }
      // Damage must not spread.
      const pages = this.#openInto(address, group, response.pages, new Map());
      if (pages.length === group.length) this.#sendGroup(address, pages, target, 2, done);
      else done(false);
    });
  }
}
