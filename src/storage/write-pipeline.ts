import { assert } from '../base/assert.ts';
import { ChurningMap } from '../base/churning-map.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { RecordId } from '../record/state.ts';
import { MessageType, type Response } from '../rpc/messages.ts';
import type { Call } from '../rpc/transport.ts';
import type { Engine, EngineChange, EngineError, EngineFailureKind } from './engine.ts';

export type Fsync = 'always' | 'everysec' | 'no';

/** Responses that wait for one batch, and the records in it. */
interface Batch {
  readonly number: number;
  readonly changes: EngineChange[];
  readonly records: RecordId[];
  readonly calls: Call[];
  readonly responses: Response[];
  readonly waiting: ((isWritten: boolean) => void)[];
  bytes: number;
}

/** Told of batches that will never be durable. */
export interface BatchListener {
  onFailed(records: readonly RecordId[], batch: number, kind: EngineFailureKind): void;
}

/** To who wants something written while the pipeline is overloaded: he may ask again later. */
export const OVERLOADED: Response = { type: MessageType.fault, fault: 'busy', detail: 'the disk is behind' };

const SYNC_INTERVAL_MS = 1_000;

/**
 * One write batch in flight, the next one forming meanwhile (architecture 4). Where the disk is slow, what has formed is closed
 * at the end of a turn once it is long, and waits in a queue: a batch that takes in all that comes during a stall would make the next
 * stall longer. A response that rests on a batch leaves only when the
 * batch is in the log, and under fsync `always` on the disk: an answer never depends on what a crash could take back.
 */
export class WritePipeline {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #fsync: Fsync;
  readonly #listener: BatchListener;
  #forming: Batch;
  /** Closed, and not being written yet, oldest first. */
  readonly #queue: Batch[] = [];
  /** Of all that is not written. */
  #backlogBytes = 0;
  #writing = false;
  #flushScheduled = false;
  /** Batches up to this number are durable as far as `fsync` asks. */
  #durable = 0;
  /** Written, waiting for the disk (fsync always), oldest first; the one being written; and those in the queue. */
  readonly #inFlight = new ChurningMap<number, Batch>();
  #unsyncedSinceMs: number | null = null;
  #syncing = false;
  /** The last sync under fsync `always` failed: what the disk shows may be lost with the power, so nothing can rest on it. */
  #broken = false;
  #closed = false;
  #changes = 0;
  #failures = 0;
  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#writing) this.#close();
    else this.#startWrite();
  };

  constructor(engine: Engine, clock: Clock, log: Log, fsync: Fsync, listener: BatchListener) {
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#fsync = fsync;
    this.#listener = listener;
    this.#forming = newBatch(1);
  }

  /** The batch that a change made now will be in. */
  get formingNumber(): number {
    return this.#forming.number;
  }

  /** Batches up to this one can be counted on. */
  get durableNumber(): number {
    return this.#durable;
  }

  /** The disk is so far behind that nothing more should be taken in. */
  get isOverloaded(): boolean {
    return this.#backlogBytes > limits.writeBacklogBytes;
  }

  /** Changes written since the start, and batches that failed. The number of batches is `formingNumber`. */
  get counts(): { readonly changes: number; readonly failures: number } {
    return { changes: this.#changes, failures: this.#failures };
  }

  /** How long the oldest write has not been on the disk for, milliseconds; 0 when all is. */
  unsyncedMs(): number {
    return this.#unsyncedSinceMs === null ? 0 : this.#clock.monotonicMs() - this.#unsyncedSinceMs;
  }

  /** Adds a record's change; the pipeline tells the listener of it under `formingNumber`. */
  addRecord(id: RecordId, change: EngineChange): void {
    this.#forming.records.push(id);
    this.add(change);
  }

  add(change: EngineChange): void {
    const bytes = change.key.length + (change.value?.length ?? 0);
    this.#forming.changes.push(change);
    this.#forming.bytes += bytes;
    this.#backlogBytes += bytes;
    if (this.#flushScheduled) return;
    if (!this.#writing || this.#forming.bytes > limits.writeBatchBytes) this.#schedule();
  }

  /** Sends `response` once batch `number` is durable: at once if it is. If the batch failed, a fault. */
  respondWhenDurable(call: Call, number: number, response: Response): void {
    if (number <= this.#durable) {
      call.respond(
        this.#broken ? { type: MessageType.fault, fault: 'io', detail: 'the disk failed to sync' } : response,
      );
      return;
    }
    const batch = number === this.#forming.number ? this.#forming : this.#inFlight.get(number);
    if (batch === undefined) {
      assert(number < this.#forming.number, 'a batch has its number from here');
      call.respond({ type: MessageType.fault, fault: 'io', detail: 'what was read could not be written' });
      return;
    }
    batch.calls.push(call);
    batch.responses.push(response);
  }

  /** Calls back when nothing that was added before now is on its way any more; false if the newest of it could not be written. */
  whenSettled(done: (isWritten: boolean) => void): void {
    const batch = this.#forming.changes.length > 0 ? this.#forming : this.#inFlight.get(this.#forming.number - 1);
    if (batch === undefined) done(true);
    else batch.waiting.push(done);
  }

  /** Starts the once-a-second sync. */
  start(): void {
    if (this.#fsync === 'everysec' && this.#engine.supports.durable) this.#tick();
  }

  /** Writes what is forming, waits for what is in flight, syncs unless fsync is `no`. */
  drain(callback: () => void): void {
    if (this.#writing || this.#syncing || this.#queue.length > 0 || this.#forming.changes.length > 0) {
      if (!this.#writing) this.#startWrite();
      this.#clock.after(5, () => this.drain(callback));
      return;
    }
    this.#closed = true;
    if (this.#fsync === 'no' || !this.#engine.supports.durable) callback();
    else this.#engine.sync(() => callback());
  }

  #schedule(): void {
    this.#flushScheduled = true;
    this.#clock.endOfTurn(this.#flush);
  }

  /** What has formed is to be written as it is, after what is in the queue. */
  #close(): void {
    if (this.#forming.changes.length === 0) return;
    const batch = this.#forming;
    this.#forming = newBatch(batch.number + 1);
    this.#inFlight.set(batch.number, batch);
    this.#queue.push(batch);
  }

  #startWrite(): void {
    if (this.#writing) return;
    if (this.#queue.length === 0) this.#close();
    const batch = this.#queue.shift();
    if (batch === undefined) return;
    this.#writing = true;
    this.#engine.write(batch.changes, (error) => {
      this.#writing = false;
      this.#backlogBytes -= batch.bytes;
      if (error === null) this.#onWritten(batch);
      else this.#onFailed(batch, error);
      if (this.#queue.length > 0 || (this.#forming.changes.length > 0 && !this.#flushScheduled)) this.#startWrite();
    });
  }

  #onWritten(batch: Batch): void {
    this.#changes += batch.changes.length;
    if (this.#engine.supports.durable) this.#unsyncedSinceMs ??= this.#clock.monotonicMs();
    if (this.#fsync !== 'always' || !this.#engine.supports.durable) {
      this.#onDurable(batch);
      return;
    }
    this.#engine.sync((error) => {
      if (error === null) {
        this.#broken = false;
        this.#onDurable(batch);
        this.#unsyncedSinceMs = this.#inFlight.size === 0 ? null : this.#clock.monotonicMs();
      } else {
        this.#broken = true;
        this.#failBatch(batch, error);
      }
    });
  }

  #onDurable(batch: Batch): void {
    // Syncs are shared: a later batch's callback may come with an earlier one's, never before it.
    this.#durable = Math.max(this.#durable, batch.number);
    this.#inFlight.delete(batch.number);
    for (let i = 0; i < batch.calls.length; i++) {
      const response = batch.responses[i];
      if (response !== undefined) batch.calls[i]?.respond(response);
    }
    for (const done of batch.waiting) done(true);
  }

  /** What came after it may rest on what failed (a paged value's base): it fails too. */
  #onFailed(batch: Batch, error: EngineError): void {
    this.#failBatch(batch, error);
    const later = this.#queue.splice(0);
    const forming = this.#forming;
    this.#forming = newBatch(forming.number + 1);
    this.#backlogBytes = 0;
    for (const other of later) this.#failBatch(other, error);
    this.#failBatch(forming, error);
  }

  #failBatch(batch: Batch, error: EngineError): void {
    this.#failures++;
    this.#log.error({ kind: error.kind, detail: error.message, records: batch.records.length }, 'a write batch failed');
    this.#inFlight.delete(batch.number);
    this.#listener.onFailed(batch.records, batch.number, error.kind);
    const kind = error.kind === 'full' ? 'full' : 'io';
    const fault: Response = { type: MessageType.fault, fault: kind, detail: error.kind };
    for (const call of batch.calls) call.respond(fault);
    for (const done of batch.waiting) done(false);
  }

  #tick(): void {
    this.#clock.after(SYNC_INTERVAL_MS, () => {
      if (this.#closed) return;
      if (this.#unsyncedSinceMs !== null && !this.#syncing) this.#sync();
      this.#tick();
    });
  }

  #sync(): void {
    const since = this.#unsyncedSinceMs;
    this.#syncing = true;
    this.#unsyncedSinceMs = null;
    this.#engine.sync((error) => {
      this.#syncing = false;
      if (error === null) return;
      this.#unsyncedSinceMs = since;
      this.#log.error({ detail: error.message }, 'the log could not be synced to the disk');
    });
  }
}

function newBatch(number: number): Batch {
  return { number, changes: [], records: [], calls: [], responses: [], waiting: [], bytes: 0 };
}
