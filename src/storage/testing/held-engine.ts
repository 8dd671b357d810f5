import { assert } from '../../base/assert.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineFailureKind,
  type EngineRange,
} from '../engine.ts';
import type { LiveUse } from '../live-use.ts';
import { MemoryEngine } from '../memory-engine.ts';

export type EngineCall = 'get' | 'write' | 'sync' | 'scan';

/**
 * An engine in the hands of a test: calls wait until they are let through, or fail as told. Over memory, but it says that
 * it is durable, and counts. A failed write changes nothing.
 */
export class HeldEngine implements Engine {
  readonly name = 'memory';
  readonly supports: { readonly durable: boolean };
  readonly inner = new MemoryEngine();
  /** Every call in order, as `write 3`: its kind, and how many keys or changes. */
  readonly calls: string[] = [];
  readonly #held = new Set<EngineCall>();
  readonly #failing = new Map<EngineCall, EngineFailureKind>();
  readonly #waiting: { readonly kind: EngineCall; readonly run: (failure: EngineFailureKind | undefined) => void }[] =
    [];
  #writing = false;

  constructor(durable = true) {
    this.supports = { durable };
  }

  hold(...kinds: EngineCall[]): void {
    for (const kind of kinds) this.#held.add(kind);
  }

  /** Lets the oldest waiting call of this kind through, or makes it fail. */
  release(kind: EngineCall, failure?: EngineFailureKind): void {
    const index = this.#waiting.findIndex((call) => call.kind === kind);
    assert(index >= 0, `a ${kind} waits`);
    this.#waiting.splice(index, 1)[0]?.run(failure);
  }

  /** Lets all calls of this kind through from now on. */
  flow(kind: EngineCall): void {
    this.#held.delete(kind);
    while (this.waiting(kind) > 0) this.release(kind);
  }

  /** All calls of this kind fail until told otherwise. */
  fail(kind: EngineCall, failure: EngineFailureKind | null): void {
    if (failure === null) this.#failing.delete(kind);
    else this.#failing.set(kind, failure);
  }

  waiting(kind: EngineCall): number {
    return this.#waiting.filter((call) => call.kind === kind).length;
  }

  /** Puts bytes where a disk would have damaged them: behind the node's back. */
  plant(key: Buffer, value: Buffer | null): void {
    this.inner.write([{ key, value }], () => {});
  }

  stored(key: Buffer): Buffer | null {
    let value: Buffer | null = null;
    this.inner.getMany([key], (_error, values) => {
      value = values?.[0] ?? null;
    });
    return value;
  }

  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void {
    this.#call('get', keys.length, callback, () => this.inner.getMany(keys, callback));
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    assert(!this.#writing, 'one write batch in flight at a time');
    this.#writing = true;
    const done: EngineCallback<void> = (error) => {
      this.#writing = false;
      callback(error, undefined);
    };
    this.#call('write', changes.length, done, () => this.inner.write(changes, done));
  }

  sync(callback: EngineCallback<void>): void {
    this.#call('sync', 0, callback, () => this.inner.sync(callback));
  }

  scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    this.#call('scan', 0, callback, () => this.inner.scan(range, callback));
  }

  liveUse(isCurrent: (namespace: number, generation: number) => boolean): LiveUse {
    return this.inner.liveUse(isCurrent);
  }

  sizeBytes(): number {
    return this.inner.sizeBytes();
  }

  close(callback: EngineCallback<void>): void {
    this.inner.close(callback);
  }

  #call<T>(kind: EngineCall, count: number, callback: EngineCallback<T>, through: () => void): void {
    this.calls.push(count === 0 ? kind : `${kind} ${count}`);
    const run = (failure: EngineFailureKind | undefined): void => {
      const fails = failure ?? this.#failing.get(kind);
      if (fails === undefined) through();
      else callback(new EngineError(fails, `told to fail: ${fails}`), undefined);
    };
    if (this.#held.has(kind)) this.#waiting.push({ kind, run });
    else run(undefined);
  }
}
