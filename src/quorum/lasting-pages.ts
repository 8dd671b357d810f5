import type { Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { storedAs } from '../cluster/databases.ts';
import { shardOf, slotOf } from '../cluster/slot.ts';
import type { PageId, RecordId } from '../record/state.ts';
import { MessageType, type RecordAddress } from '../rpc/messages.ts';
import type { Coordinator } from './coordinator.ts';

/** Pages of one version of a large value, to be read after the command that found it has ended. */
export interface LastingPages {
  /** If it is in memory. */
  get(pageId: PageId): Buffer | undefined;
  /** Fetches pages; `done(false)`: one of them is not to be had now. What was found is in `into` all the same. */
  load(pageIds: readonly PageId[], into: Map<PageId, Buffer>, done: (ok: boolean) => void): void;
  /** Room for so many pages more in memory; false if there is none. */
  reserve(count: number): boolean;
  release(count: number): void;
  /** Nothing more will be read. */
  close(): void;
}

/** A record that is being read, and by how many. */
interface Pinned {
  readonly id: RecordId;
  readonly shard: number;
  readonly namespace: number;
  readers: number;
}

type Host = Pick<
  Coordinator<unknown>,
  | 'clock'
  | 'map'
  | 'caller'
  | 'pageTransfer'
  | 'rounds'
  | 'nodesOfShard'
  | 'nodesBehind'
  | 'reservePages'
  | 'releasePages'
>;

/**
 * Lets readers take their time with the pages of a version, whatever becomes of the record: storage nodes are told again
 * and again that its pages are still read (PIN), and delete none of them meanwhile. What is read in a moment needs no PIN:
 * a page that is listed when the reader begins stays for the purge time anyway.
 */
export class PageLeases {
  readonly #host: Host;
  readonly #pinned = new Map<RecordId, Pinned>();
  #timer: Timer | null = null;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Versions that are being read. */
  get size(): number {
    return this.#pinned.size;
  }

  /** `id`: of the record that `key` names, or named when it was read. */
  open(namespace: number, key: Buffer, id: RecordId): LastingPages {
    const shard = shardOf(slotOf(key), this.#host.map.shards);
    const stored = storedAs(this.#host.map, namespace);
    const pinned = this.#pinned.get(id) ?? { id, shard, namespace: stored, readers: 0 };
    pinned.readers++;
    this.#pinned.set(id, pinned);
    this.#timer ??= this.#later();
    return new OpenPages(this.#host, pinned, () => {
      pinned.readers--;
      if (pinned.readers === 0) this.#pinned.delete(id);
    });
  }

  #later(): Timer {
    return this.#host.clock.after(limits.pagePinEveryMs, () => {
      this.#timer = null;
      if (this.#pinned.size === 0) return;
      for (const pinned of this.#pinned.values()) this.#pin(pinned);
      this.#timer = this.#later();
    });
  }

  #pin(pinned: Pinned): void {
    const { caller } = this.#host;
    const request = { type: MessageType.pinPages, address: addressOf(this.#host, pinned) } as const;
    const nodes = this.#host.nodesOfShard(pinned.shard).flatMap((node) => this.#host.nodesBehind(node));
    for (const node of nodes) {
      caller.call(node, request, limits.pagePinEveryMs, (response) => {
        // Who reads slowly may be the only one that speaks to the node.
        if (response.type === MessageType.epoch) this.#host.rounds.epochs?.onOtherEpoch(node, response.mapEpoch);
      });
    }
  }
}

class OpenPages implements LastingPages {
  readonly #host: Host;
  readonly #pinned: Pinned;
  readonly #closed: () => void;
  #isOpen = true;

  constructor(host: Host, pinned: Pinned, closed: () => void) {
    this.#host = host;
    this.#pinned = pinned;
    this.#closed = closed;
  }

  get(pageId: PageId): Buffer | undefined {
    return this.#host.pageTransfer.cache.get(this.#pinned.id, pageId);
  }

  load(pageIds: readonly PageId[], into: Map<PageId, Buffer>, done: (ok: boolean) => void): void {
    const { pageTransfer, rounds } = this.#host;
    const nodes = rounds.health.prefer(this.#host.nodesOfShard(this.#pinned.shard));
    // Not kept: who reads everything would drive out the upper levels of all trees.
    pageTransfer.fetch(addressOf(this.#host, this.#pinned), pageIds, nodes, into, () => {}, done);
  }

  reserve(count: number): boolean {
    return this.#host.reservePages(count);
  }

  release(count: number): void {
    this.#host.releasePages(count);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closed();
  }
}

/** Under the map of now: pages are asked for by the id of their record, which no change of the map changes. */
function addressOf({ map }: Host, { id, shard, namespace }: Pinned): RecordAddress {
  return {
    id,
    shard,
    shardEpoch: map.shardEpochs[shard] ?? 0,
    namespace,
    namespaceEpoch: map.namespaces[namespace]?.epoch ?? 0,
  };
}
