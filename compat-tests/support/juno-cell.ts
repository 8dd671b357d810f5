import type { AdapterName, Answer, Call } from './juno-adapters.ts';

/** Answers must have what is named here; a TTL (but null) may be less by the time that has passed. */
export type Expected = Partial<Answer>;

/** A step of the set-up: an operation, a command of Redis on the cell's key (`KEY`), or time that passes. */
export type SetUp = Call | { readonly redis: readonly string[] } | { readonly waitMs: number };

/** What a cell may refer to: the set-up's answers so far, and request ids of its own. */
export interface Seen {
  readonly answers: readonly Answer[];
  /** UUIDs of version 7, the n-th always the same one, each later than those before. */
  id(n: number): string;
}

type Of<T> = T | ((seen: Seen) => T);

/** One cell of the table in docs/juno.md: what one client must see of one operation under one condition. */
export interface Cell {
  /** The row's name on the page. */
  readonly row: string;
  readonly shows: string;
  readonly setUp?: readonly Of<SetUp>[];
  readonly call: Of<Call>;
  readonly expected: Of<Expected>;
  /** What a get answers afterwards. */
  readonly after?: Of<Expected>;
  /** Default: `default`. The test makes the others. */
  readonly namespace?: 'other' | 'limited';
  /** Default: one of its own. */
  readonly key?: string;
  /** Clients whose types do not let it be said; the page says `none` for them. */
  readonly without?: AdapterName;
}

/** Limits of the namespace `limited`. */
export const LIMITED = { maxKeyBytes: 100, maxValueBytes: 1000, maxTtlMs: 3_600_000, defaultTtlMs: 1_800_000 };

/** What the n-th answer of the set-up says of the record: to expect it, or as the condition of a write. */
export function context(seen: Seen, n: number): { recordVersion: number; creationTimeMs: number } {
  const { recordVersion = 0, creationTimeMs = 0 } = seen.answers[n] ?? {};
  return { recordVersion, creationTimeMs };
}
