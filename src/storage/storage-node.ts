import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { sameBallot } from '../record/ballot.ts';
import type { RecordId } from '../record/state.ts';
import {
  type CommitItem,
  type CommitRequest,
  type FaultKind,
  MessageType,
  type PrepareRequest,
  type ReadRequest,
  type RecordAddress,
  type Response,
} from '../rpc/messages.ts';
import type { Call, CallHandler, NodeHello } from '../rpc/transport.ts';
import type { Acceptor } from './acceptor.ts';
import { CeilingKeeper } from './ceiling-keeper.ts';
import type { Engine } from './engine.ts';
import { GenerationSweep } from './generation-sweep.ts';
import { ManyServer } from './many-server.ts';
import { NodeMap } from './node-map.ts';
import type { NodeStore } from './node-store.ts';
import { PageStore } from './page-store.ts';
import { type CachedRecord, RecordCache } from './record-cache.ts';
import { ABSENT, RecordLoader } from './record-loader.ts';
import { scanRecords } from './record-scan.ts';
import { engineKey, owned, project, storedBytes } from './served-state.ts';
import { type BatchListener, type Fsync, WritePipeline } from './write-pipeline.ts';

export interface StorageNodeOptions {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly engine: Engine;
  readonly store: NodeStore;
  readonly acceptor: Acceptor;
  readonly map: ClusterMap;
  readonly clock: Clock;
  readonly log: Log;
  readonly fsync: Fsync;
  readonly cacheBytes: number;
}

/**
 * One storage node: takes calls, brings the record each is about, asks the acceptor, and answers when what the answer
 * rests on is durable. It never sees a key or a value.
 *
 * Invariants: calls on one record are served in the order they came; the cache holds every record whose newest state is
 * not durable yet, so nothing is read from the disk while something newer is in memory.
 */
export class StorageNode implements CallHandler, BatchListener {
  readonly #options: StorageNodeOptions;
  readonly #acceptor: Acceptor;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #cache: RecordCache;
  readonly #loader: RecordLoader;
  /** Found corrupt and not written since. */
  readonly #corrupt = new Set<RecordId>();
  readonly #pipeline: WritePipeline;
  readonly #ceiling: CeilingKeeper;
  readonly #pages: PageStore;
  readonly #sweep: GenerationSweep;
  readonly #map: NodeMap;
  readonly #many: ManyServer;
  readonly #mapListeners: ((map: ClusterMap) => void)[] = [];
  #corruptRecords = 0;
  #stopped = false;

  constructor(options: StorageNodeOptions) {
    this.#options = options;
    this.#acceptor = options.acceptor;
    this.#engine = options.engine;
    this.#clock = options.clock;
    const { nodeId, cacheBytes } = options;
    this.#cache = new RecordCache(cacheBytes, (batch) => batch <= this.#pipeline.durableNumber, nodeId);
    this.#loader = new RecordLoader(options.engine, this.#cache);
    this.#pipeline = new WritePipeline(options.engine, options.clock, options.log, options.fsync, this);
    this.#ceiling = new CeilingKeeper(options.acceptor, options.store, options.clock, options.log, (calls, raised) => {
      if (raised) this.receive(calls);
      else for (const call of calls) call.respond(fault('io', 'the ceiling could not be written'));
    });
    this.#sweep = new GenerationSweep(options.engine, this.#pipeline, options.clock, options.log, options.map);
    this.#pages = new PageStore(options.engine, this.#pipeline);
    this.#map = new NodeMap(options.nodeId, options.map, options.store, options.log, (map) => {
      this.#sweep.onMap(map);
      for (const listener of this.#mapListeners) listener(map);
    });
    this.#many = new ManyServer({
      clock: options.clock,
      map: this.#map,
      acceptor: options.acceptor,
      cache: this.#cache,
      pipeline: this.#pipeline,
      loader: this.#loader,
      store: (item, record) => this.#accept(item, record),
    });
  }

  get nodeId(): number {
    return this.#options.nodeId;
  }

  /** The map that the node goes by: adopted, and durable here. */
  get map(): ClusterMap {
    return this.#map.current;
  }

  /** `listener` is told of every map that the node adopts from now on. */
  onMap(listener: (map: ClusterMap) => void): void {
    this.#mapListeners.push(listener);
  }

  /** Goes by this map, if it is newer, as soon as it is durable. */
  adoptMap(map: ClusterMap): void {
    if (!this.#stopped) this.#map.adoptMap(map);
  }

  /** Calls may be received once `ready` was called. */
  start(ready: () => void): void {
    this.#pipeline.start();
    this.#sweep.onMap(this.#options.map);
    this.#ceiling.start(ready);
  }

  /** Writes and syncs what is pending; calls that come later are answered with a fault. The engine stays open. */
  stop(callback: () => void): void {
    this.#stopped = true;
    this.#ceiling.stop();
    this.#sweep.stop();
    this.#pipeline.drain(callback);
  }

  hello(): NodeHello {
    return {
      nodeId: this.#options.nodeId,
      incarnation: this.#options.incarnation,
      mapEpoch: this.#map.epoch,
      floor: this.#acceptor.floor,
      clockUs: this.#clock.wallUs(),
    };
  }

  receive(calls: readonly Call[]): void {
    for (const call of calls) {
      const request = call.request;
      if (this.#stopped) {
        call.respond(fault('io', 'the node is stopping'));
        continue;
      }
      switch (request.type) {
        case MessageType.read:
        case MessageType.prepare:
        case MessageType.commit:
        case MessageType.listPages: {
          const refusal = this.#map.refusal(request.address);
          if (refusal !== null) call.respond(refusal);
          else this.#serveRecord(call, request.address);
          break;
        }
        default:
          this.#receiveOther(call);
      }
    }
    this.#loader.start();
  }

  onFailed(records: readonly RecordId[], batch: number): void {
    for (const id of records) {
      const record = this.#cache.get(id);
      if (record === undefined || record.batch !== batch) continue;
      // The cache may hold what an earlier batch, which went well, has replaced: only the disk knows.
      this.#cache.delete(id);
      this.#acceptor.acceptFailed(id, record.accepted);
    }
  }

  #receiveOther(call: Call): void {
    const request = call.request;
    switch (request.type) {
      case MessageType.putPages:
      case MessageType.getPages:
      case MessageType.missingPages: {
        const refusal = this.#map.refusal(request.address);
        if (refusal !== null) call.respond(refusal);
        else this.#pages.serve(call, request);
        break;
      }
      case MessageType.scan: {
        const refusal = this.#map.scanRefusal(request);
        if (refusal !== null) call.respond(refusal);
        else scanRecords(this.#engine, request, call);
        break;
      }
      case MessageType.readMany:
        this.#many.read(call, request);
        break;
      case MessageType.prepareMany:
        this.#many.prepare(call, request);
        break;
      case MessageType.commitMany:
        this.#many.commit(call, request);
        break;
      case MessageType.adoptMap:
        this.#map.adopt(request.map, call);
        break;
      case MessageType.getMap:
        call.respond(mapTextAbove(this.#map.current, request.above));
        break;
      case MessageType.nodeStatus:
        call.respond({ type: MessageType.status, status: this.#status() });
        break;
      default:
        call.respond(fault('malformed', 'not a request for a storage node'));
    }
  }

  /** At once if the record is in memory and nobody waits for it; else once it has come from the disk. */
  #serveRecord(call: Call, address: RecordAddress): void {
    const record = this.#loader.isLoading(address.id) ? undefined : this.#cache.at(address);
    if (record !== undefined) {
      this.#serve(call, record);
      return;
    }
    this.#loader.wait(address, {
      onLoaded: (loaded) => this.#serve(call, loaded),
      onCorrupt: (id) => this.#onCorrupt(id, call),
      onFailed: (detail) => call.respond(fault('io', detail)),
    });
  }

  /**
   * What was accepted is unknown but lies below the ceiling. So the node answers nothing from this record, and takes
   * only a COMMIT above all that it can have accepted: a repair by the coordinator that hears of it.
   */
  #onCorrupt(id: RecordId, call: Call): void {
    if (!this.#corrupt.has(id)) {
      this.#noteCorrupt(id);
      this.#acceptor.promises.promise(id, { time: this.#acceptor.ceilingUs, proposer: 0xffff_ffff });
    }
    if (call.request.type === MessageType.commit) this.#serve(call, this.#cache.get(id) ?? ABSENT);
    else call.respond(fault('corrupt', 'the stored record is corrupt'));
  }

  /** Once for each: a repair that raises the ceiling must not find the bar raised as well. */
  #noteCorrupt(id: RecordId): void {
    this.#corruptRecords++;
    this.#options.log.error({ nodeId: this.#options.nodeId }, 'a stored record is corrupt; it waits for repair');
    if (this.#corrupt.size >= limits.corruptRecordsPerNode) this.#corrupt.clear();
    this.#corrupt.add(id);
  }

  #serve(call: Call, record: CachedRecord): void {
    const request = call.request;
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
      default:
        assert(false, 'only record requests wait for a record');
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
    if (this.#acceptor.needsCeiling(request.ballot)) {
      this.#ceiling.waitFor(request.ballot, call);
      return;
    }
    const id = request.address.id;
    const verdict = this.#acceptor.commit(id, record, request);
    switch (verdict.kind) {
      case 'accept':
        if (request.pages !== null && !this.#pages.holdsAll(request.address, request.pages.added)) {
          call.respond({ type: MessageType.stale });
          return;
        }
        this.#accept(request, record);
        if (request.pages !== null) {
          this.#pages.noteDropped(request.address, request.ballot, request.pages.dropped);
        }
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

  #accept(request: CommitItem, record: CachedRecord): void {
    const { id } = request.address;
    const batch = this.#pipeline.formingNumber;
    this.#cache.setAt(request.address, request.ballot, owned(request.state), batch);
    this.#acceptor.accepted(id, request.ballot, record, request.next !== null);
    if (this.#corrupt.size > 0) this.#corrupt.delete(id);
    this.#pipeline.addRecord(id, {
      key: engineKey(request.address),
      value: storedBytes(request),
    });
  }

  #acknowledge(call: Call, request: CommitRequest, record: CachedRecord, batch: number): void {
    const nextRecorded =
      request.next !== null && this.#acceptor.promiseNext(request.address.id, request.ballot, request.next, record);
    this.#pipeline.respondWhenDurable(call, batch, { type: MessageType.ack, nextRecorded });
  }

  #status() {
    return {
      nodeId: this.#options.nodeId,
      mapEpoch: this.#map.epoch,
      engine: this.#engine.name,
      fsync: this.#options.fsync,
      dataBytes: this.#engine.sizeBytes(),
      corruptRecords: this.#corruptRecords,
      unsyncedMs: this.#pipeline.unsyncedMs(),
    };
  }
}

function fault(kind: FaultKind, detail: string): Response {
  return { type: MessageType.fault, fault: kind, detail };
}

function mapTextAbove(map: ClusterMap, epoch: number): Response {
  return { type: MessageType.mapText, mapEpoch: map.epoch, map: map.epoch > epoch ? encodeClusterMap(map) : '' };
}
