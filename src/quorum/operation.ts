import type { Failure } from '../base/failure.ts';
import type { Ballot } from '../record/ballot.ts';
import type { LiveRecord, RecordPast } from '../record/state.ts';
import type { PageAccess, Value } from '../record/value.ts';

/**
 * What a step does to its record; recordVersion, creationTime and lastModified are kept up by `applyChange`.
 * `requestId` (16 bytes as latin1) makes the record remember the change.
 */
export type Change =
  /** New value; creates the record if there is none. `expiresAtMs` 0 = never. Raises recordVersion. */
  | {
      readonly kind: 'put';
      readonly value: Value;
      readonly expiresAtMs: number;
      /** It stands for so many puts in a row, each on what the one before left; without it: for one. */
      readonly times?: number;
      readonly requestId?: string;
      /** Of a restored record: its version, times and requests are these instead. */
      readonly restored?: RecordPast;
    }
  /** Only the expiry changes; the value, recordVersion and lastModified stay. */
  | { readonly kind: 'expire'; readonly expiresAtMs: number }
  /** With a request id also where there is nothing to delete: then the tombstone remembers that. */
  | { readonly kind: 'delete'; readonly requestId?: string };

export interface StepResult<R> {
  readonly reply: R;
  /** Null: the record stays as it is. */
  readonly change: Change | null;
}

export interface RunContext {
  /** Wall clock of this attempt, milliseconds. An expired record is passed as null. */
  readonly nowMs: number;
  readonly pages: PageAccess;
  /** Of the record passed, or what is left of the one before: its request ids are here also where the record is null. */
  readonly past: RecordPast;
  /**
   * The ballot of the write that made what was found: NO_BALLOT if that is absent or has expired, null if another command of
   * the same round has written since.
   */
  readonly origin?: Ballot | null;
}

/**
 * What one command does to one record: a pure function of the record found. It may run several times (after a refused
 * ballot, or once pages have been loaded); only the result of the attempt that holds is answered.
 */
export interface Step<R> {
  /** `read` steps never return a change. */
  readonly access: 'read' | 'write';
  /** `meta`: an inline value's bytes may be null in the record passed to `run`; paged roots are always there. */
  readonly needs: 'meta' | 'value';
  /** A record that a restore has begun to write, and not ended, is passed to it; all others are passed null. */
  readonly seesUnfinished?: true;
  run(record: LiveRecord | null, context: RunContext): StepResult<R>;
  /**
   * What comes of `times` runs in a row, each on what the one before left, where each of them puts a value: appends their replies
   * and returns the one change that they come to. Null, with nothing appended: they are to be run one by one. For what many
   * clients do to one key at a time.
   */
  runMany?(record: LiveRecord | null, context: RunContext, times: number, replies: R[]): Change | null;
}

export type Outcome<R> = { readonly ok: true; readonly reply: R } | { readonly ok: false; readonly failure: Failure };

/** A step on its way. `done` is called exactly once. */
export interface Operation<R> {
  readonly namespace: number;
  readonly key: Buffer;
  readonly step: Step<R>;
  done(outcome: Outcome<R>): void;
}
