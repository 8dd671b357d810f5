/** What a key is called: text is UTF-8. */
export type Key = string | Uint8Array;
export type Payload = string | Uint8Array;

/** What the cluster knows of a record beside its value. Times are Unix milliseconds. */
export interface RecordContext {
  /** 1 on creation, +1 with every change of the value. */
  readonly recordVersion: number;
  /** Tells one incarnation of a key from the next: version 1 comes again after a destroy. */
  readonly creationTimeMs: number;
  readonly lastModifiedMs: number;
  /** Remaining; null: never expires. */
  readonly ttlMs: number | null;
  /** Of the write that made this value, if that had one. */
  readonly requestId: string | null;
}

export interface JunoRecord extends RecordContext {
  readonly value: Buffer;
}

/** Why an operation was not carried out, or is not known to be. */
export type JunoError =
  /** create: the key is live. */
  | { readonly kind: 'duplicate-key'; readonly message: string; readonly current: Incarnation | null }
  /** update: there is no such key. */
  | { readonly kind: 'no-key'; readonly message: string }
  /** The version (or incarnation) is not the one asked for. */
  | { readonly kind: 'version-conflict'; readonly message: string; readonly current: Incarnation | null }
  /** The arguments are wrong, or beyond a limit of the namespace. */
  | { readonly kind: 'bad-parameter'; readonly message: string }
  | { readonly kind: 'wrong-type'; readonly message: string }
  | { readonly kind: 'not-permitted'; readonly message: string }
  /** Nothing was changed; retried until the deadline. */
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'busy'; readonly message: string }
  /** The write may or may not have happened, and the cluster can no longer tell. */
  | { readonly kind: 'uncertain'; readonly message: string; readonly requestId: string | null }
  /** No answer before the deadline; of a write it is not known whether it happened. Repeating with this id is safe. */
  | { readonly kind: 'timed-out'; readonly message: string; readonly requestId: string | null }
  | { readonly kind: 'aborted'; readonly message: string; readonly requestId: string | null }
  /** The payload was sealed by a client with a key that this one lacks, or is damaged. */
  | { readonly kind: 'unreadable-payload'; readonly message: string; readonly keyName: string | null }
  /** Anything else the server said. */
  | { readonly kind: 'server'; readonly message: string };

export interface Incarnation {
  readonly recordVersion: number;
  readonly creationTimeMs: number;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: JunoError };

export interface CallOptions {
  /** Stops waiting. A write that was sent may still happen; the error carries its request id. */
  readonly signal?: AbortSignal;
  /** In all, retries included; default from the client's options. */
  readonly deadlineMs?: number;
}

export interface WriteOptions extends CallOptions {
  /** TTLs only grow; 0 or none: the namespace's default on creation, else unchanged. */
  readonly ttlMs?: number;
  /** A UUID, version 7 recommended; made by the client where none is given. Retries keep it. */
  readonly requestId?: string;
}

export interface ConditionalOptions extends WriteOptions {
  /** Only if the record has exactly this version... */
  readonly recordVersion?: number;
  /** ...and is this incarnation of the key. */
  readonly creationTimeMs?: number;
}

export interface DestroyOptions extends CallOptions {
  readonly requestId?: string;
  readonly recordVersion?: number;
  readonly creationTimeMs?: number;
}

export interface GetOptions extends CallOptions {
  /** Extends the TTL, never shortens it. */
  readonly ttlMs?: number;
}

/** One operation of a batch; results come in the same order. A batch is not atomic. */
export type BatchOperation =
  | { readonly kind: 'create'; readonly key: Key; readonly value: Payload; readonly options?: WriteOptions }
  | { readonly kind: 'get'; readonly key: Key; readonly options?: GetOptions }
  | { readonly kind: 'update'; readonly key: Key; readonly value: Payload; readonly options?: ConditionalOptions }
  | { readonly kind: 'set'; readonly key: Key; readonly value: Payload; readonly options?: WriteOptions }
  | { readonly kind: 'destroy'; readonly key: Key; readonly options?: DestroyOptions };

export type BatchResult =
  | { readonly kind: 'create' | 'update'; readonly result: Result<RecordContext> }
  | { readonly kind: 'get'; readonly result: Result<JunoRecord | null> }
  | { readonly kind: 'set'; readonly result: Result<SetOutcome> }
  | { readonly kind: 'destroy'; readonly result: Result<void> };

export interface SetOutcome extends RecordContext {
  readonly created: boolean;
}

/** Where a key lives. */
export interface Location {
  readonly slot: number;
  readonly shard: number;
  readonly mapEpoch: number;
  readonly nodes: readonly {
    readonly zone: string;
    readonly nodeId: number;
    readonly host: string;
    readonly port: number;
    readonly up: boolean;
  }[];
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Connections over TLS. The proxy's certificate is always checked. */
export interface ClientTls {
  /** PEM: the CAs that the proxy's certificate must come from; default: the public ones that Node knows. */
  readonly ca?: string | Uint8Array;
  /** PEM: what this client shows, and its private key; both or none. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name in the proxy's certificate, where it is not the host of the address. */
  readonly serverName?: string;
}

/** Called after every operation and every try; must not throw. */
export interface ClientMetrics {
  /** `outcome`: 'ok' or the kind of the error. */
  onOperation?(operation: string, outcome: string, durationMs: number, tries: number): void;
  onRetry?(operation: string, reason: string, address: ServerAddress): void;
  onConnection?(event: 'connected' | 'lost', address: ServerAddress): void;
}

export interface ClientOptions {
  /** Proxies; any of them serves every key. The next one is tried where one fails. */
  readonly addresses: readonly ServerAddress[];
  readonly username?: string;
  readonly password?: string;
  /** Namespace; default: the user's, or 'default'. */
  readonly namespace?: string;
  readonly database?: number;
  /** Default 5000. */
  readonly deadlineMs?: number;
  /** One try waits at most so long before the next proxy is asked; default 2500. */
  readonly tryTimeoutMs?: number;
  /** Connections to each address; default 1 (commands are pipelined). */
  readonly connectionsPerAddress?: number;
  readonly metrics?: ClientMetrics;
  /** Default: plain TCP. */
  readonly tls?: ClientTls;
  /** Seals values before they leave this process; see payload.ts. */
  readonly encryption?: ClientEncryption;
  readonly compression?: ClientCompression;
  /** What decompresses to more is unreadable; default 512 MB. */
  readonly maxPayloadBytes?: number;
}

export interface ClientEncryption {
  /** Name of the key that new values are sealed with. */
  readonly current: string;
  /** 32-byte keys by name (at most 255 bytes of UTF-8); old ones stay readable. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
  /** Unsealed values are unreadable; without it they are taken as they are: data from before there was a key. */
  readonly onlySealed?: boolean;
}

export interface ClientCompression {
  readonly algorithm: 'gzip' | 'brotli';
  /** Smaller values are left as they are; default 1024. */
  readonly minBytes?: number;
}

/** The client of `connect` in client.ts. All methods answer results; they reject only for misuse (TypeError). */
export interface JunoClient {
  create(key: Key, value: Payload, options?: WriteOptions): Promise<Result<RecordContext>>;
  get(key: Key, options?: GetOptions): Promise<Result<JunoRecord | null>>;
  update(key: Key, value: Payload, options?: ConditionalOptions): Promise<Result<RecordContext>>;
  set(key: Key, value: Payload, options?: WriteOptions): Promise<Result<SetOutcome>>;
  destroy(key: Key, options?: DestroyOptions): Promise<Result<void>>;
  /** Reads, lets `change` compute the new value (null: leave it), updates under the version read; again after a conflict. */
  compareAndSet(
    key: Key,
    change: (current: JunoRecord | null) => Payload | null,
    options?: WriteOptions,
  ): Promise<Result<RecordContext | null>>;
  batch(operations: readonly BatchOperation[]): Promise<readonly BatchResult[]>;
  locate(key: Key): Promise<Result<Location>>;
  inspect(key: Key): Promise<Result<readonly Readonly<Record<string, unknown>>[]>>;
  /** Waits for what is under way, then closes the connections. */
  close(): Promise<void>;
}
