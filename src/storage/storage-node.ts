import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap } from '../cluster/map.ts';
import type { RecordId } from '../record/state.ts';
import { type FaultKind, MessageType, type Response } from '../rpc/messages.ts';
import type { Call, CallHandler, NodeHello } from '../rpc/transport.ts';
import type { Acceptor } from './acceptor.ts';
import { CeilingKeeper } from './ceiling-keeper.ts';
import type { DiskSpace } from './disk-space.ts';
import type { Engine, EngineFailureKind, EngineFigures } from './engine.ts';
import { ExpiryQueue } from './expiry-queue.ts';
import { GenerationSweep } from './generation-sweep.ts';
import { type KeyUseParts, replacePages, serveKeyUse } from './key-use.ts';
import { ManyServer } from './many-server.ts';
import { NodeMap } from './node-map.ts';
import type { NodeStore } from './node-store.ts';
import { PagePins } from './page-pins.ts';
import { PageStore } from './page-store.ts';
import { PageSweep } from './page-sweep.ts';
import { RecordCache } from './record-cache.ts';
import { countRecords } from './record-count.ts';
import { listRecords, type RecordListParts } from './record-list.ts';
import { RecordLoader } from './record-loader.ts';
import { scanRecords } from './record-scan.ts';
import { RecordServer } from './record-server.ts';
import { ShardStore } from './shard-store.ts';
import { SweepRules } from './sweep-rules.ts';
import { SweepServer } from './sweep-server.ts';
import { TombstoneTable } from './tombstone-table.ts';
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
  /** Started. Default: never full. */
  readonly space?: DiskSpace;
  /** The disk may lack acknowledged writes: what is on it counts only if the operator says so. Default false. */
  readonly isDistrusted?: boolean;
  /** What is on the disk is damaged beyond repairs of single records. May be called again and again. */
  readonly onDamaged?: () => void;
  /** Tombstones are kept at least so long; default `limits.purgeAfterMs`. */
  readonly purgeAfterMs?: number;
  readonly sweepRules?: SweepRules;
}

/** Counted since the node's start, but for `cacheBytes` and `promises`, which are as they are now. */
export interface NodeFigures {
  readonly cacheBytes: number;
  /** Records that a request found in memory, and records that were read from the disk. */
  readonly cacheHits: number;
  readonly recordLoads: number;
  /** Promises that are kept one by one. */
  readonly promises: number;
  /** Write batches begun, changes in those that were written, and batches that failed. */
  readonly batches: number;
  readonly changes: number;
  readonly batchFailures: number;
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
  readonly #pipeline: WritePipeline;
  readonly #ceiling: CeilingKeeper;
  readonly #pages: PageStore;
  readonly #sweep: GenerationSweep;
  readonly #map: NodeMap;
  readonly #records: RecordServer;
  readonly #many: ManyServer;
  readonly #shards: ShardStore;
  readonly #listing: RecordListParts;
  readonly #keyUse: KeyUseParts;
  readonly #pageSweep: PageSweep;
  readonly #tombstones = new TombstoneTable();
  /** What this node tells those who sweep, and the place for its own sweep. */
  readonly sweeps: SweepServer;
  readonly #mapListeners: ((map: ClusterMap) => void)[] = [];
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
    const { engine, clock, log, map, purgeAfterMs = limits.purgeAfterMs } = options;
    const pins = new PagePins(clock);
    this.#sweep = new GenerationSweep(engine, this.#pipeline, clock, log, map, pins, purgeAfterMs);
    const space = options.space ?? null;
    this.#pages = new PageStore({ engine, pipeline: this.#pipeline, space, pins, clock, purgeAfterMs });
    this.#map = new NodeMap(options, (map) => {
      this.#sweep.onMap(map);
      for (const listener of this.#mapListeners) listener(map);
    });
    this.#listing = {
      engine: options.engine,
      pipeline: this.#pipeline,
      acceptor: options.acceptor,
      map: () => this.#map.current,
      onDamaged: () => options.onDamaged?.(),
    };
    const parts = {
      ...options,
      map: this.#map,
      cache: this.#cache,
      pipeline: this.#pipeline,
      loader: this.#loader,
      ceiling: this.#ceiling,
      pages: this.#pages,
      space: options.space ?? null,
      expiry: new ExpiryQueue(),
      tombstones: this.#tombstones,
    };
    this.#keyUse = parts;
    this.#records = new RecordServer(parts);
    this.#many = new ManyServer({
      ...parts,
      store: (item, record) => this.#records.store(item, record),
    });
    this.#pageSweep = new PageSweep({ ...parts, pins, purgeAfterMs });
    this.sweeps = new SweepServer({
      ...parts,
      rules: options.sweepRules ?? new SweepRules(),
      purgeAfterMs,
      pageSweep: this.#pageSweep,
    });
    this.#shards = new ShardStore({
      ...parts,
      store: (item, record) => this.#records.store(item, record),
    });
  }

  get nodeId(): number {
    return this.#options.nodeId;
  }

  /** The map that the node goes by: adopted, and durable here. */
  get map(): ClusterMap {
    return this.#map.current;
  }

  /** Whole shards, as learning sees them. */
  get shards(): ShardStore {
    return this.#shards;
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
    this.#pageSweep.start();
    this.#shards.load((isLoaded) => {
      if (isLoaded) this.#ceiling.start(ready);
      else this.#options.log.error({ nodeId: this.nodeId }, 'the node does not answer: its disk cannot be read');
    });
  }

  /** Writes and syncs what is pending; calls that come later are answered with a fault. The engine stays open. */
  stop(callback: () => void): void {
    this.#stopped = true;
    this.#ceiling.stop();
    this.#sweep.stop();
    this.#pageSweep.stop();
    this.#shards.stop();
    this.#pipeline.drain(callback);
  }

  hello(): NodeHello {
    return {
      nodeId: this.#options.nodeId,
      incarnation: this.#map.knownAs,
      mapEpoch: this.#map.epoch,
      floor: this.#acceptor.floor,
      clockUs: this.#clock.wallUs(),
    };
  }

  /** For its operators: what is cheap to tell at any time. */
  figures(): NodeFigures {
    const { changes, failures } = this.#pipeline.counts;
    return {
      cacheBytes: this.#cache.sizeBytes,
      cacheHits: this.#cache.hits,
      recordLoads: this.#loader.loads,
      promises: this.#acceptor.promises.size,
      batches: this.#pipeline.formingNumber - 1,
      changes,
      batchFailures: failures,
    };
  }

  /** Null where the engine has nothing to tell, or the node has stopped. */
  engineFigures(callback: (figures: EngineFigures | null) => void): void {
    if (this.#stopped || this.#engine.figures === undefined) callback(null);
    else this.#engine.figures(callback);
  }

  receive(calls: readonly Call[]): void {
    this.#cache.beginTurn();
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
          const refusal = this.#records.refusal(request);
          if (refusal !== null) call.respond(refusal);
          else this.#records.serve(call, request);
          break;
        }
        default:
          this.#receiveOther(call);
      }
    }
    this.#loader.start();
  }

  onFailed(records: readonly RecordId[], batch: number, kind: EngineFailureKind): void {
    if (kind === 'full') this.#options.space?.noteFull();
    for (const id of records) {
      this.#tombstones.delete(id);
      const record = this.#cache.get(id);
      if (record === undefined || record.batch !== batch) continue;
      // The cache may hold what an earlier batch, which went well, has replaced: only the disk knows.
      this.#cache.delete(id);
      if (record.state !== null) this.#acceptor.acceptFailed(id, record.accepted);
    }
  }

  #receiveOther(call: Call): void {
    const request = call.request;
    switch (request.type) {
      case MessageType.putPages:
      case MessageType.getPages:
      case MessageType.missingPages:
      case MessageType.pinPages: {
        const refusal = this.#map.takeRefusal(request.address);
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
      case MessageType.countRecords: {
        const refusal = this.#map.countRefusal(request);
        if (refusal !== null) call.respond(refusal);
        else countRecords(this.#engine, request, call);
        break;
      }
      case MessageType.listRecords: {
        const refusal = this.#map.shardRefusal(request.shard, request.shardEpoch);
        if (refusal !== null) call.respond(refusal);
        else listRecords(this.#listing, request, call);
        break;
      }
      case MessageType.keyUse:
      case MessageType.replacePages: {
        const refusal = this.#map.shardRefusal(request.shard, request.shardEpoch);
        if (refusal !== null) call.respond(refusal);
        else if (request.type === MessageType.keyUse) serveKeyUse(this.#keyUse, request, call);
        else replacePages(this.#keyUse, request, call);
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
      case MessageType.digest:
      case MessageType.purge:
      case MessageType.sweepShard:
      case MessageType.sweepStatus:
        this.sweeps.serve(call, request);
        break;
      case MessageType.nodeStatus:
        call.respond({ type: MessageType.status, status: this.#status() });
        break;
      default:
        call.respond(fault('malformed', 'not a request for a storage node'));
    }
  }

  #status() {
    const { namespaces } = this.#map.current;
    const live = this.#engine.liveUse?.((number, generation) => namespaces[number]?.generation === generation);
    return {
      nodeId: this.#options.nodeId,
      mapEpoch: this.#map.epoch,
      engine: this.#engine.name,
      fsync: this.#options.fsync,
      dataBytes: this.#engine.sizeBytes(),
      corruptRecords: this.#records.corruptRecords,
      unsyncedMs: this.#pipeline.unsyncedMs(),
      incarnation: this.#map.incarnation,
      ceilingUs: this.#acceptor.ceilingUs,
      learningShards: this.#map.learningShards,
      distrusted: this.#map.isDistrusted,
      liveBytes: live?.bytes ?? 0,
      expiringRecords: live?.expiringRecords ?? 0,
    };
  }
}

function fault(kind: FaultKind, detail: string): Response {
  return { type: MessageType.fault, fault: kind, detail };
}

function mapTextAbove(map: ClusterMap, epoch: number): Response {
  return { type: MessageType.mapText, mapEpoch: map.epoch, map: map.epoch > epoch ? encodeClusterMap(map) : '' };
}
