import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { memoryFetch } from '../base/memory-fetch.ts';
import type { Ballot } from '../record/ballot.ts';
import type { SealedState } from '../record/state.ts';
import {
  Ack,
  type CommitItem,
  type CommitManyRequest,
  MessageType,
  type PrepareManyRequest,
  type ReadManyRequest,
  type RecordAddress,
  Want,
} from '../rpc/messages.ts';
import type { Call } from '../rpc/transport.ts';
import type { Acceptor } from './acceptor.ts';
import type { DiskSpace } from './disk-space.ts';
import type { NodeMap } from './node-map.ts';
import type { CachedRecord, RecordCache } from './record-cache.ts';
import type { RecordLoader, RecordWaiter } from './record-loader.ts';
import { project } from './served-state.ts';
import { OVERLOADED, type WritePipeline } from './write-pipeline.ts';

export interface ManyServerParts {
  readonly clock: Clock;
  readonly map: NodeMap;
  readonly acceptor: Acceptor;
  readonly cache: RecordCache;
  readonly pipeline: WritePipeline;
  readonly loader: RecordLoader;
  /** Null: never full. */
  readonly space: DiskSpace | null;
  /** Takes an accepted state into memory and the forming batch. */
  store(item: CommitItem, record: CachedRecord): void;
}

/** A response about many records, as it grows. */
class Answers<T extends typeof MessageType.statesMany | typeof MessageType.promisesMany> {
  readonly type: T;
  readonly accepted: (Ballot | null)[] = [];
  readonly states: (SealedState | null)[] = [];
  /** The newest write batch that the answer rests on. */
  batch = 0;
  #bytes = 0;

  constructor(type: T) {
    this.type = type;
  }

  add(record: CachedRecord, want: Want): void {
    const state = project(record.state, want);
    if (state !== null) {
      this.#bytes += state.meta.length + (state.value?.length ?? 0);
      if (this.#bytes > limits.manyStatesBytes) {
        this.pass();
        return;
      }
    }
    if (record.batch > this.batch) this.batch = record.batch;
    this.accepted.push(record.accepted);
    this.states.push(state);
  }

  pass(): void {
    this.accepted.push(null);
    this.states.push(null);
  }
}

/**
 * Serves READ, PREPARE and COMMIT of many records at once, by the same rules as each alone, where it can answer at once:
 * the record is in memory (or the request says that it is worth waiting for), the map agrees, the ceiling is high enough. What
 * is not so is passed on: the sender asks for it alone, and that request waits for what it needs. The response leaves when all that it rests on is durable.
 */
export class ManyServer {
  readonly #parts: ManyServerParts;

  constructor(parts: ManyServerParts) {
    this.#parts = parts;
  }

  read(call: Call, request: ReadManyRequest): void {
    if (request.load) this.#whenInMemory(request.addresses, request.wants, () => this.#read(call, request));
    else this.#read(call, request);
  }

  prepare(call: Call, request: PrepareManyRequest): void {
    if (request.load) this.#whenInMemory(request.addresses, request.wants, () => this.#prepare(call, request));
    else this.#prepare(call, request);
  }

  commit(call: Call, request: CommitManyRequest): void {
    if (!request.load) this.#commit(call, request);
    else
      this.#whenInMemory(
        request.items.map((item) => item.address),
        [],
        () => this.#commit(call, request),
      );
  }

  #read(call: Call, request: ReadManyRequest): void {
    const { cache } = this.#parts;
    const answer = new Answers(MessageType.statesMany);
    let fetched = 0;
    for (let i = 0; i < request.addresses.length; i++) fetched += cache.fetchForRead(request.addresses[i]);
    memoryFetch.sum = fetched;
    for (let i = 0; i < request.addresses.length; i++) {
      const want = request.wants[i] ?? Want.nothing;
      const record = this.#held(request.addresses[i], want);
      if (record === null) answer.pass();
      else answer.add(record, want);
    }
    this.#parts.pipeline.respondWhenDurable(call, answer.batch, answer);
  }

  #prepare(call: Call, request: PrepareManyRequest): void {
    const { acceptor, cache, clock, pipeline } = this.#parts;
    const { ballot } = request;
    const nowUs = clock.wallUs();
    const below = !acceptor.needsCeiling(ballot);
    const answer = new Answers(MessageType.promisesMany);
    let fetched = 0;
    for (let i = 0; i < request.addresses.length; i++) fetched += cache.fetchForWrite(request.addresses[i]);
    memoryFetch.sum = fetched;
    for (let i = 0; i < request.addresses.length; i++) {
      const address = request.addresses[i];
      const want = request.wants[i] ?? Want.nothing;
      const record = below ? this.#held(address, want) : null;
      // A promise that the answer has no room to tell of does no harm.
      const promised =
        record !== null &&
        address !== undefined &&
        acceptor.prepare(address.id, record, ballot, nowUs).kind === 'promise';
      if (promised) answer.add(record, want);
      else answer.pass();
    }
    pipeline.respondWhenDurable(call, answer.batch, answer);
  }

  #commit(call: Call, request: CommitManyRequest): void {
    const { acceptor, cache, pipeline, space } = this.#parts;
    if (pipeline.isOverloaded) {
      call.respond(OVERLOADED);
      return;
    }
    const acks: Ack[] = [];
    let fetched = 0;
    for (let i = 0; i < request.items.length; i++) fetched += cache.fetchForWrite(request.items[i]?.address);
    memoryFetch.sum = fetched;
    let batch = 0;
    for (const item of request.items) {
      const record = this.#held(item.address, Want.nothing);
      if (record === null || acceptor.needsCeiling(item.ballot)) {
        acks.push(Ack.passed);
        continue;
      }
      const verdict = acceptor.commit(item.address.id, record, item);
      if (verdict.kind === 'reject' || verdict.kind === 'stale') {
        acks.push(Ack.refused);
        continue;
      }
      if (verdict.kind === 'accept') {
        if (space?.refuses(record.state, item.state, item.ballot)) {
          acks.push(Ack.full);
          continue;
        }
        this.#parts.store(item, record);
        batch = pipeline.formingNumber;
      } else if (record.batch > batch) {
        batch = record.batch;
      }
      const next = item.next !== null && acceptor.promiseNext(item.address.id, item.ballot, item.next, record);
      acks.push(next ? Ack.acceptedAndNext : Ack.accepted);
    }
    pipeline.respondWhenDurable(call, batch, { type: MessageType.acksMany, acks });
  }

  /** Once what is wanted of all that this node is to answer for has been brought from the disk, as far as that goes. */
  #whenInMemory(addresses: readonly RecordAddress[], wants: readonly Want[], run: () => void): void {
    const { map, cache, loader } = this.#parts;
    let missing = 1;
    const arrived = (): void => {
      missing--;
      if (missing === 0) run();
    };
    const waiter: RecordWaiter = { onLoaded: arrived, onCorrupt: arrived, onFailed: arrived };
    for (const [i, address] of addresses.entries()) {
      if (map.refusal(address) !== null) continue;
      const want = wants[i] ?? Want.nothing;
      if (!loader.isLoading(address.id) && cache.holding(address, want) !== undefined) continue;
      missing++;
      loader.wait(address, waiter, want);
    }
    arrived();
  }

  /** The record, if it can be answered for at once, with what is wanted of it. */
  #held(address: RecordAddress | undefined, want: Want): CachedRecord | null {
    const { map, cache } = this.#parts;
    if (address === undefined || map.refusal(address) !== null || this.#parts.loader.isLoading(address.id)) return null;
    const record = cache.holding(address, want);
    if (record === undefined) return null;
    cache.hits++;
    return record;
  }
}
