import type { PageId } from './state.ts';

/** Number on disk: never renumber. Other Redis types come later. */
export const ValueType = { string: 1 } as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];

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

export type Value = InlineString | PagedString;

/**
 * The pages that a pure command can reach. `read` throws NeedPages when a page is not in memory yet: the caller loads
 * it and runs the command again from the start. `write` names a new page under the ballot of this attempt.
 */
export interface PageAccess {
  read(id: PageId): Buffer;
  write(bytes: Buffer): PageId;
}

/** Control flow, not an error: the pages that a command needs before it can run. */
export class NeedPages extends Error {
  override readonly name = 'NeedPages';
  readonly pageIds: readonly PageId[];

  constructor(pageIds: readonly PageId[]) {
    super('pages must be loaded first');
    this.pageIds = pageIds;
  }
}
