import type { Ballot } from './ballot.ts';
import type { BallotRow } from './ballot-row.ts';
import { type Value, ValueType } from './value.ts';

/** 16 bytes as a latin1 string of 16 characters (one char = one byte): compares, hashes and travels without copies. */
export type RecordId = string;

/** 16 bytes as latin1 characters: ballot time (8, big endian), proposer (4), index within the write (4). */
export type PageId = string;

/** Stands for a namespace where there is none: records of transactions (protocol §9) belong to no clients' namespace. */
export const NO_NAMESPACE = 0xffff_ffff;

/** Absent is no state at all (null); a state is dead (a tombstone) or live. */
export const StateKind = { dead: 1, live: 2 } as const;
export type StateKind = (typeof StateKind)[keyof typeof StateKind];

/**
 * The part of a state that storage nodes read (protocol §2). A repair keeps all of it, so the seal binds all of it.
 * `sizeBytes` is the logical size of the value; `paged` says that the value is a page tree.
 */
export interface StateHeader {
  readonly kind: StateKind;
  /** The ballot of the write that made this value; NO_BALLOT for a dead state made from absent. */
  readonly origin: Ballot;
  /** Origins of the last LINEAGE_LENGTH values, newest first; the first equals `origin` unless that is NO_BALLOT. */
  readonly lineage: BallotRow;
  /** The lineage reaches back to absent: nothing was cut off. */
  readonly birth: boolean;
  /** Wall clock milliseconds; 0 means never. Of a dead state: it must not be purged before then. */
  readonly expiresAtMs: number;
  readonly sizeBytes: number;
  readonly namespace: number;
  readonly generation: number;
  readonly paged: boolean;
  /** The sealed content remembers request ids: a node, which cannot seal them, leaves the record alone while they count. */
  readonly remembers: boolean;
}

/**
 * A state as it is stored and sent. Immutable: passed by reference between the rooms of one process.
 * `meta` holds everything but a larger inline value; a value up to limits.embeddedValueBytes is inside `meta`.
 */
export interface SealedState {
  readonly header: StateHeader;
  /** Sealed RecordContent without a separate value; empty for a dead state that was made from absent, or by a node. */
  readonly meta: Buffer;
  /** Sealed inline value; empty if embedded, paged or dead; null if it was not asked for. */
  readonly value: Buffer | null;
  /** A transaction wants to change the record, or has read it, and may be undecided yet (protocol §9). Always whole. */
  readonly intent?: Intent;
  /** `meta` and `value` lie in here, as they will be stored. */
  readonly room?: StoredRoom;
}

/** Memory for a record as it is stored, into which its parts are sealed at once: a large value is not copied for that. */
export interface StoredRoom {
  readonly bytes: Buffer;
  /** Made into a stored record, which never changes: the state under another ballot needs bytes of its own. */
  isTaken: boolean;
}

/** Where a record is, whoever asks; the map adds the epochs. */
export interface RecordPlace {
  readonly id: RecordId;
  readonly shard: number;
  readonly namespace: number;
  readonly generation: number;
}

/**
 * Which pages a paged state rests on. `complete`: `added` is the full list and the base does not matter. Otherwise the
 * node's own origin must be the base's, and `added` are the pages that the state adds to it.
 */
export interface PageManifest {
  readonly complete: boolean;
  readonly added: readonly PageId[];
  readonly dropped: readonly PageId[];
}

/** What a transaction leaves at each of its records until it is resolved (protocol §9.2). */
export interface Intent {
  /** The id of the transaction's own record, T. */
  readonly transaction: RecordId;
  /** Of T. */
  readonly shard: number;
  /** B_T: under which all of its records were prepared. */
  readonly ballot: Ballot;
  /** All of its records, or, of a large transaction, only this one. */
  readonly records: readonly RecordPlace[];
  /** The state that holds if T is committed; null: the present one, for it was only read. */
  readonly proposed: SealedState | null;
  /** Of `proposed`, over the present state. */
  readonly pages: PageManifest | null;
}

/** What a remembered request did. A number on disk: never renumber. */
export const RequestAction = { created: 1, updated: 2, destroyed: 3 } as const;
export type RequestAction = (typeof RequestAction)[keyof typeof RequestAction];

/** One remembered request with its whole answer, so that a repeat answers what the first one answered. */
export interface RequestRecord {
  /** UUID, 16 bytes as latin1. */
  readonly requestId: string;
  readonly action: RequestAction;
  /** The record as this request left it; of a destroyed one what it was before, or zeros. */
  readonly recordVersion: number;
  readonly creationTimeMs: number;
  readonly expiresAtMs: number;
  readonly appliedAtMs: number;
}

/** The writes with a request id that a record remembers (`request-history.ts`). */
export interface RequestHistory {
  /** In the order in which they were applied. */
  readonly entries: readonly RequestRecord[];
  /** Ids whose own time is not after this may have been forgotten; 0: none was. */
  readonly forgottenUntilMs: number;
  /** An id that carries no time was forgotten. */
  readonly forgotUntimed: boolean;
}

/** What outlives a record's deletion, in its tombstone. All zero and empty where nothing was ever heard of the record. */
export interface RecordPast {
  readonly recordVersion: number;
  readonly creationTimeMs: number;
  readonly lastModifiedMs: number;
  readonly requests: RequestHistory;
}

/** The `lastModifiedMs` of a record that a restore writes in pieces, until the last one; no record that clients made has this. */
export const UNFINISHED_MS = 0;

/** Nobody but the restore may see it. */
export function isUnfinished(past: RecordPast): boolean {
  return past.lastModifiedMs === UNFINISHED_MS;
}

/** What the seal hides. A tombstone keeps its past; its value is null. */
export interface RecordContent extends RecordPast {
  /** The whole Redis key. Needed by KEYS, SCAN and RANDOMKEY. */
  readonly key: Buffer;
  /** Juno's counter: 1 on creation, +1 on every change of the value. */
  readonly recordVersion: number;
  /** Null for a tombstone. */
  readonly value: Value | null;
  /** Of a value with field times: the expiry of the key itself, 0 = never. The header has the sooner of that and of the last field. */
  readonly keyExpiresAtMs?: number;
}

/** A live record as commands see it. */
export interface LiveRecord extends RecordPast {
  readonly key: Buffer;
  /** Of the key, 0 = never; a hash whose fields all expire may end before (`endsAtMs`). */
  readonly expiresAtMs: number;
  /** `sizeBytes` of the header: the length of a string. */
  readonly sizeBytes: number;
  readonly value: Value;
}

/** When a record ends by itself, by its key's expiry or by that of its last field: milliseconds, 0 = never. */
export function endsAtMs({ expiresAtMs, value }: Pick<LiveRecord, 'expiresAtMs' | 'value'>): number {
  if (value.type !== ValueType.hash || value.fieldTimes === undefined) return expiresAtMs;
  const { vanishesAtMs } = value.fieldTimes;
  if (vanishesAtMs === 0 || expiresAtMs === 0) return Math.max(vanishesAtMs, expiresAtMs);
  return Math.min(vanishesAtMs, expiresAtMs);
}
