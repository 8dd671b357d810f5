import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, sameBallot } from '../record/ballot.ts';
import type { PageId, PageManifest, RecordId } from '../record/state.ts';
import type { CommitRequest } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';

/** What one write changed of a value's pages, over the value that `base` made. */
interface Change {
  readonly base: Ballot;
  readonly added: readonly PageId[];
  readonly dropped: readonly PageId[];
}

/** All pages of the value that `origin` made. */
interface Whole {
  readonly origin: Ballot;
  readonly pageIds: readonly PageId[];
}

/** By the ballot of the write, as text. */
type Changes = Map<string, Change>;

/**
 * Which pages the last writes of this process added to large values, and which they dropped. A node that has missed some of
 * them is brought up by what they added: all pages of the value would have to be listed and looked for otherwise, and a value that
 * is written all the time would have changed again by then.
 */
export class RecentManifests {
  readonly #records = new Map<RecordId, Changes>();
  /** By node and record: the value at which a node has stopped that has the pages of later ones, as far as they are known here. */
  readonly #behind = new Map<string, Ballot>();
  /** Likewise, of nodes that stopped anywhere: a value that they have not taken, but have the pages of, and of later ones. */
  readonly #wholes = new Map<string, Whole>();

  /** A COMMIT is about to be sent. One that was never chosen does no harm: no value is based on it. */
  note({ address, baseOrigin, state, pages }: CommitRequest): void {
    if (pages === null || pages.complete || pages.added.length > limits.manifestPages) return;
    const origin = (state.intent?.proposed ?? state).header.origin;
    // The same value once more, by a repair; and values only follow older ones, so that going back comes to an end.
    if (compareBallots(origin, baseOrigin) <= 0) return;
    const changes: Changes = this.#records.get(address.id) ?? new Map();
    // The one that was written last is the last to go.
    this.#records.delete(address.id);
    this.#records.set(address.id, changes);
    changes.set(textOf(origin), { base: baseOrigin, added: pages.added, dropped: pages.dropped });
    dropFirst(changes, limits.manifestsPerRecord);
    dropFirst(this.#records, limits.manifestRecords);
  }

  /** The same COMMIT for a node that holds the value that `origin` made; null if it is not known what that lacks. */
  since(commit: CommitRequest, origin: Ballot): CommitRequest | null {
    const { address, baseOrigin, state, pages } = commit;
    if (pages === null || pages.complete) return null;
    const changes = this.#records.get(address.id);
    const added = new Set<PageId>();
    const dropped = new Set<PageId>();
    let at = baseOrigin;
    while (!sameBallot(at, origin)) {
      const change = changes?.get(textOf(at));
      if (change === undefined || added.size > limits.manifestPages) return null;
      // Backwards: what was dropped later is not needed. The node may have it all the same: pages travel ahead.
      for (const pageId of change.added) if (!dropped.has(pageId)) added.add(pageId);
      for (const pageId of change.dropped) dropped.add(pageId);
      at = change.base;
    }
    return { ...commit, baseOrigin: origin, pages: united(pages, added, dropped, state.intent !== undefined) };
  }

  /** A node has all pages that values after `origin` have added, but not the values. */
  noteBehind(node: NodeId, id: RecordId, origin: Ballot): void {
    this.#behind.set(placeOf(node, id), origin);
    dropFirst(this.#behind, limits.manifestRecords);
  }

  /** A node has been given all pages of the value that `origin` made; it may have promised too much to take that one. */
  noteWhole(node: NodeId, id: RecordId, origin: Ballot, pageIds: readonly PageId[]): void {
    const place = placeOf(node, id);
    this.#wholes.delete(place);
    this.#wholes.set(place, { origin, pageIds });
    dropFirst(this.#wholes, limits.wholesBehind);
  }

  noteCaughtUp(node: NodeId, id: RecordId): void {
    if (this.#behind.size > 0) this.#behind.delete(placeOf(node, id));
    if (this.#wholes.size > 0) this.#wholes.delete(placeOf(node, id));
  }

  /** What to send to this node for this COMMIT: it checks whether it has what that rests on. */
  requestFor(node: NodeId | undefined, commit: CommitRequest): CommitRequest {
    if (this.#behind.size + this.#wholes.size === 0 || commit.pages === null || node === undefined) return commit;
    const place = placeOf(node, commit.address.id);
    const whole = this.#wholes.get(place);
    const onWhole = whole === undefined ? null : this.since(commit, whole.origin);
    if (whole !== undefined && onWhole !== null) return withAll(onWhole, whole.pageIds);
    const origin = this.#behind.get(place);
    return origin === undefined ? commit : (this.since(commit, origin) ?? commit);
  }
}

/** The COMMIT for a node whose own value does not matter. */
function withAll(commit: CommitRequest, pageIds: readonly PageId[]): CommitRequest {
  const added = new Set([...pageIds, ...(commit.pages?.added ?? [])]);
  return { ...commit, pages: { complete: true, added: [...added], dropped: [] } };
}

/**
 * With what the writes before have added and dropped. What a value to be decided would drop is in use until then, and so is not told
 * from what the values before it have dropped: that stays until the value is written anew.
 */
function united(pages: PageManifest, added: Set<PageId>, dropped: Set<PageId>, isIntent: boolean): PageManifest {
  if (isIntent) return { complete: false, added: [...added, ...pages.added], dropped: pages.dropped };
  for (const pageId of pages.dropped) {
    added.delete(pageId);
    dropped.add(pageId);
  }
  return { complete: false, added: [...added, ...pages.added], dropped: [...dropped] };
}

function textOf({ time, proposer }: Ballot): string {
  return `${time} ${proposer}`;
}

function placeOf(node: NodeId, id: RecordId): string {
  return `${node} ${id}`;
}

/** The oldest go. */
function dropFirst(map: Map<unknown, unknown>, size: number): void {
  for (const key of map.keys()) {
    if (map.size <= size) return;
    map.delete(key);
  }
}
