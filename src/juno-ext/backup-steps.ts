import { createHash } from 'node:crypto';
import { isString } from '../proxy/values/string-value.ts';
import type { RunContext, Step, StepResult } from '../quorum/operation.ts';
import { readRange, stringFromBytes, stringLength, writeRange } from '../record/paged-string.ts';
import type { LiveRecord, RecordContent, RecordPast } from '../record/state.ts';
import type { Reply } from '../resp/reply.ts';

/** A record out of a backup, without its value. */
export interface BackedUpRecord {
  /** Key and past; its value is null. */
  readonly content: RecordContent;
  /** 0 = never. */
  readonly expiresAtMs: number;
  /** Length of the whole value. */
  readonly sizeBytes: number;
}

/** What a restore answers for a record; all but `written` and `deleted` left the cluster as it was. */
export type RestoreReply =
  | 'written'
  /** It was there already, the very same. */
  | 'same'
  /** What the cluster has is newer, or there although the namespace was empty. */
  | 'kept'
  | 'expired'
  | 'deleted'
  | 'absent';

/** Of a value that came in part; no record that clients made has this. */
const UNFINISHED_MS = 0;

/**
 * Writes one piece of a record's value, the first at offset 0. A record whose last piece has not come is known by its
 * `lastModifiedMs`, so that a restore that begins again writes it anew. Every piece may be repeated.
 */
export class RestoreStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs: 'meta' | 'value';
  readonly #record: BackedUpRecord;
  readonly #offset: number;
  readonly #bytes: Buffer;
  readonly #overOlder: boolean;

  /** `overOlder`: a record that was last modified before this one is replaced. */
  constructor(record: BackedUpRecord, offset: number, bytes: Buffer, overOlder: boolean) {
    this.#record = record;
    this.#offset = offset;
    this.#bytes = bytes;
    this.#overOlder = overOlder;
    this.needs = offset === 0 ? 'meta' : 'value';
  }

  run(found: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    const { content, expiresAtMs, sizeBytes } = this.#record;
    if (expiresAtMs !== 0 && expiresAtMs <= nowMs) return only('expired');
    if (found !== null && found.lastModifiedMs !== UNFINISHED_MS) {
      if (difference(found, this.#record) === null) return only('same');
      const isOlder = found.lastModifiedMs < content.lastModifiedMs;
      if (this.#offset > 0 || !this.#overOlder || !isOlder) return only('kept');
    }
    if (this.#offset > 0 && found?.recordVersion !== content.recordVersion) return only('kept');
    if (this.#offset > 0 && found !== null && !isString(found)) return only('kept');
    const value =
      this.#offset === 0 || found === null
        ? stringFromBytes(this.#bytes, pages)
        : writeRange(isString(found) ? found.value : null, this.#offset, this.#bytes, pages);
    const isLast = this.#offset + this.#bytes.length === sizeBytes;
    const restored: RecordPast = {
      recordVersion: content.recordVersion,
      creationTimeMs: content.creationTimeMs,
      lastModifiedMs: isLast ? content.lastModifiedMs : UNFINISHED_MS,
      requests: content.requests,
    };
    return { reply: 'written' satisfies RestoreReply, change: { kind: 'put', value, expiresAtMs, restored } };
  }
}

/** Deletes a record that the backup says was deleted, if it is still as that backup knew it, or older. */
export function dropStep({ content }: BackedUpRecord): Step<Reply> {
  return {
    access: 'write',
    needs: 'meta',
    run(found) {
      if (found === null) return only('absent');
      const isKnown = found.creationTimeMs === content.creationTimeMs && found.lastModifiedMs <= content.lastModifiedMs;
      return isKnown ? { reply: 'deleted' satisfies RestoreReply, change: { kind: 'delete' } } : only('kept');
    },
  };
}

/**
 * Compares a record with one of a backup: `same`, `absent`, `expired`, or the name of the first field that differs. Of
 * the value, the piece from `offset` on, `length` bytes, by its SHA-256.
 */
export function checkStep(record: BackedUpRecord, offset: number, length: number, sha256: Buffer): Step<Reply> {
  return {
    access: 'read',
    needs: 'value',
    run(found, { nowMs, pages }) {
      if (record.expiresAtMs !== 0 && record.expiresAtMs <= nowMs) return { reply: 'expired', change: null };
      if (found === null) return { reply: 'absent', change: null };
      const field = difference(found, record);
      if (field !== null) return { reply: field, change: null };
      const hash = createHash('sha256');
      if (!isString(found)) return { reply: 'type', change: null };
      if (stringLength(found.value) !== record.sizeBytes) return { reply: 'size', change: null };
      for (const piece of readRange(found.value, offset, offset + length, pages)) hash.update(piece);
      return { reply: hash.digest().equals(sha256) ? 'same' : 'value', change: null };
    },
  };
}

function only(reply: RestoreReply): StepResult<Reply> {
  return { reply, change: null };
}

/** The first field beside the value's bytes that differs, or null. */
function difference(found: LiveRecord, { content, expiresAtMs, sizeBytes }: BackedUpRecord): string | null {
  if (found.recordVersion !== content.recordVersion) return 'version';
  if (found.creationTimeMs !== content.creationTimeMs) return 'created';
  if (found.lastModifiedMs !== content.lastModifiedMs) return 'modified';
  if (found.expiresAtMs !== expiresAtMs) return 'expiry';
  return found.sizeBytes === sizeBytes ? null : 'size';
}
