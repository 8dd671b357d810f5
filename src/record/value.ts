import type { PageId, RecordId } from './state.ts';

/** Number on disk: never renumber. */
export const ValueType = { string: 1, hash: 2, set: 3, list: 4, zset: 5 } as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];
export type CollectionType = Exclude<ValueType, typeof ValueType.string>;

/**
 * How Redis would keep a collection: it decides in which order elements are listed, and what OBJECT ENCODING says.
 * A number on disk: never renumber.
 */
export const Encoding = { listpack: 1, hashtable: 2, intset: 3, quicklist: 4, skiplist: 5 } as const;
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

/** A string whose bytes are here. Never modified in place. */
export interface InlineString {
  readonly type: typeof ValueType.string;
  readonly paged: false;
  /** Null where only the metadata was asked for (`needs: 'meta'`). */
  readonly bytes: Buffer | null;
}

/**
 * A string in pages: a radix tree over fixed-size leaves. `root` lists leaves (depth 0) or inner pages (depth 1),
 * an inner page lists leaves. The empty string '' as an id is a hole: that many zero bytes.
 */
export interface PagedString {
  readonly type: typeof ValueType.string;
  readonly paged: true;
  readonly length: number;
  readonly depth: 0 | 1;
  readonly root: readonly PageId[];
}

export type StringValue = InlineString | PagedString;

/** When fields of a hash expire: wall clock milliseconds. Only a hash with such fields has this. */
export interface FieldTimes {
  /** No field expires before. */
  readonly soonestMs: number;
  /** When the last field expires, and the hash with it; 0 where some field never does. */
  readonly vanishesAtMs: number;
}

/** A collection whose elements are here, packed as `packed-items.ts` has it. Never modified in place. */
export interface InlineCollection {
  readonly type: CollectionType;
  readonly paged: false;
  readonly fieldTimes?: FieldTimes;
  /** Null where only the metadata was asked for (`needs: 'meta'`). */
  readonly bytes: Buffer | null;
}

/**
 * A counted B+tree (`tree-node.ts`). `root` is a node whose bytes are in the record; at depth 0 it is a leaf, else its
 * children are pages.
 */
export interface Tree {
  /** Elements. */
  readonly count: number;
  /** Of all keys and values. */
  readonly bytes: number;
  readonly depth: number;
  readonly root: Buffer;
}

/**
 * A collection in pages: by field, member or position; two trees over the same elements (a sorted set); or three (a hash some
 * of whose fields expire, `hash-times.ts`).
 */
export interface PagedCollection {
  readonly type: CollectionType;
  readonly paged: true;
  readonly fieldTimes?: FieldTimes;
  readonly encoding: Encoding;
  /** Bytes of the elements, each once. */
  readonly length: number;
  readonly trees: readonly Tree[];
}

export type CollectionValue = InlineCollection | PagedCollection;

export type Value = StringValue | CollectionValue;

/**
 * The pages that a pure command can reach. `read` throws NeedPages when a page is not in memory yet: the caller loads
 * it and runs the command again from the start. `write` names a new page under the ballot of this attempt.
 */
export interface PageAccess {
  /** Whose pages these are, where they can still be read when the command has ended. */
  readonly recordId?: RecordId | undefined;
  read(id: PageId): Buffer;
  write(bytes: Buffer): PageId;
}

/** Control flow, not an error: the pages that a command needs before it can run. */
export class NeedPages extends Error {
  override readonly name = 'NeedPages';
  readonly pageIds: readonly PageId[];

  constructor(pageIds: readonly PageId[]) {
    // Nobody looks at where it was thrown, and finding that out takes longer than all that a command does with a page.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super('pages must be loaded first');
    Error.stackTraceLimit = stackTraceLimit;
    this.pageIds = pageIds;
  }
}
