import type { Change, StepResult } from '../quorum/operation.ts';
import { isUnfinished, type LiveRecord, type RecordContent, type RecordPast, UNFINISHED_MS } from '../record/state.ts';
import type { Reply } from '../resp/reply.ts';

/** A record out of a backup, without its value. */
export interface BackedUpRecord {
  /** Key and past. The value is null of a string; of a collection its outline: no bytes, trees without nodes. */
  readonly content: RecordContent;
  /** When it ends by itself, 0 = never; of a hash whose fields expire, the key's own expiry may be later (`keyExpiryOf`). */
  readonly expiresAtMs: number;
  /** Length of the whole value. */
  readonly sizeBytes: number;
}

/** When the key itself expires: milliseconds, 0 = never. */
export function keyExpiryOf({ content, expiresAtMs }: BackedUpRecord): number {
  return content.keyExpiresAtMs ?? expiresAtMs;
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

/** Why a piece is not written: the record has expired, or is there, and not older or not to be replaced; null: it is. */
export function refusal(
  found: LiveRecord | null,
  record: BackedUpRecord,
  nowMs: number,
  overOlder: boolean,
): StepResult<Reply> | null {
  const { content, expiresAtMs } = record;
  if (expiresAtMs !== 0 && expiresAtMs <= nowMs) return only('expired');
  if (found === null || isUnfinished(found)) return null;
  if (difference(found, record) === null) return only('same');
  return overOlder && found.lastModifiedMs < content.lastModifiedMs ? null : only('kept');
}

/** The past of a record that is restored, once its last piece is there. */
export function pastOf({ content }: BackedUpRecord, isLast: boolean): RecordPast {
  const { recordVersion, creationTimeMs, lastModifiedMs, requests } = content;
  return { recordVersion, creationTimeMs, lastModifiedMs: isLast ? lastModifiedMs : UNFINISHED_MS, requests };
}

/** A piece is there; null: it was already. */
export function written(change: Change | null): StepResult<Reply> {
  return { reply: 'written' satisfies RestoreReply, change };
}

/** What is there stays. */
export function kept(): StepResult<Reply> {
  return only('kept');
}

/** An answer that leaves the record as it is. */
export function only(reply: RestoreReply): StepResult<Reply> {
  return { reply, change: null };
}

/** The first field beside the value's bytes that differs, or null. */
export function difference(found: LiveRecord, record: BackedUpRecord): string | null {
  const { content, sizeBytes } = record;
  if (found.recordVersion !== content.recordVersion) return 'version';
  if (found.creationTimeMs !== content.creationTimeMs) return 'created';
  if (found.lastModifiedMs !== content.lastModifiedMs) return 'modified';
  if (found.expiresAtMs !== keyExpiryOf(record)) return 'expiry';
  return found.sizeBytes === sizeBytes ? null : 'size';
}
