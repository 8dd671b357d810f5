import type { LiveRecord, RequestRecord } from '../record/state.ts';
import { ErrorReply, MapReply, type Reply } from '../resp/reply.ts';
import { formatRequestId } from './request-id.ts';

type Entry = readonly [Reply, Reply];

/** What a write answers: the record as it left it. Times are Unix milliseconds. */
export interface RecordContext {
  readonly recordVersion: number;
  readonly creationTimeMs: number;
  readonly lastModifiedMs: number;
  /** 0 = never. */
  readonly expiresAtMs: number;
  /** 16 bytes as latin1, of the write that made the value; null if that had none or it is forgotten. */
  readonly requestId: string | null;
}

/** The context map; `before` and `behind` are further entries of it. */
export function contextReply(
  context: RecordContext,
  nowMs: number,
  before: readonly Entry[] = [],
  behind: readonly Entry[] = [],
): Reply {
  const { recordVersion, creationTimeMs, lastModifiedMs, expiresAtMs, requestId } = context;
  const pttl = expiresAtMs === 0 ? -1 : Math.max(0, expiresAtMs - nowMs);
  return new MapReply([
    ...before,
    ['recordVersion', recordVersion],
    ['creationTime', creationTimeMs],
    ['lastModified', lastModifiedMs],
    // Rounded as by Redis's TTL.
    ['ttl', expiresAtMs === 0 ? -1 : Math.floor((pttl + 500) / 1000)],
    ['pttl', pttl],
    ['requestId', requestId === null ? null : formatRequestId(requestId)],
    ...behind,
  ]);
}

/** What the request answered the first time, its TTL as it was then. */
export function repeatedContextReply(entry: RequestRecord, behind: readonly Entry[] = []): Reply {
  return contextReply({ ...entry, lastModifiedMs: entry.appliedAtMs }, entry.appliedAtMs, [], behind);
}

/** The id of the write that made the record's value, if it had one and is remembered. */
export function requestIdOf(record: LiveRecord): string | null {
  const last = record.requests.entries.at(-1);
  if (last === undefined || last.recordVersion !== record.recordVersion) return null;
  return last.creationTimeMs === record.creationTimeMs ? last.requestId : null;
}

export const NOKEY = new ErrorReply('NOKEY the key does not exist');
export const OTHER_OPERATION = new ErrorReply('BADPARAM request id was used for another operation');

/** `recordVersion=N created=T`, for clients to parse; zeros where there is no record. */
function incarnation(record: LiveRecord | null): string {
  return `recordVersion=${record?.recordVersion ?? 0} created=${record?.creationTimeMs ?? 0}`;
}

export function duplicateKey(record: LiveRecord): ErrorReply {
  return new ErrorReply(`DUPKEY ${incarnation(record)}: the key exists`);
}

export function versionConflict(record: LiveRecord): ErrorReply {
  return new ErrorReply(`VERSIONCONFLICT ${incarnation(record)}: the record is not of the version asked for`);
}

export function forgottenRequest(record: LiveRecord | null): ErrorReply {
  return new ErrorReply(
    `UNCERTAIN request id is older than what the record remembers, which is now ${incarnation(record)}. ` +
      'Nothing was changed now; whether an earlier request with this id was carried out cannot be told',
  );
}
