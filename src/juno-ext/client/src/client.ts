import { type CallSettings, tell } from './call.ts';
import { compareAndSet } from './compare-and-set.ts';
import { checkBatch, Operations } from './operations.ts';
import { checkOptions } from './options.ts';
import { PayloadCodec } from './payload.ts';
import { Pool } from './pool.ts';
import type {
  BatchOperation,
  BatchResult,
  ClientOptions,
  ConditionalOptions,
  DestroyOptions,
  GetOptions,
  JunoClient,
  JunoRecord,
  Key,
  Location,
  Payload,
  RecordContext,
  Result,
  SetOutcome,
  WriteOptions,
} from './types.ts';

/** Operations of one batch that are under way at the same time. */
const BATCH_IN_FLIGHT = 256;
/** Of one client; more are answered 'busy' by the client itself, before memory runs out. */
const IN_FLIGHT_MOST = 100_000;

/**
 * A client of a junokv cluster. Connecting goes on in the background: operations wait for it, up to their deadline.
 * Throws a TypeError for options that cannot be meant.
 */
export function connect(options: ClientOptions): JunoClient {
  return new Client(options);
}

class Client implements JunoClient {
  readonly #settings: CallSettings;
  readonly #operations: Operations;
  #inFlight = 0;
  #isClosed = false;
  #onIdle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: ClientOptions) {
    const { deadlineMs, tryTimeoutMs, connectionsPerAddress, setup, tls } = checkOptions(options);
    const metrics = options.metrics ?? {};
    const pool = new Pool({
      addresses: options.addresses,
      connectionsPerAddress,
      setup,
      setupTimeoutMs: tryTimeoutMs,
      tls,
      onConnection: (event, address) => tell(() => metrics.onConnection?.(event, address)),
    });
    this.#settings = { pool, deadlineMs, tryTimeoutMs, metrics };
    this.#operations = new Operations(this.#settings, new PayloadCodec(options));
  }

  create(key: Key, value: Payload, options?: WriteOptions): Promise<Result<RecordContext>> {
    return this.#counted(() => this.#operations.create(key, value, options));
  }

  get(key: Key, options?: GetOptions): Promise<Result<JunoRecord | null>> {
    return this.#counted(() => this.#operations.get(key, options));
  }

  update(key: Key, value: Payload, options?: ConditionalOptions): Promise<Result<RecordContext>> {
    return this.#counted(() => this.#operations.update(key, value, options));
  }

  set(key: Key, value: Payload, options?: WriteOptions): Promise<Result<SetOutcome>> {
    return this.#counted(() => this.#operations.set(key, value, options));
  }

  destroy(key: Key, options?: DestroyOptions): Promise<Result<void>> {
    return this.#counted(() => this.#operations.destroy(key, options));
  }

  compareAndSet(
    key: Key,
    change: (current: JunoRecord | null) => Payload | null,
    options?: WriteOptions,
  ): Promise<Result<RecordContext | null>> {
    const deadlineMs = options?.deadlineMs ?? this.#settings.deadlineMs;
    return this.#counted(() => compareAndSet(this.#operations, key, change, { ...options, deadlineMs }));
  }

  async batch(operations: readonly BatchOperation[]): Promise<readonly BatchResult[]> {
    this.#checkOpen();
    checkBatch(operations);
    const results: BatchResult[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < operations.length) {
        const index = next++;
        const operation = operations[index];
        if (operation !== undefined) results[index] = await this.#operations.batched(operation);
      }
    };
    this.#inFlight++;
    try {
      await Promise.all(Array.from({ length: Math.min(BATCH_IN_FLIGHT, operations.length) }, work));
    } finally {
      this.#finished();
    }
    return results;
  }

  locate(key: Key): Promise<Result<Location>> {
    return this.#counted(() => this.#operations.locate(key));
  }

  inspect(key: Key): Promise<Result<readonly Readonly<Record<string, unknown>>[]>> {
    return this.#counted(() => this.#operations.inspect(key));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#settings.pool.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TypeError('the client is closed');
  }

  async #counted<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    this.#checkOpen();
    if (this.#inFlight >= IN_FLIGHT_MOST) {
      return { ok: false, error: { kind: 'busy', message: `${IN_FLIGHT_MOST} operations are under way already` } };
    }
    this.#inFlight++;
    try {
      return await work();
    } finally {
      this.#finished();
    }
  }

  #finished(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#onIdle?.();
  }
}
