import type { Ballot } from '../record/ballot.ts';
import type { PageId } from '../record/state.ts';
import type { NeedPages } from '../record/value.ts';
import type { NodeId } from '../rpc/transport.ts';
import { AttemptPages, type LoadedPages } from './attempt.ts';
import type { Placement } from './task-context.ts';
import type { TransactionHost } from './transaction-host.ts';

/** Pages of large values for one attempt of a transaction: those loaded, by record. */
export class TransactionPages<R> {
  readonly #host: TransactionHost<R>;
  readonly #placements: readonly Placement[];
  readonly #loaded = new Map<number, Map<PageId, Buffer>>();
  #reserved = 0;

  constructor(host: TransactionHost<R>, placements: readonly Placement[]) {
    this.#host = host;
    this.#placements = placements;
  }

  /** What one run can reach; `ballot` null: it only reads. */
  forRun(ballot: Ballot | null): AttemptPages[] {
    return this.#placements.map(({ address: { id } }, i) => {
      const { cache } = this.#host.pageTransfer;
      const loaded: LoadedPages = { get: (pageId) => this.#loaded.get(i)?.get(pageId) ?? cache.get(id, pageId) };
      // Without the record's id: nothing of it is streamed.
      return new AttemptPages(loaded, ballot);
    });
  }

  /** `knownHolders`: nodes that have them, if any are known. False: there is no room for them in memory. `done(false)`: one is gone, the value has changed meanwhile. */
  load(
    at: number,
    needed: NeedPages,
    knownHolders: readonly NodeId[],
    progress: () => void,
    done: (ok: boolean) => void,
  ): boolean {
    const placement = this.#placements[at];
    const { pageIds } = needed;
    if (placement === undefined || !this.#host.reservePages(pageIds.length)) return false;
    this.#reserved += pageIds.length;
    let into = this.#loaded.get(at);
    if (into === undefined) {
      into = new Map();
      this.#loaded.set(at, into);
    }
    const holders = knownHolders.length > 0 ? knownHolders : placement.nodes;
    this.#host.pageTransfer.load(placement.address, pageIds, holders, into, progress, (ok) => {
      if (ok) this.#host.counters.add('pages-loaded');
      done(ok);
    });
    return true;
  }

  clear(): void {
    this.#host.releasePages(this.#reserved);
    this.#reserved = 0;
    this.#loaded.clear();
  }
}
