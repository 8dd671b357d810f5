import { type CallSettings, call, type Request, tell } from './call.ts';
import { compareAndSet } from './compare-and-set.ts';
import { checkOptions, positive } from './options.ts';
import { PayloadCodec } from './payload.ts';
import { Pool } from './pool.ts';
import {
  createRequest,
  destroyRequest,
  getRequest,
  inspectRequest,
  locateRequest,
  optionProblem,
  setRequest,
  toBytes,
  updateRequest,
} from './requests.ts';
import type {
  BatchOperation,
  BatchResult,
  CallOptions,
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

/**
 * A client of a junokv cluster. Connecting goes on in the background: operations wait for it, up to their deadline.
 * Throws a TypeError for options that cannot be meant.
 */
export function connect(options: ClientOptions): JunoClient {
  return new Client(options);
}

class Client implements JunoClient {
  readonly #settings: CallSettings;
  readonly #codec: PayloadCodec;
  #underWay = 0;
  #isClosed = false;
  #onIdle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: ClientOptions) {
    const { deadlineMs, tryTimeoutMs, connectionsPerAddress, setup } = checkOptions(options);
    const metrics = options.metrics ?? {};
    this.#codec = new PayloadCodec(options);
    const pool = new Pool({
      addresses: options.addresses,
      connectionsPerAddress,
      setup,
      setupTimeoutMs: tryTimeoutMs,
      onConnection: (event, address) => tell(() => metrics.onConnection?.(event, address)),
    });
    this.#settings = { pool, deadlineMs, tryTimeoutMs, metrics };
  }

  create(key: Key, value: Payload, options?: WriteOptions): Promise<Result<RecordContext>> {
    return this.#write(key, value, options, createRequest);
  }

  update(key: Key, value: Payload, options?: ConditionalOptions): Promise<Result<RecordContext>> {
    return this.#write(key, value, options, updateRequest);
  }

  set(key: Key, value: Payload, options?: WriteOptions): Promise<Result<SetOutcome>> {
    return this.#write(key, value, options, setRequest);
  }

  get(key: Key, options?: GetOptions): Promise<Result<JunoRecord | null>> {
    return this.#run(options, () => getRequest(this.#codec, toBytes(key, 'key'), options));
  }

  destroy(key: Key, options?: DestroyOptions): Promise<Result<void>> {
    return this.#run(options, () => destroyRequest(toBytes(key, 'key'), options));
  }

  compareAndSet(
    key: Key,
    change: (current: JunoRecord | null) => Payload | null,
    options?: WriteOptions,
  ): Promise<Result<RecordContext | null>> {
    return this.#guard(options, () =>
      compareAndSet(this, key, change, { ...options, deadlineMs: options?.deadlineMs ?? this.#settings.deadlineMs }),
    );
  }

  async batch(operations: readonly BatchOperation[]): Promise<readonly BatchResult[]> {
    const results: BatchResult[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < operations.length) {
        const index = next++;
        const operation = operations[index];
        if (operation !== undefined) results[index] = await this.#batched(operation);
      }
    };
    await Promise.all(Array.from({ length: Math.min(BATCH_IN_FLIGHT, operations.length) }, work));
    return results;
  }

  locate(key: Key): Promise<Result<Location>> {
    return this.#run(undefined, () => locateRequest(toBytes(key, 'key')));
  }

  inspect(key: Key): Promise<Result<readonly Readonly<Record<string, unknown>>[]>> {
    return this.#run(undefined, () => inspectRequest(toBytes(key, 'key')));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#settings.pool.close();
  }

  async #batched(operation: BatchOperation): Promise<BatchResult> {
    const { kind, key, options } = operation;
    switch (kind) {
      case 'create':
      case 'update':
        return { kind, result: await this[kind](key, operation.value, options) };
      case 'set':
        return { kind, result: await this.set(key, operation.value, options) };
      case 'get':
        return { kind, result: await this.get(key, operation.options) };
      case 'destroy':
        return { kind, result: await this.destroy(key, operation.options) };
    }
  }

  #write<T, O extends ConditionalOptions | undefined>(
    key: Key,
    value: Payload,
    options: O,
    build: (key: Buffer, stored: Buffer, options: O) => Request<T>,
  ): Promise<Result<T>> {
    return this.#run(options, () => {
      const keyBytes = toBytes(key, 'key');
      const stored = this.#codec.encode(keyBytes, toBytes(value, 'value'));
      if (Buffer.isBuffer(stored)) return build(keyBytes, stored, options);
      return stored.then((bytes) => build(keyBytes, bytes, options));
    });
  }

  #run<T>(
    options: (CallOptions & ConditionalOptions) | undefined,
    build: () => Request<T> | Promise<Request<T>>,
  ): Promise<Result<T>> {
    return this.#guard(options, async () => {
      const problem = optionProblem(options);
      if (problem !== null) return problem;
      const request = build();
      return call(this.#settings, request instanceof Promise ? await request : request, options);
    });
  }

  /** Counts what is under way, for `close`; misuse becomes a rejection. */
  async #guard<T>(options: CallOptions | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed && this.#underWay === 0) throw new TypeError('the client is closed');
    if (options?.deadlineMs !== undefined) positive('deadlineMs', options.deadlineMs);
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }
}
