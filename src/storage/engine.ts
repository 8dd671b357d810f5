import type { LiveUse } from './live-use.ts';

/** One change within an atomic batch. `value` null deletes. The buffers must not be touched until the batch is done. */
export interface EngineChange {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export interface EngineEntry {
  readonly key: Buffer;
  /** Empty when `keysOnly` was asked for. */
  readonly value: Buffer;
}

/** Keys in byte order; `from` inclusive, `to` exclusive. */
export interface EngineRange {
  readonly from: Buffer;
  readonly to: Buffer;
  readonly limit: number;
  /** Stop after so many bytes of keys and values (at least one entry is returned). */
  readonly limitBytes: number;
  readonly keysOnly: boolean;
}

export type EngineFailureKind = 'io' | 'full' | 'corrupt' | 'closed';

/** An expected failure of a disk, given to callbacks, never thrown by a call. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineFailureKind;

  constructor(kind: EngineFailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Error first; the result is undefined exactly when there is an error. */
export type EngineCallback<T> = (error: EngineError | null, result: T | undefined) => void;

/** What an engine tells of itself, for operators: numbers by their names, with units in these; see docs/metrics.md. */
export type EngineFigures = Readonly<Record<string, number>>;

/**
 * An ordered map of bytes to bytes: what a storage node needs of a disk. Callbacks may be called before the call returns.
 * The conformance suite (`engine-conformance.ts`) says what each engine must do; differences are declared in `supports`.
 */
export interface Engine {
  readonly name: 'memory' | 'rocksdb';
  readonly supports: { readonly durable: boolean };
  /** Results in the order of the keys; null where there is none. Sees every batch whose callback was called. */
  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void;
  /**
   * Applies all changes or none, in order (a later change of a key wins). The callback means: survives the end of this
   * process. At most one batch in flight; the caller's duty (asserted).
   */
  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void;
  /** Everything whose write callback was called before now survives a loss of power once the callback comes. */
  sync(callback: EngineCallback<void>): void;
  /** Sees every batch whose callback was called. Stops before the range's end only at its limits (`mayHaveMore`). */
  scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void;
  /**
   * Gives back to the disk what room it can without merging everything: what was deleted or overwritten before it was
   * written out, and its log. Takes long; one at a time; absent where there is nothing to do.
   */
  reclaim?(callback: EngineCallback<void>): void;
  /** Cheap enough for every few seconds; null where there is nothing to tell. Absent where there never is. */
  figures?(callback: (figures: EngineFigures | null) => void): void;
  /** What the live records take, of generations that are current; cheap at any time. Absent where it is not counted. */
  liveUse?(isCurrent: (namespace: number, generation: number) => boolean): LiveUse;
  /** Approximate bytes on disk or in memory. */
  sizeBytes(): number;
  /** Waits for what is in flight; nothing may be called after it. Bounded in time. */
  close(callback: EngineCallback<void>): void;
}

/** Whether a scan that found these was stopped by its limits. If not, the range holds nothing else. */
export function mayHaveMore(
  entries: readonly EngineEntry[],
  { limit, limitBytes }: Pick<EngineRange, 'limit' | 'limitBytes'>,
): boolean {
  if (entries.length >= limit) return true;
  let bytes = 0;
  for (const { key, value } of entries) bytes += key.length + value.length;
  return bytes >= limitBytes;
}
