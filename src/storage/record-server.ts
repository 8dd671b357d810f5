import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { sameBallot } from '../record/ballot.ts';
import { keptState } from '../record/kept-state.ts';
import { type PageManifest, type RecordId, StateKind } from '../record/state.ts';
import {
  type CommitItem,
  type CommitRequest,
  type FaultKind,
  type ListPagesRequest,
  MessageType,
  type PrepareRequest,
  type ReadRequest,
  type Response,
  Want,
} from '../rpc/messages.ts';
import type { Call } from '../rpc/transport.ts';
import type { Acceptor } from './acceptor.ts';
import type { CeilingKeeper } from './ceiling-keeper.ts';
import { DISK_FULL, type DiskSpace } from './disk-space.ts';
import type { ExpiryQueue } from './expiry-queue.ts';
import type { NodeMap } from './node-map.ts';
import type { PageStore } from './page-store.ts';
import type { CachedRecord, RecordCache } from './record-cache.ts';
import { ABSENT, type RecordLoader, type RecordWaiter } from './record-loader.ts';
import { engineKey, project, storedBytes } from './served-state.ts';
import type { TombstoneTable } from './tombstone-table.ts';
import { OVERLOADED, type WritePipeline } from './write-pipeline.ts';

/** What is answered from one record's state. */
export type ServedRequest = ReadRequest | PrepareRequest | CommitRequest | ListPagesRequest;

export interface RecordServerParts {
  readonly map: NodeMap;
  readonly acceptor: Acceptor;
  readonly cache: RecordCache;
  readonly loader: RecordLoader;
  readonly pipeline: WritePipeline;
  readonly ceiling: CeilingKeeper;
  readonly pages: PageStore;
  /** Null: never full. */
  readonly space: DiskSpace | null;
  readonly expiry: ExpiryQueue;
  readonly tombstones: TombstoneTable;
  readonly clock: Clock;
  readonly log: Log;
  /** As in `StorageNodeOptions`. */
  readonly onDamaged?: () => void;
}

/** Serves READ, PREPARE, COMMIT and listPages of one record: brings the record, asks the acceptor, answers when what the answer rests on is durable. */
export class RecordServer {
  readonly #map: NodeMap;
  readonly #acceptor: Acceptor;
  readonly #cache: RecordCache;
  readonly #loader: RecordLoader;
  readonly #pipeline: WritePipeline;
  readonly #ceiling: CeilingKeeper;
  readonly #pages: PageStore;
  readonly #space: DiskSpace | null;
  readonly #expiry: ExpiryQueue;
  readonly #tombstones: TombstoneTable;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Found corrupt and not written since. */
  readonly #corrupt = new Set<RecordId>();
  readonly #onDamaged: (() => void) | undefined;
  #corruptRecords = 0;

  constructor(parts: RecordServerParts) {
    this.#map = parts.map;
    this.#acceptor = parts.acceptor;
    this.#cache = parts.cache;
    this.#loader = parts.loader;
    this.#pipeline = parts.pipeline;
    this.#ceiling = parts.ceiling;
    this.#pages = parts.pages;
    this.#space = parts.space;
    this.#expiry = parts.expiry;
    this.#tombstones = parts.tombstones;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#onDamaged = parts.onDamaged;
  }

  /** Records found corrupt since the start. */
  get corruptRecords(): number {
    return this.#corruptRecords;
  }

  /** At once if the record is in memory and nobody waits for it; else once it has come from the disk. */
  serve(call: Call, request: ServedRequest): void {
    const { address } = request;
    const want = wantOf(request);
    const record = this.#loader.isLoading(address.id) ? undefined : this.#cache.holding(address, want);
    if (record !== undefined) {
      this.#cache.hits++;
      this.#serveHeld(call, request, record);
      return;
    }
    const waiter: RecordWaiter = {
      onLoaded: (loaded) => this.#serveLoaded(call, request, loaded),
      onCorrupt: (id) => this.#onCorrupt(id, call, request),
      onFailed: (detail) => call.respond(fault('io', detail)),
    };
    this.#loader.wait(address, waiter, want);
  }

  /**
   * What was accepted is unknown but lies below the ceiling. So the node answers nothing from this record, and takes
   * only a COMMIT above all that it can have accepted: a repair by the coordinator that hears of it.
   */
  #onCorrupt(id: RecordId, call: Call, request: ServedRequest): void {
    if (!this.#corrupt.has(id)) {
      this.#noteCorrupt(id);
      this.#acceptor.promises.promise(id, { time: this.#acceptor.ceilingUs, proposer: 0xffff_ffff });
    }
    if (request.type === MessageType.commit) this.#serveLoaded(call, request, this.#cache.get(id) ?? ABSENT);
    else call.respond(fault('corrupt', 'the stored record is corrupt'));
  }

  /** Once for each: a repair that raises the ceiling must not find the bar raised as well. */
  #noteCorrupt(id: RecordId): void {
    this.#corruptRecords++;
    if (this.#corruptRecords >= limits.corruptRecordsToRelearn) this.#onDamaged?.();
    this.#log.error({ nodeId: this.#map.nodeId }, 'a stored record is corrupt; it waits for repair');
    if (this.#corrupt.size >= limits.corruptRecordsPerNode) this.#corrupt.clear();
    this.#corrupt.add(id);
  }

  /** The map may have changed while the record came from the disk: no COMMIT of an older epoch after that. */
  #serveLoaded(call: Call, request: ServedRequest, record: CachedRecord): void {
    const refusal = this.refusal(request);
    if (refusal !== null) call.respond(refusal);
    else this.#serveHeld(call, request, record);
  }

  /** Why the node does not serve this request by its map, or null. */
  refusal(request: ServedRequest): Response | null {
    const { address } = request;
    return request.type === MessageType.commit ? this.#map.takeRefusal(address) : this.#map.refusal(address);
  }

  #serveHeld(call: Call, request: ServedRequest, record: CachedRecord): void {
    switch (request.type) {
      case MessageType.read:
        this.#serveRead(call, request, record);
        break;
      case MessageType.prepare:
        this.#servePrepare(call, request, record);
        break;
      case MessageType.commit:
        this.#serveCommit(call, request, record);
        break;
      case MessageType.listPages:
        this.#pages.list(call, request, record);
        break;
    }
  }

  #serveRead(call: Call, request: ReadRequest, record: CachedRecord): void {
    const wanted = request.ifAccepted === null || sameBallot(request.ifAccepted, record.accepted);
    const state = wanted ? project(record.state, request.want) : null;
    this.#pipeline.respondWhenDurable(call, record.batch, {
      type: MessageType.state,
      accepted: record.accepted,
      state,
    });
  }

  #servePrepare(call: Call, request: PrepareRequest, record: CachedRecord): void {
    const id = request.address.id;
    const nowUs = this.#clock.wallUs();
    if (this.#acceptor.needsCeiling(request.ballot) && !this.#acceptor.isBeyondClock(request.ballot, nowUs)) {
      this.#ceiling.waitFor(request.ballot, call);
      return;
    }
    const verdict = this.#acceptor.prepare(id, record, request.ballot, nowUs);
    switch (verdict.kind) {
      case 'promise':
        this.#pipeline.respondWhenDurable(call, record.batch, {
          type: MessageType.promise,
          accepted: record.accepted,
          state: project(record.state, request.want),
        });
        break;
      case 'reject':
        call.respond({ type: MessageType.reject, ballot: verdict.ballot, floor: this.#acceptor.floor });
        break;
      case 'clock':
        call.respond({
          type: MessageType.clock,
          clockUs: nowUs,
          ceiling: { time: this.#acceptor.ceilingUs, proposer: 0 },
        });
        break;
    }
  }

  #serveCommit(call: Call, request: CommitRequest, record: CachedRecord): void {
    if (this.#pipeline.isOverloaded) {
      call.respond(OVERLOADED);
      return;
    }
    if (this.#acceptor.needsCeiling(request.ballot)) {
      this.#ceiling.waitFor(request.ballot, call);
      return;
    }
    const id = request.address.id;
    const verdict = this.#acceptor.commit(id, record, request);
    switch (verdict.kind) {
      case 'accept':
        if (this.#space?.refuses(record.state, request.state, request.ballot)) {
          call.respond(DISK_FULL);
          return;
        }
        if (request.pages !== null && !this.#pages.holdsAll(request.address, request.pages.added)) {
          call.respond({ type: MessageType.stale });
          return;
        }
        this.store(request, record, request.pages);
        this.#acknowledge(call, request, record, this.#pipeline.formingNumber);
        break;
      case 'accepted-already':
        this.#acknowledge(call, request, record, record.batch);
        break;
      case 'stale':
        call.respond({ type: MessageType.stale });
        break;
      case 'reject':
        call.respond({ type: MessageType.reject, ballot: verdict.ballot, floor: this.#acceptor.floor });
        break;
    }
  }

  /** Takes an accepted state into memory and the forming batch. */
  store(request: CommitItem, record: CachedRecord, pages: PageManifest | null = null): void {
    const { id } = request.address;
    const batch = this.#pipeline.formingNumber;
    const wasPaged = record.state?.header.paged === true;
    if (wasPaged || pages !== null) this.#pages.noteAccepted(request, wasPaged, pages);
    const { header } = request.state;
    // Before the cache changes the record in its place.
    if (header.expiresAtMs !== 0) {
      this.#expiry.noteWrite(request.address.shard, id, record.state === null ? null : record.state.header, header);
    }
    const isBare = request.state.meta.length === 0 && request.state.intent === undefined;
    if (header.kind === StateKind.dead && isBare && header.expiresAtMs === 0) {
      // A node has written it dead, after its time: no client asks for it.
      this.#tombstones.set(id, request.ballot);
      this.#cache.setLeavingAt(request.address, request.ballot, request.state, batch);
    } else {
      this.#tombstones.delete(id);
      this.#cache.setAt(request.address, request.ballot, keptState(request.state), batch);
    }
    this.#acceptor.accepted(id, request.ballot, record);
    if (this.#corrupt.size > 0) this.#corrupt.delete(id);
    this.#pipeline.addRecord(id, {
      key: engineKey(request),
      value: storedBytes(request),
    });
  }

  #acknowledge(call: Call, request: CommitRequest, record: CachedRecord, batch: number): void {
    const nextRecorded =
      request.next !== null && this.#acceptor.promiseNext(request.address.id, request.ballot, request.next, record);
    this.#pipeline.respondWhenDurable(call, batch, { type: MessageType.ack, nextRecorded });
  }
}

function wantOf(request: ServedRequest): Want {
  return request.type === MessageType.read || request.type === MessageType.prepare ? request.want : Want.nothing;
}

function fault(kind: FaultKind, detail: string): Response {
  return { type: MessageType.fault, fault: kind, detail };
}
