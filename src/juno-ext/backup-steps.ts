import { createHash } from 'node:crypto';
import { isString } from '../proxy/values/string-value.ts';
import type { RunContext, Step, StepResult } from '../quorum/operation.ts';
import { readRange, stringFromBytes, stringLength, writeRange } from '../record/paged-string.ts';
import type { LiveRecord } from '../record/state.ts';
import { type PageAccess, type Value, ValueType } from '../record/value.ts';
import type { Reply } from '../resp/reply.ts';
import {
  type BackedUpRecord,
  difference,
  kept,
  keyExpiryOf,
  only,
  pastOf,
  type RestoreReply,
  refusal,
  written,
} from './backup-record.ts';
import { elementsOf } from './backup-trees.ts';

/**
 * Writes one piece of a string, the first at offset 0, or a small collection. A record whose last piece has not come is known
 * by its `lastModifiedMs`: nobody sees it, and a restore that begins again writes it anew. Every piece may be repeated.
 */
export class RestoreStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs: 'meta' | 'value';
  readonly seesUnfinished = true;
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
    const { content, sizeBytes } = this.#record;
    const refused = refusal(found, this.#record, nowMs, this.#offset === 0 && this.#overOlder);
    if (refused !== null) return refused;
    if (this.#offset > 0 && found?.recordVersion !== content.recordVersion) return kept();
    if (this.#offset > 0 && found !== null && !isString(found)) return kept();
    const isLast = this.#offset + this.#bytes.length === sizeBytes;
    return written({
      kind: 'put',
      value: this.#value(found, content.value, pages),
      expiresAtMs: keyExpiryOf(this.#record),
      restored: pastOf(this.#record, isLast),
    });
  }

  #value(found: LiveRecord | null, outline: Value | null, pages: PageAccess): Value {
    if (outline !== null) return { ...outline, paged: false, bytes: this.#bytes };
    return this.#offset === 0 || found === null
      ? stringFromBytes(this.#bytes, pages)
      : writeRange(isString(found) ? found.value : null, this.#offset, this.#bytes, pages);
  }
}

/** Deletes a record that the backup says was deleted, if it is still as that backup knew it, or older. */
export function dropStep({ content }: BackedUpRecord): Step<Reply> {
  return {
    access: 'write',
    needs: 'meta',
    seesUnfinished: true,
    run(found) {
      if (found === null) return only('absent');
      const isKnown = found.creationTimeMs === content.creationTimeMs && found.lastModifiedMs <= content.lastModifiedMs;
      return isKnown ? { reply: 'deleted' satisfies RestoreReply, change: { kind: 'delete' } } : only('kept');
    },
  };
}

/**
 * Compares a record with one of a backup: `same`, `absent`, `expired`, or the name of the first field that differs. Of
 * the value, the piece from `offset` on, `length` long, by its SHA-256: bytes, or elements of a collection in trees.
 */
export function checkStep(record: BackedUpRecord, offset: number, length: number, sha256: Buffer): Step<Reply> {
  return {
    access: 'read',
    needs: 'value',
    seesUnfinished: true,
    run(found, { nowMs, pages }) {
      if (record.expiresAtMs !== 0 && record.expiresAtMs <= nowMs) return { reply: 'expired', change: null };
      if (found === null) return { reply: 'absent', change: null };
      const field = difference(found, record);
      if (field !== null) return { reply: field, change: null };
      const pieces = partOf(found, record, offset, length, pages);
      if (typeof pieces === 'string') return { reply: pieces, change: null };
      const hash = createHash('sha256');
      for (const piece of pieces) hash.update(piece);
      return { reply: hash.digest().equals(sha256) ? 'same' : 'value', change: null };
    },
  };
}

/** The bytes of a piece of the value; or what differs of its outline. */
function partOf(
  found: LiveRecord,
  { content, sizeBytes }: BackedUpRecord,
  offset: number,
  length: number,
  pages: PageAccess,
): readonly Buffer[] | string {
  const { value } = found;
  const outline = content.value;
  if (value.type !== (outline?.type ?? ValueType.string)) return 'type';
  if (value.type === ValueType.string) {
    return stringLength(value) === sizeBytes ? readRange(value, offset, offset + length, pages) : 'size';
  }
  if (value.paged !== outline?.paged) return 'form';
  if (!value.paged) return value.bytes === null ? 'value' : [value.bytes.subarray(offset, offset + length)];
  if (!outline.paged || outline.type === ValueType.string) return 'form';
  const piece = elementsOf(value, outline, offset, length, pages);
  return typeof piece === 'string' ? piece : [piece];
}
