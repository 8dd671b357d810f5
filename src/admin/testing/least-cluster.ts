import type { Clock } from '../../base/clock.ts';
import { RecordIdHasher } from '../../crypto/record-id.ts';
import type { RecordSealer } from '../../crypto/record-sealer.ts';
import { LocalCluster } from '../../proxy/testing/local-cluster.ts';
import { applyChange } from '../../quorum/apply-change.ts';
import { PAGES_ELSEWHERE } from '../../quorum/express-base.ts';
import { extendLineage } from '../../quorum/lineage.ts';
import type { Operation, RunContext } from '../../quorum/operation.ts';
import { type Ballot, NO_BALLOT } from '../../record/ballot.ts';
import { recordKey } from '../../record/record-id.ts';
import { NO_PAST } from '../../record/request-history.ts';
import { type LiveRecord, type RecordId, type StateHeader, StateKind } from '../../record/state.ts';
import { encodeStored } from '../../record/state-codec.ts';
import type { Reply } from '../../resp/reply.ts';
import { MessageType, type Response } from '../../rpc/messages.ts';
import type { WritePipeline } from '../../storage/write-pipeline.ts';

const SHARDS = 1_024;
const WRITTEN: Response = { type: MessageType.ack, nextRecorded: false };

interface Entry {
  readonly id: RecordId;
  readonly key: Buffer;
  live: LiveRecord | null;
  header: StateHeader | null;
}

/** An operation that has run and is not answered yet. */
interface Answer {
  readonly operation: Operation<Reply>;
  readonly reply: Reply;
}

/**
 * Runs what has arrived in a turn at its end, on a Map: no replicas, no quorum, no promises, no memory to be kept small. Only
 * what a write cannot do without is done: sealed once, and written by as many pipelines as there are.
 */
export class LeastCluster extends LocalCluster {
  readonly #clock: Clock;
  readonly #sealer: RecordSealer | null;
  readonly #pipelines: readonly WritePipeline[];
  readonly #ids = new RecordIdHasher(Buffer.alloc(32, 1));
  readonly #entries = new Map<string, Entry>();
  #turn: Operation<Reply>[] = [];
  readonly #run = (): void => this.#runTurn();

  /** Nothing is sealed without `sealer`, nothing written without `pipelines`. */
  constructor(clock: Clock, sealer: RecordSealer | null, pipelines: readonly WritePipeline[]) {
    super(clock);
    this.#clock = clock;
    this.#sealer = sealer;
    this.#pipelines = pipelines;
  }

  override submit(operation: Operation<Reply>): void {
    if (this.#turn.push(operation) === 1) this.#clock.endOfTurn(this.#run);
  }

  #runTurn(): void {
    const turn = this.#turn;
    this.#turn = [];
    const nowMs = this.#clock.wallMs();
    const ballot = { time: this.#clock.wallUs(), proposer: 1 };
    const written: Answer[] = [];
    for (const operation of turn) {
      const entry = this.#entryOf(operation);
      const { live } = entry;
      const past = live ?? NO_PAST;
      const context: RunContext = { nowMs, pages: PAGES_ELSEWHERE, past, origin: NO_BALLOT };
      const { reply, change } = operation.step.run(live, context);
      if (change === null) {
        operation.done({ ok: true, reply });
        continue;
      }
      entry.live = applyChange(live, past, operation.key, change, nowMs);
      if (this.#sealer !== null && entry.live !== null) this.#write(this.#sealer, entry, entry.live, ballot);
      written.push({ operation, reply });
    }
    this.#answerWhenWritten(written);
  }

  #entryOf({ namespace, key }: Operation<Reply>): Entry {
    const name = key.toString('latin1');
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      const id = this.#ids.recordId(namespace, 1, key);
      entry = { id, key: recordKey(id.charCodeAt(0) % SHARDS, id), live: null, header: null };
      this.#entries.set(name, entry);
    }
    return entry;
  }

  #write(sealer: RecordSealer, entry: Entry, live: LiveRecord, ballot: Ballot): void {
    const { ballots, birth } = extendLineage(entry.header, ballot);
    entry.header = {
      ...{ kind: StateKind.live, origin: ballot, lineage: ballots, birth },
      ...{ expiresAtMs: live.expiresAtMs, sizeBytes: live.sizeBytes, namespace: 0, generation: 1 },
      ...{ paged: false, remembers: false },
    };
    const state = sealer.seal(entry.id, entry.header, live);
    if (this.#pipelines.length === 0) return;
    const value = encodeStored(ballot, state);
    for (const pipeline of this.#pipelines) pipeline.addRecord(entry.id, { key: entry.key, value });
  }

  #answerWhenWritten(answers: readonly Answer[]): void {
    const needed = this.#pipelines.length === 0 ? 0 : Math.floor(this.#pipelines.length / 2) + 1;
    let open = needed;
    const respond = (): void => {
      open--;
      if (open === 0) answerAll(answers);
    };
    if (answers.length === 0) return;
    if (needed === 0) answerAll(answers);
    const call = { request: { type: MessageType.nodeStatus }, respond } as const;
    for (const pipeline of this.#pipelines) pipeline.respondWhenDurable(call, pipeline.formingNumber, WRITTEN);
  }
}

function answerAll(answers: readonly Answer[]): void {
  for (const { operation, reply } of answers) operation.done({ ok: true, reply });
}
