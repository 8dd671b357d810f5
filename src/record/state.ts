import type { Ballot } from './ballot.ts';
import type { Value } from './value.ts';

/** 16 bytes as a latin1 string of 16 characters (one char = one byte): compares, hashes and travels without copies. */
export type RecordId = string;

/** 16 bytes as latin1 characters: ballot time (8, big endian), proposer (4), index within the write (4). */
export type PageId = string;

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
  readonly lineage: readonly Ballot[];
  /** The lineage reaches back to absent: nothing was cut off. */
  readonly birth: boolean;
  /** Wall clock milliseconds; 0 means never. */
  readonly expiresAtMs: number;
  readonly sizeBytes: number;
  readonly namespace: number;
  readonly generation: number;
  readonly paged: boolean;
}

/**
 * A state as it is stored and sent. Immutable: passed by reference between the rooms of one process.
 * `meta` holds everything but a larger inline value; a value up to limits.embeddedValueBytes is inside `meta`.
 */
export interface SealedState {
  readonly header: StateHeader;
  /** Sealed RecordContent without a separate value; empty for a dead state that was made from absent. */
  readonly meta: Buffer;
  /** Sealed inline value; empty if embedded, paged or dead; null if it was not asked for. */
  readonly value: Buffer | null;
  /** The header's bytes, where they have been made already: reading them beats gathering the lineage's ballots again. */
  readonly headerBytes?: Buffer | undefined;
}

/** One remembered request, so that a repeat answers what the first one answered. Filled by Juno's commands. */
export interface RequestRecord {
  /** UUID, 16 bytes as latin1. */
  readonly requestId: string;
  readonly recordVersion: number;
  readonly appliedAtMs: number;
}

/** What the seal hides. A tombstone keeps `requestIds`; its value is null. */
export interface RecordContent {
  /** The whole Redis key. Needed by KEYS, SCAN and RANDOMKEY. */
  readonly key: Buffer;
  /** Juno's counter: 1 on creation, +1 on every change of the value. */
  readonly recordVersion: number;
  readonly creationTimeMs: number;
  readonly lastModifiedMs: number;
  readonly requestIds: readonly RequestRecord[];
  /** Null for a tombstone. */
  readonly value: Value | null;
}

/** A live record as commands see it. */
export interface LiveRecord {
  readonly key: Buffer;
  readonly recordVersion: number;
  readonly creationTimeMs: number;
  readonly lastModifiedMs: number;
  readonly requestIds: readonly RequestRecord[];
  /** 0 = never. */
  readonly expiresAtMs: number;
  /** `sizeBytes` of the header: the length of a string. */
  readonly sizeBytes: number;
  readonly value: Value;
}
