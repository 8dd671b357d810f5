import { limits } from '../base/limits.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { parseRecordKey, recordRange } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import { decodeStored, type StoredRecord } from '../record/state-codec.ts';
import { MessageType } from '../rpc/messages.ts';
import type { ListedRecord, ListRecordsRequest } from '../rpc/scan-messages.ts';
import type { Call } from '../rpc/transport.ts';
import type { Acceptor } from './acceptor.ts';
import { type Engine, type EngineEntry, mayHaveMore } from './engine.ts';
import { project } from './served-state.ts';
import type { WritePipeline } from './write-pipeline.ts';

/** Above every proposer id. */
const ANY_PROPOSER = 0xffff_ffff;
/** What an entry is counted as beside its state. */
const ENTRY_BYTES = 32;

export interface RecordListParts {
  readonly engine: Engine;
  readonly pipeline: WritePipeline;
  readonly acceptor: Acceptor;
  /** The map by which generations are current. */
  map(): ClusterMap;
  /** A stretch of the disk cannot be read. */
  onDamaged(): void;
}

/** True for a record of a flushed generation: it waits to be dropped, and nobody counts it any more (protocol §8, flush). */
export function isFlushed(map: ClusterMap, { state }: StoredRecord): boolean {
  const current = map.namespaces[state.header.namespace]?.generation;
  return current !== undefined && state.header.generation < current;
}

/**
 * Answers what the node holds of a range (protocol §7, §8). Whatever it accepted before it was asked is looked at: the answer
 * may stand for all that the node will ever have accepted under older epochs. A corrupt record is listed with a ballot above all
 * that it can have been: it equals no other node's, and so gets repaired.
 */
export function listRecords(parts: RecordListParts, request: ListRecordsRequest, call: Call): void {
  parts.pipeline.whenSettled(() => new RecordList(parts, request, call).step(request.afterId));
}

class RecordList {
  readonly #parts: RecordListParts;
  readonly #request: ListRecordsRequest;
  readonly #call: Call;
  readonly #entries: ListedRecord[] = [];
  #lastId: RecordId;
  #examined = 0;
  #bytes = 0;

  constructor(parts: RecordListParts, request: ListRecordsRequest, call: Call) {
    this.#parts = parts;
    this.#request = request;
    this.#call = call;
    this.#lastId = request.afterId;
  }

  step(afterId: RecordId): void {
    const { shard } = this.#request;
    const range = {
      ...recordRange(shard, afterId),
      limit: Math.min(limits.scanStepRecords, this.#request.limit),
      limitBytes: limits.scanStepBytes,
      keysOnly: false,
    };
    this.#parts.engine.scan(range, (error, found) => {
      if (error !== null || found === undefined) {
        const fault = error?.kind === 'corrupt' ? 'corrupt' : 'io';
        if (fault === 'corrupt') this.#parts.onDamaged();
        this.#call.respond({ type: MessageType.fault, fault, detail: 'records could not be read' });
        return;
      }
      let looked = 0;
      for (const entry of found) {
        looked++;
        if (!this.#add(entry)) {
          this.#respond(true);
          return;
        }
        if (this.#isFull()) break;
      }
      const isWhole = looked === found.length && !mayHaveMore(found, range);
      if (isWhole || this.#lastId === this.#request.untilId) this.#respond(true);
      else if (this.#isFull()) this.#respond(false);
      else this.step(this.#lastId);
    });
  }

  /** False behind the end of the range. */
  #add({ key, value }: EngineEntry): boolean {
    const { untilId, want } = this.#request;
    const id = parseRecordKey(key)?.id ?? this.#lastId;
    if (untilId !== '' && id > untilId) return false;
    this.#lastId = id;
    this.#examined++;
    const stored = decodeStored(value);
    if (stored === null) {
      const accepted = { time: this.#parts.acceptor.ceilingUs, proposer: ANY_PROPOSER };
      this.#entries.push({ id, accepted, state: null });
      return true;
    }
    if (isFlushed(this.#parts.map(), stored)) return true;
    const state = project(stored.state, want);
    this.#entries.push({ id, accepted: stored.accepted, state });
    this.#bytes += ENTRY_BYTES + (state === null ? 0 : state.meta.length + (state.value?.length ?? 0));
    return true;
  }

  #isFull(): boolean {
    return (
      this.#entries.length >= this.#request.limit ||
      this.#bytes >= limits.scanStepBytes ||
      this.#examined >= limits.scanExaminedRecords
    );
  }

  #respond(exhausted: boolean): void {
    this.#call.respond({
      type: MessageType.recordsListed,
      entries: this.#entries,
      lastId: this.#lastId,
      exhausted,
    });
  }
}
