import { limits } from '../base/limits.ts';
import type { NodeCaller } from '../quorum/node-caller.ts';
import type { Ballot } from '../record/ballot.ts';
import type { PageId } from '../record/state.ts';
import { MessageType, type RecordAddress, type SealedPage } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';

/** Copies the pages of large values from one node to another, as sealed bytes (protocol §8, architecture 2). */
export class PageCopier {
  readonly #caller: NodeCaller;
  readonly #ownNode: NodeId;

  constructor(caller: NodeCaller, ownNode: NodeId) {
    this.#caller = caller;
    this.#ownNode = ownNode;
  }

  /**
   * Brings all pages that `source` holds for the record, if its origin is still this one, to the own node. `done` with the
   * bytes that were copied; null: the record has changed meanwhile, or a page could not be copied.
   */
  copy(address: RecordAddress, ifOrigin: Ballot, source: NodeId, done: (bytes: number | null) => void): void {
    const list = { type: MessageType.listPages, address, ifOrigin } as const;
    this.#caller.call(source, list, limits.learnCallMs, (listed) => {
      if (listed.type !== MessageType.pageIds || listed.pageIds === null) {
        done(null);
        return;
      }
      const ask = { type: MessageType.missingPages, address, pageIds: listed.pageIds } as const;
      this.#caller.call(this.#ownNode, ask, limits.learnCallMs, (missing) => {
        if (missing.type !== MessageType.pageIds || missing.pageIds === null) done(null);
        else this.#copyFrom(address, source, missing.pageIds, 0, 0, done);
      });
    });
  }

  #copyFrom(
    address: RecordAddress,
    source: NodeId,
    pageIds: readonly PageId[],
    from: number,
    bytes: number,
    done: (bytes: number | null) => void,
  ): void {
    const group = pageIds.slice(from, from + pagesPerRequest());
    if (group.length === 0) {
      done(bytes);
      return;
    }
    const get = { type: MessageType.getPages, address, pageIds: group } as const;
    this.#caller.call(source, get, limits.learnCallMs, (got) => {
      const pages = got.type === MessageType.pages ? paired(group, got.pages) : null;
      if (pages === null) {
        done(null);
        return;
      }
      const put = { type: MessageType.putPages, address, pages } as const;
      this.#caller.call(this.#ownNode, put, limits.learnCallMs, (stored) => {
        const copied = pages.reduce((sum, page) => sum + page.sealed.length, bytes);
        if (stored.type === MessageType.pagesStored) {
          this.#copyFrom(address, source, pageIds, from + group.length, copied, done);
        } else done(null);
      });
    });
  }
}

function pagesPerRequest(): number {
  return Math.max(1, Math.floor(limits.pageTransferBytes / limits.pageBytes));
}

/** Null if one is not there any more. The bytes are views of a message, and what is stored must not be. */
function paired(pageIds: readonly PageId[], pages: readonly (Buffer | null)[]): SealedPage[] | null {
  const paired: SealedPage[] = [];
  for (let i = 0; i < pageIds.length; i++) {
    const pageId = pageIds[i];
    const sealed = pages[i];
    if (pageId === undefined || !sealed) return null;
    paired.push({ pageId, sealed: Buffer.from(sealed) });
  }
  return paired;
}
