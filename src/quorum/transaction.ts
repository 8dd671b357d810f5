import type { Ballot } from '../record/ballot.ts';
import type { LiveRecord, RecordPast } from '../record/state.ts';
import type { PageAccess } from '../record/value.ts';
import type { Outcome, Step } from './operation.ts';

/** One of the records of a transaction. */
export interface TransactionKey {
  readonly namespace: number;
  readonly key: Buffer;
}

/**
 * The records of a transaction as its commands see them, by their place in `TransactionOperation.keys`: as they were found,
 * with what earlier steps of the same transaction made of them.
 */
export interface TransactionView<R> {
  /** Wall clock of this attempt, milliseconds. An expired record counts as absent. */
  readonly nowMs: number;
  /** The record as it is by now; null if absent, dead or expired. */
  live(index: number): LiveRecord | null;
  /** Of that record, or what is left of the one before. */
  past(index: number): RecordPast;
  /** Its pages: reading one that is not in memory throws NeedPages, and the transaction runs again once it is there. */
  pages(index: number): PageAccess;
  /** Runs one step on the record; what it changes, later steps see. */
  apply(index: number, step: Step<R>): R;
  /** What is called back takes all records to where they are now: for a command that is given up halfway. */
  save(): () => void;
  /**
   * The ballot of the write that made the record that was found, a tombstone's too; NO_BALLOT if it was absent, or found expired.
   * Equal to what was watched (`RunContext.origin`): the record was not written in between.
   */
  origin(index: number): Ballot;
}

/**
 * Commands over several records, atomic and isolated (protocol §9): MULTI/EXEC, MSET, RENAME, SINTERSTORE ... `done` is called
 * exactly once.
 */
export interface TransactionOperation<R> {
  /** Each record once; at most limits.transactionRecords. */
  readonly keys: readonly TransactionKey[];
  /** `read`: `run` changes nothing, and gets a snapshot. */
  readonly access: 'read' | 'write';
  /** As in `Step`. */
  readonly needs: 'meta' | 'value';
  /** Pure but for the view; may run several times, and only the reply of the attempt that holds is answered. */
  run(view: TransactionView<R>): R;
  done(outcome: Outcome<R>): void;
}
