import { assert } from '../../base/assert.ts';
import type { Change, RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import {
  type CollectionType,
  type CollectionValue,
  type Encoding,
  type PageAccess,
  ValueType,
} from '../../record/value.ts';
import { BulkEncoder } from '../../resp/bulk-encoder.ts';
import { BulkItems, type Reply } from '../../resp/reply.ts';
import { HashView } from './hash-view.ts';
import type { KeyedElement } from './keyed-elements.ts';
import { type KeyedReader, KeyedView, type Width } from './keyed-view.ts';
import { type Listing, listed } from './paged-items.ts';
import { WRONG_TYPE } from './string-value.ts';

/** What tells a hash from a set, or from a sorted set by member. */
export interface Kind {
  readonly type: CollectionType;
  readonly width: Width;
  /** How values are answered, where that is not as they are kept. */
  readonly shown?: ShownValues;
}

export interface ShownValues {
  /** The option that asks for them, in lower case. */
  readonly token: string;
  text(value: Buffer): Buffer;
  /** Where a scan answers another text: it shows what is kept, in Redis. */
  scanText(value: Buffer, encoding: Encoding): Buffer;
  /** Where each element is an array of its own. */
  reply(value: Buffer): Reply;
}

export const HASH: Kind = { type: ValueType.hash, width: 2 };
export const SET: Kind = { type: ValueType.set, width: 1 };

export const EMPTY_ARRAY = new BulkItems('array', 0, 0, []);
export const EMPTY_SET = new BulkItems('set', 0, 0, []);
export const EMPTY_MAP = new BulkItems('map', 0, 0, []);

/** What a bulk string costs beside its bytes, about. */
const BULK_OVERHEAD_BYTES = 8;

/** A collection of this kind as it is at a moment. May throw NeedPages. */
export function viewOf({ width }: Kind, value: CollectionValue, nowMs: number, pages: PageAccess): KeyedReader {
  return value.fieldTimes === undefined ? new KeyedView(value, width, pages) : new HashView(value, nowMs, pages);
}

/** Reads a collection. */
export class KeyedReadStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  readonly #kind: Kind;
  readonly #missing: Reply;
  readonly #read: (view: KeyedReader, record: LiveRecord, nowMs: number) => Reply;

  /** `missing`: the reply where there is no such key. */
  constructor(kind: Kind, missing: Reply, read: (view: KeyedReader, record: LiveRecord, nowMs: number) => Reply) {
    this.#kind = kind;
    this.#missing = missing;
    this.#read = read;
  }

  run(record: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    if (record === null) return { reply: this.#missing, change: null };
    const { value } = record;
    if (value.type === ValueType.string || value.type !== this.#kind.type) return WRONG_TYPE;
    return { reply: this.#read(viewOf(this.#kind, value, nowMs, pages), record, nowMs), change: null };
  }
}

/** What a command makes of a collection; `value` undefined: it stays as it is, null: nothing is left of it. */
export interface KeyedChange {
  readonly reply: Reply;
  readonly value?: CollectionValue | null;
}

export const changesNothing = (reply: Reply): KeyedChange => ({ reply });

/** Changes a collection, which may not exist yet; its expiry stays. */
export class KeyedWriteStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #kind: Kind;
  readonly #write: (value: CollectionValue | null, pages: PageAccess, nowMs: number) => KeyedChange;

  constructor(kind: Kind, write: (value: CollectionValue | null, pages: PageAccess, nowMs: number) => KeyedChange) {
    this.#kind = kind;
    this.#write = write;
  }

  run(record: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    let before: CollectionValue | null = null;
    if (record !== null) {
      const { value } = record;
      if (value.type === ValueType.string || value.type !== this.#kind.type) return WRONG_TYPE;
      before = value;
    }
    const { reply, value } = this.#write(before, pages, nowMs);
    return { reply, change: value === undefined ? null : changeTo(value, record) };
  }
}

function changeTo(value: CollectionValue | null, record: LiveRecord | null): Change | null {
  if (value !== null) return { kind: 'put', value, expiresAtMs: record?.expiresAtMs ?? 0 };
  return record === null ? null : { kind: 'delete' };
}

/** Answers all elements of a collection: their names, their values, or both. */
export class ListElementsStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  readonly #kind: Kind;
  readonly #form: BulkItems['kind'];
  readonly #what: 'names' | 'values' | 'both';
  readonly #mayStream: boolean;

  /** `mayStream`: a long reply may be PagedItems. */
  constructor(kind: Kind, form: BulkItems['kind'], what: 'names' | 'values' | 'both', mayStream: boolean) {
    this.#kind = kind;
    this.#form = form;
    this.#what = what;
    this.#mayStream = mayStream;
  }

  run(record: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    const [form, what] = [this.#form, this.#what];
    if (record === null) return { reply: new BulkItems(form, 0, 0, []), change: null };
    const { value, sizeBytes } = record;
    const kind = this.#kind;
    if (value.type === ValueType.string || value.type !== kind.type) return WRONG_TYPE;
    const view = viewOf(kind, value, nowMs, pages);
    const elements = view.count;
    const bytes = view instanceof HashView ? view.liveBytes(sizeBytes) : sizeBytes;
    const listing: Listing = {
      kind: form,
      elements,
      itemsEach: what === 'both' ? 2 : 1,
      elementBytes: Math.ceil(bytes / elements) + 2 * BULK_OVERHEAD_BYTES,
      read(from, to, access): BulkItems {
        const encoder = new BulkEncoder((to - from) * this.elementBytes);
        const see = (name: Buffer, one: Buffer): void => {
          if (what !== 'values') encoder.add(name);
          if (what !== 'names') encoder.add(one);
        };
        // What expires while the reply is sent stays in it.
        viewOf(kind, value, nowMs, access).visit(see, from, to);
        return encoder.finish(form);
      },
    };
    return { reply: listed(listing, pages, this.#mayStream), change: null };
  }
}

/** The same elements with other values. */
export function withValues(
  elements: readonly KeyedElement[],
  change: (value: Buffer) => Buffer,
): readonly KeyedElement[] {
  return elements.map(({ name, value }) => ({ name, value: change(value) }));
}

/** These elements' names, and with `withValues` each one's value after it. */
export function encodeElements(
  elements: readonly KeyedElement[],
  kind: BulkItems['kind'],
  withValues: boolean,
): BulkItems {
  let bytes = 0;
  for (const { name, value } of elements) bytes += name.length + value.length + 2 * BULK_OVERHEAD_BYTES;
  const encoder = new BulkEncoder(bytes);
  for (const { name, value } of elements) {
    encoder.add(name);
    if (withValues) encoder.add(value);
  }
  return encoder.finish(kind);
}

/** The arguments from `first` on, every `step`th. */
export function argumentsFrom(args: readonly Buffer[], first: number, step = 1): Buffer[] {
  const found: Buffer[] = [];
  for (let i = first; i < args.length; i += step) {
    const argument = args[i];
    assert(argument !== undefined, 'an argument is there');
    found.push(argument);
  }
  return found;
}
