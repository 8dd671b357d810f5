import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { moveOf } from '../cluster/seats.ts';
import { deadFromAbsent } from '../quorum/lineage.ts';
import { NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { recordKey } from '../record/record-id.ts';
import type { RecordId, SealedState } from '../record/state.ts';
import { MessageType, type Response } from '../rpc/messages.ts';
import type {
  AcceptedRecord,
  DigestRequest,
  PurgeRequest,
  SweepRequest,
  SweepShardRequest,
  SweepStatusRequest,
} from '../rpc/sweep-messages.ts';
import type { Call } from '../rpc/transport.ts';
import type { Acceptor } from './acceptor.ts';
import type { Engine } from './engine.ts';
import type { ExpiryQueue } from './expiry-queue.ts';
import type { NodeMap } from './node-map.ts';
import { type OwnRange, readOwnRecords } from './own-records.ts';
import { RangeDigest } from './range-digest.ts';
import type { CachedRecord, RecordCache } from './record-cache.ts';
import type { RecordLoader, RecordWaiter } from './record-loader.ts';
import { glanceAt, type SweepRules } from './sweep-rules.ts';
import type { TombstoneTable } from './tombstone-table.ts';
import type { WritePipeline } from './write-pipeline.ts';

export interface SweepServerParts {
  readonly clock: Clock;
  readonly engine: Engine;
  readonly pipeline: WritePipeline;
  readonly cache: RecordCache;
  readonly loader: RecordLoader;
  readonly acceptor: Acceptor;
  readonly map: NodeMap;
  readonly rules: SweepRules;
  /** What this node was told to expire when. */
  readonly expiry: ExpiryQueue;
  readonly tombstones: TombstoneTable;
  readonly purgeAfterMs: number;
  /** Counts the pages that it has deleted. */
  readonly pageSweep: { readonly purged: number };
}

/** Who sweeps on behalf of this node, once it is a proposer. */
export interface SweepRunner {
  sweepShard(request: SweepShardRequest, call: Call): void;
  status(request: SweepStatusRequest, call: Call): void;
}

const NOBODY_SWEEPS: Response = { type: MessageType.fault, fault: 'busy', detail: 'this node does not sweep yet' };

/** What `SweepRules` look at in a tombstone that a node has made. */
const KILLED: SealedState = {
  header: deadFromAbsent(0, 0),
  meta: Buffer.alloc(0),
  value: null,
};

const MOVING: Response = { type: MessageType.fault, fault: 'busy', detail: 'the shard is moving' };

/** What a node answers to those who sweep (protocol §6, §7): digests of ranges, and purges. */
export class SweepServer {
  readonly parts: SweepServerParts;
  /** Set once this node sweeps itself. */
  runner: SweepRunner | null = null;
  readonly #digest = new RangeDigest();
  /** Monotonic time at which somebody last asked about a shard: it is being swept. */
  readonly #sweptMs = new Map<number, number>();

  constructor(parts: SweepServerParts) {
    this.parts = parts;
  }

  /** When somebody else last swept some of the shard; -Infinity if nobody has since the start. */
  sweptByOthersMs(shard: number): number {
    return this.#sweptMs.get(shard) ?? Number.NEGATIVE_INFINITY;
  }

  serve(call: Call, request: SweepRequest): void {
    switch (request.type) {
      case MessageType.digest:
        this.#serveDigest(call, request);
        break;
      case MessageType.purge:
        this.#servePurge(call, request);
        break;
      case MessageType.sweepShard:
        if (this.runner === null) call.respond(NOBODY_SWEEPS);
        else this.runner.sweepShard(request, call);
        break;
      case MessageType.sweepStatus:
        if (this.runner === null) call.respond(NOBODY_SWEEPS);
        else this.runner.status(request, call);
        break;
    }
  }

  digestOf(range: Pick<OwnRange, 'records'>, from = 0, to = range.records.length): string {
    for (let i = from; i < to; i++) {
      const record = range.records[i];
      if (record !== undefined) this.#digest.add(record.id, record.glance?.accepted ?? NO_BALLOT);
    }
    return this.#digest.finish();
  }

  /** Calls back once what the node holds of these records is in memory, as far as it can be read. */
  whenInMemory(records: readonly { readonly shard: number; readonly id: RecordId }[], run: () => void): void {
    const { cache, loader } = this.parts;
    let missing = 1;
    const arrived = (): void => {
      missing--;
      if (missing === 0) run();
    };
    const waiter: RecordWaiter = { onLoaded: arrived, onCorrupt: arrived, onFailed: arrived };
    for (const { shard, id } of records) {
      if (!loader.isLoading(id) && cache.get(id) !== undefined) continue;
      missing++;
      loader.wait(addressOf({ shard, shardEpoch: 0 }, id), waiter);
    }
    loader.start();
    arrived();
  }

  /** What the node holds of a record that was brought into memory; null if it is not there. */
  held(id: RecordId): CachedRecord | null {
    const { cache, loader } = this.parts;
    return loader.isLoading(id) ? null : (cache.get(id) ?? null);
  }

  #serveDigest(call: Call, request: DigestRequest): void {
    const { map, engine, clock } = this.parts;
    const refusal = map.shardRefusal(request.shard, request.shardEpoch);
    if (refusal !== null) {
      call.respond(refusal);
      return;
    }
    this.#sweptMs.set(request.shard, clock.monotonicMs());
    const atMost = { records: limits.digestRecords, bytes: limits.digestBytes };
    readOwnRecords(engine, map.current, request, atMost, (range) => {
      if (range === null) {
        call.respond({ type: MessageType.fault, fault: 'io', detail: 'records could not be read' });
        return;
      }
      call.respond({ type: MessageType.digested, records: range.records.length, digest: this.digestOf(range) });
    });
  }

  /**
   * A record of which the newest state is not known here is brought into memory first: only there it is certain that nothing
   * newer is on its way to the disk.
   */
  #servePurge(call: Call, request: PurgeRequest): void {
    const { loader, cache, pipeline, tombstones } = this.parts;
    const refusal = this.#purgeRefusal(request);
    if (refusal !== null) {
      call.respond(refusal);
      return;
    }
    const purged: AcceptedRecord[] = [];
    let missing = 1;
    let batch = 0;
    const arrived = (): void => {
      missing--;
      if (missing > 0) return;
      const response = { type: MessageType.purged, purged: purged.length } as const;
      const respond = (sent: Response): void => {
        this.#forget(purged, batch);
        call.respond(sent);
      };
      pipeline.respondWhenDurable({ request, respond }, batch, response);
    };
    const purge = (wanted: AcceptedRecord, record: Pick<CachedRecord, 'accepted' | 'state'>): void => {
      if (this.#purge(request, wanted, record)) {
        purged.push(wanted);
        batch = pipeline.formingNumber;
      }
      arrived();
    };
    for (const wanted of request.records) {
      missing++;
      if (tombstones.has(wanted.id, wanted.accepted) && !loader.isLoading(wanted.id)) {
        purge(wanted, { accepted: wanted.accepted, state: KILLED });
        continue;
      }
      const record = loader.isLoading(wanted.id) ? undefined : cache.get(wanted.id);
      if (record !== undefined) {
        purge(wanted, record);
        continue;
      }
      loader.wait(addressOf(request, wanted.id), {
        onLoaded: (loaded) => purge(wanted, loaded),
        onCorrupt: arrived,
        onFailed: arrived,
      });
    }
    arrived();
  }

  #purgeRefusal({ shard, shardEpoch }: PurgeRequest): Response | null {
    const { map, rules } = this.parts;
    const refusal = map.shardRefusal(shard, shardEpoch);
    if (refusal !== null) return refusal;
    return moveOf(map.current, shard) === null || rules.purgesWhileMoving() ? null : MOVING;
  }

  #purge(
    request: PurgeRequest,
    { id, accepted }: AcceptedRecord,
    record: Pick<CachedRecord, 'accepted' | 'state'>,
  ): boolean {
    const { acceptor, cache, clock, pipeline, rules, tombstones, purgeAfterMs } = this.parts;
    const { state } = record;
    if (state === null || !sameBallot(record.accepted, accepted)) return false;
    // The map may have changed while the record came from the disk.
    if (this.#purgeRefusal(request) !== null) return false;
    if (!rules.isPurgeable(glanceAt(record.accepted, state), clock.wallUs(), purgeAfterMs)) return false;
    acceptor.purged(id, accepted);
    tombstones.delete(id);
    cache.set(id, NO_BALLOT, null, pipeline.formingNumber);
    pipeline.addRecord(id, { key: recordKey(request.shard, id), value: null });
    return true;
  }

  /** What is durably gone need not be remembered as absent. */
  #forget(purged: readonly AcceptedRecord[], batch: number): void {
    const { cache } = this.parts;
    for (const { id } of purged) {
      const record = cache.get(id);
      if (record !== undefined && record.state === null && record.batch === batch) cache.delete(id);
    }
  }
}

/** The loader looks at shard and id only. */
function addressOf(request: { readonly shard: number; readonly shardEpoch: number }, id: RecordId) {
  const { shard, shardEpoch } = request;
  return { id, shard, shardEpoch, namespace: 0, namespaceEpoch: 0 };
}
