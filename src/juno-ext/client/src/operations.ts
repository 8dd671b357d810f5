import { type CallSettings, call, type Request, tell } from './call.ts';
import { positive } from './options.ts';
import type { PayloadCodec } from './payload.ts';
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
  ConditionalOptions,
  DestroyOptions,
  GetOptions,
  JunoRecord,
  Key,
  Location,
  Payload,
  RecordContext,
  Result,
  SetOutcome,
  WriteOptions,
} from './types.ts';

/** The operations of a client, whether it is being closed or not. */
export class Operations {
  readonly #settings: CallSettings;
  readonly #codec: PayloadCodec;

  constructor(settings: CallSettings, codec: PayloadCodec) {
    this.#settings = settings;
    this.#codec = codec;
  }

  create(key: Key, value: Payload, options?: WriteOptions): Promise<Result<RecordContext>> {
    return this.#write('create', key, value, options, createRequest);
  }

  update(key: Key, value: Payload, options?: ConditionalOptions): Promise<Result<RecordContext>> {
    return this.#write('update', key, value, options, updateRequest);
  }

  set(key: Key, value: Payload, options?: WriteOptions): Promise<Result<SetOutcome>> {
    return this.#write('set', key, value, options, setRequest);
  }

  get(key: Key, options?: GetOptions): Promise<Result<JunoRecord | null>> {
    return this.#run('get', options, () => getRequest(this.#codec, toBytes(key, 'key'), options));
  }

  destroy(key: Key, options?: DestroyOptions): Promise<Result<void>> {
    return this.#run('destroy', options, () => destroyRequest(toBytes(key, 'key'), options));
  }

  locate(key: Key): Promise<Result<Location>> {
    return this.#run('locate', undefined, () => locateRequest(toBytes(key, 'key')));
  }

  inspect(key: Key): Promise<Result<readonly Readonly<Record<string, unknown>>[]>> {
    return this.#run('inspect', undefined, () => inspectRequest(toBytes(key, 'key')));
  }

  async batched(operation: BatchOperation): Promise<BatchResult> {
    switch (operation.kind) {
      case 'create':
        return {
          kind: 'create',
          result: await this.create(operation.key, operation.value, operation.options),
        };
      case 'update':
        return {
          kind: 'update',
          result: await this.update(operation.key, operation.value, operation.options),
        };
      case 'set':
        return { kind: 'set', result: await this.set(operation.key, operation.value, operation.options) };
      case 'get':
        return { kind: 'get', result: await this.get(operation.key, operation.options) };
      case 'destroy':
        return { kind: 'destroy', result: await this.destroy(operation.key, operation.options) };
    }
  }

  #write<T, O extends ConditionalOptions | undefined>(
    operation: string,
    key: Key,
    value: Payload,
    options: O,
    build: (key: Buffer, stored: Buffer, options: O) => Request<T>,
  ): Promise<Result<T>> {
    return this.#run(operation, options, () => {
      const keyBytes = toBytes(key, 'key');
      const stored = this.#codec.encode(keyBytes, toBytes(value, 'value'));
      if (Buffer.isBuffer(stored)) return build(keyBytes, stored, options);
      return stored.then((bytes) => build(keyBytes, bytes, options));
    });
  }

  async #run<T>(
    operation: string,
    options: (CallOptions & ConditionalOptions) | undefined,
    build: () => Request<T> | Promise<Request<T>>,
  ): Promise<Result<T>> {
    if (options?.deadlineMs !== undefined) positive('deadlineMs', options.deadlineMs);
    const problem = optionProblem(options);
    if (problem !== null) {
      tell(() => this.#settings.metrics.onOperation?.(operation, 'bad-parameter', 0, 0));
      return problem;
    }
    const request = build();
    return call(this.#settings, request instanceof Promise ? await request : request, options);
  }
}

/** Throws a TypeError for what `batched` would, before anything of the batch is sent. */
export function checkBatch(operations: readonly BatchOperation[]): void {
  for (const operation of operations) {
    toBytes(operation.key, 'key');
    if ('value' in operation) toBytes(operation.value, 'value');
    else if (operation.kind !== 'get' && operation.kind !== 'destroy') throw new TypeError('not an operation');
    if (operation.options?.deadlineMs !== undefined) positive('deadlineMs', operation.options.deadlineMs);
  }
}
