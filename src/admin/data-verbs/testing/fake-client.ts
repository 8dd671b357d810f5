import type {
  BatchResult,
  ClientOptions,
  JunoClient,
  JunoRecord,
  Location,
  RecordContext,
  Result,
  SetOutcome,
} from '../../../juno-ext/client/src/types.ts';

export const context: RecordContext = {
  recordVersion: 3,
  creationTimeMs: 1_750_000_000_000,
  lastModifiedMs: 1_750_000_060_000,
  ttlMs: 90_000,
  requestId: '0190a5d0-0000-7000-8000-000000000001',
};

export const location: Location = {
  slot: 12_182,
  shard: 761,
  mapEpoch: 4,
  nodes: [
    { zone: 'zone1', nodeId: 1, host: '127.0.0.1', port: 7001, up: true },
    { zone: 'zone2', nodeId: 2, host: '::1', port: 7002, up: false },
  ],
};

/** A client that writes down its calls and answers what it is told to. */
export class FakeClient implements JunoClient {
  readonly options: ClientOptions;
  /** Method and arguments; of the options all but the signal. */
  readonly calls: unknown[][] = [];
  signal: AbortSignal | undefined;
  closes = 0;
  written: () => Promise<Result<RecordContext>> = async () => ({ ok: true, value: context });
  found: Result<JunoRecord | null> = { ok: true, value: { ...context, value: Buffer.from('hello') } };
  wasSet: Result<SetOutcome> = { ok: true, value: { ...context, created: true } };
  wasDestroyed: Result<void> = { ok: true, value: undefined };
  replicas: Result<readonly Readonly<Record<string, unknown>>[]> = { ok: true, value: [] };

  constructor(options: ClientOptions) {
    this.options = options;
  }

  #note(name: string, ...args: unknown[]): void {
    const last = args.at(-1);
    if (typeof last === 'object' && last !== null && 'signal' in last) {
      const { signal, ...options } = last;
      if (signal instanceof AbortSignal) this.signal = signal;
      args.splice(-1, 1, options);
    }
    this.calls.push([name, ...args.map((arg) => (Buffer.isBuffer(arg) ? arg.toString() : arg))]);
  }

  create(...args: Parameters<JunoClient['create']>) {
    this.#note('create', ...args);
    return this.written();
  }

  async get(...args: Parameters<JunoClient['get']>) {
    this.#note('get', ...args);
    return this.found;
  }

  update(...args: Parameters<JunoClient['update']>) {
    this.#note('update', ...args);
    return this.written();
  }

  async set(...args: Parameters<JunoClient['set']>) {
    this.#note('set', ...args);
    return this.wasSet;
  }

  async destroy(...args: Parameters<JunoClient['destroy']>) {
    this.#note('destroy', ...args);
    return this.wasDestroyed;
  }

  async locate(...args: Parameters<JunoClient['locate']>): Promise<Result<Location>> {
    this.#note('locate', ...args);
    return { ok: true, value: location };
  }

  async inspect(...args: Parameters<JunoClient['inspect']>) {
    this.#note('inspect', ...args);
    return this.replicas;
  }

  async compareAndSet(): Promise<never> {
    throw new Error('no verb calls this');
  }

  async batch(): Promise<readonly BatchResult[]> {
    throw new Error('no verb calls this');
  }

  async close(): Promise<void> {
    this.closes++;
  }
}
