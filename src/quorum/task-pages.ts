import { limits } from '../base/limits.ts';
import type { PageId, RecordId } from '../record/state.ts';
import type { CommitRequest, RecordAddress } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { AttemptPages, LoadedPages, OpenedBase } from './attempt.ts';
import type { CommitRound } from './commit-round.ts';
import { isPair } from './joint-transport.ts';
import type { Pending } from './pending.ts';
import type { TaskContext } from './task-context.ts';

/** Pages of a large value for one record's task: those loaded for this round, and those on their way to the nodes. */
export class TaskPages<R> implements LoadedPages {
  readonly #context: TaskContext<R>;
  readonly #id: RecordId;
  #loaded: Map<PageId, Buffer> | null = null;
  #reserved = 0;

  constructor(context: TaskContext<R>, id: RecordId) {
    this.#context = context;
    this.#id = id;
  }

  /** What was loaded for this round, or is still known. */
  get(pageId: PageId): Buffer | undefined {
    return this.#loaded?.get(pageId) ?? this.#context.pageTransfer.cache.get(this.#id, pageId);
  }

  /** After a round: the pages may go. */
  clear(): void {
    if (this.#loaded === null) return;
    this.#context.releasePages(this.#reserved);
    this.#reserved = 0;
    this.#loaded = null;
  }

  /** False at once if there is no room for them in memory. `done(false)`: one is gone, the value has changed meanwhile. */
  load(
    address: RecordAddress,
    base: OpenedBase,
    nodes: readonly NodeId[],
    pageIds: readonly PageId[],
    active: readonly Pending<R>[],
    done: (ok: boolean) => void,
  ): boolean {
    if (!this.#context.reservePages(pageIds.length)) return false;
    this.#reserved += pageIds.length;
    this.#loaded ??= new Map();
    const holders = base.holders.length > 0 ? base.holders : nodes;
    const progress = (): void => this.#extendDeadlines(active);
    const ended = (ok: boolean): void => {
      if (ok) this.#context.counters.add('pages-loaded');
      done(ok);
    };
    this.#context.pageTransfer.load(address, pageIds, holders, this.#loaded, progress, ended, active.length);
    return true;
  }

  /**
   * Seals the pages of an attempt and puts them on all nodes; whoever is left behind is found STALE by the COMMIT.
   * `done(false)`: fewer than Q nodes took them, so that no COMMIT could be chosen.
   */
  send(
    address: RecordAddress,
    pages: AttemptPages,
    nodes: readonly NodeId[],
    active: readonly Pending<R>[],
    done: (ok: boolean) => void,
  ): void {
    const progress = (): void => this.#extendDeadlines(active);
    this.#context.pageTransfer.send(address, pages.written, nodes, progress, done);
  }

  /** Brings a node that answered STALE up to the COMMIT's state, from one that has acknowledged it. */
  catchUp(
    round: CommitRound,
    node: NodeId,
    index: number,
    request: CommitRequest,
    active: readonly Pending<R>[],
  ): void {
    this.#catchUp(round, node, index, request, active, 0);
  }

  #catchUp(
    round: CommitRound,
    node: NodeId,
    index: number,
    request: CommitRequest,
    active: readonly Pending<R>[],
    tries: number,
  ): void {
    const { clock, counters, pageTransfer } = this.#context;
    // One of a pair has the pages, if nobody else does.
    const source = round.acknowledged[0] ?? (isPair(node) && tries > 0 ? node : undefined);
    if (source === undefined) {
      if (tries >= limits.pageCatchUpTries || round.ended) return;
      clock.after(limits.roundTickMs, () => this.#catchUp(round, node, index, request, active, tries + 1));
      return;
    }
    const progress = (): void => this.#extendDeadlines(active);
    pageTransfer.catchUp(node, source, request, progress, (complete) => {
      if (complete === null) return;
      counters.add('pages-caught-up');
      round.sendAgain(index, complete);
    });
  }

  /** Transfers count outside the deadline as long as they progress. */
  #extendDeadlines(active: readonly Pending<R>[]): void {
    const untilMs = this.#context.clock.monotonicMs() + limits.deadlineMs;
    for (const pending of active) pending.deadlineMs = Math.max(pending.deadlineMs, untilMs);
  }
}
