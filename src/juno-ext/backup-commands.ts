import { limits } from '../base/limits.ts';
import { DATABASES_PER_GROUP } from '../cluster/namespace-groups.ts';
import { type BackupPort, ClusterFailure } from '../proxy/cluster-port.ts';
import type { CommandRow } from '../proxy/command.ts';
import { argument } from '../proxy/commands/keyed-row.ts';
import type { Session } from '../proxy/session.ts';
import type { Step } from '../quorum/operation.ts';
import type { Exported, ListedRecord } from '../quorum/record-export.ts';
import { BALLOT_BYTES, readBallot, writeBallot, writeLatin1, writeU32 } from '../record/bytes.ts';
import { decodeContent, readPageIds, writePageIds } from '../record/content-codec.ts';
import { pieceCount } from '../record/element-pieces.ts';
import { ID_BYTES } from '../record/record-id.ts';
import { decodeStored, encodeStored } from '../record/state-codec.ts';
import { type PagedCollection, type Value, ValueType } from '../record/value.ts';
import { parseInteger } from '../resp/integer.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import type { BackedUpRecord } from './backup-record.ts';
import { checkStep, dropStep, RestoreStep } from './backup-steps.ts';
import { placeOfPiece, RestoreTreesStep } from './backup-trees.ts';

/*
 * What `junokv backup` and `junokv restore` ask a proxy for (docs/backup.md). A proxy keeps nothing between two calls.
 *
 *   listed = recordId:16 accepted:ballot namespace:u32           ; big endian, one after the other
 */
const LISTED_BYTES = ID_BYTES + BALLOT_BYTES + 4;
const SHA256_BYTES = 32;

const SINCE = '0.1.0';
const NO_STORE = new ErrorReply('ERR this server has no stored records to back up');
const BOUND = new ErrorReply('NOPERM this user belongs to one namespace; a backup is of all');
const BAD = new ErrorReply('BADPARAM malformed argument');

type Run = (port: BackupPort, session: Session, args: readonly Buffer[]) => Promise<Reply>;

function run(work: Run): CommandRow['handler'] {
  return {
    kind: 'waiting',
    run: async (session, args) => {
      const port = session.proxy.cluster.backup;
      if (port === undefined) return NO_STORE;
      return session.namespaceBound ? BOUND : work(port, session, args);
    },
  };
}

/** A whole number from 0 to `max` at `index`; null if it is none. */
function whole(args: readonly Buffer[], index: number, max: number = Number.MAX_SAFE_INTEGER): number | null {
  const value = parseInteger(argument(args, index));
  return typeof value === 'number' && value >= 0 && value <= max ? value : null;
}

function shardAt(session: Session, args: readonly Buffer[]): number | null {
  return whole(args, 2, session.proxy.cluster.map().shards - 1);
}

/** JUNO.BACKUP INFO: what a manifest says of the cluster, as JSON. */
const info: Run = async (port, session) => {
  const map = session.proxy.cluster.map();
  const { clusterId, shards, epoch, namespaceGroups, databases } = map;
  const groups = namespaceGroups.map(({ name, limits: own }) => ({ name, limits: own }));
  const { keystoreFingerprint } = port;
  const storedAs = databases.map((database) => database.storedAs);
  return JSON.stringify({ clusterId, shards, mapEpoch: epoch, keystoreFingerprint, groups, storedAs });
};

/** JUNO.BACKUP LIST shard after-id limit */
const list: Run = async (port, session, args) => {
  const shard = shardAt(session, args);
  const after = argument(args, 3);
  const limit = whole(args, 4, limits.backupListRecords);
  if (shard === null || limit === null || limit < 1 || (after.length !== 0 && after.length !== ID_BYTES)) return BAD;
  const { records, lastId, exhausted } = need(await port.records.list(shard, after.toString('latin1'), limit));
  const packed = Buffer.allocUnsafe(records.length * LISTED_BYTES);
  let at = 0;
  for (const { id, accepted, namespace } of records) {
    at = writeU32(packed, writeBallot(packed, writeLatin1(packed, at, id), accepted), namespace);
  }
  return [packed, Buffer.from(lastId, 'latin1'), exhausted ? 1 : 0];
};

function listedOf(packed: Buffer): ListedRecord[] | null {
  const records: ListedRecord[] = [];
  if (packed.length % LISTED_BYTES !== 0 || packed.length / LISTED_BYTES > limits.backupReadRecords) return null;
  for (let at = 0; at < packed.length; at += LISTED_BYTES) {
    const accepted = readBallot(packed, at + ID_BYTES);
    if (accepted === null) return null;
    const id = packed.toString('latin1', at, at + ID_BYTES);
    records.push({ id, accepted, namespace: packed.readUInt32BE(at + ID_BYTES + BALLOT_BYTES) });
  }
  return records;
}

/** Records read at once by one call. */
const READ_AT_ONCE = 64;

/** JUNO.BACKUP READ shard listed: each record as nodes store it, nil where it is no longer live; of long ones only the first. */
const read: Run = async (port, session, args) => {
  const shard = shardAt(session, args);
  const wanted = listedOf(argument(args, 3));
  if (shard === null || wanted === null) return BAD;
  const replies: (Buffer | null)[] = [];
  let bytes = 0;
  while (replies.length < wanted.length && bytes < limits.backupReadBytes) {
    const some = wanted.slice(replies.length, replies.length + READ_AT_ONCE);
    for (const result of await Promise.all(some.map((record) => port.records.read(shard, record)))) {
      const stored = need(result);
      const reply = stored === null ? null : encodeStored(stored.accepted, stored.state);
      replies.push(reply);
      bytes += reply?.length ?? 0;
    }
  }
  return replies;
};

/** JUNO.BACKUP PAGEIDS shard id stored */
const pageIds: Run = async (port, session, args) => {
  const shard = shardAt(session, args);
  const id = argument(args, 3);
  const stored = decodeStored(argument(args, 4));
  if (shard === null || id.length !== ID_BYTES || stored === null) return BAD;
  const ids = need(await port.records.pageIds(shard, id.toString('latin1'), stored));
  const packed = Buffer.allocUnsafe(ids.length * ID_BYTES);
  writePageIds(packed, 0, ids);
  return packed;
};

/** JUNO.BACKUP PAGES shard id namespace page-ids: sealed pages, nil where there is none any more. */
const pages: Run = async (port, session, args) => {
  const shard = shardAt(session, args);
  const id = argument(args, 3);
  const namespace = whole(args, 4);
  const packed = argument(args, 5);
  const count = packed.length / ID_BYTES;
  if (shard === null || namespace === null || id.length !== ID_BYTES) return BAD;
  if (!Number.isInteger(count) || count > limits.backupPagesPerCall) return BAD;
  return port.records.pages(shard, id.toString('latin1'), namespace, readPageIds(packed, 0, count));
};

/** JUNO.BACKUP FLUSH group: all 16 databases of a namespace. */
const flush: Run = async (_port, session, args) => {
  const group = whole(args, 2, session.proxy.cluster.map().namespaceGroups.length - 1);
  if (group === null) return BAD;
  const all = Array.from({ length: DATABASES_PER_GROUP }, (_, database) => group * DATABASES_PER_GROUP + database);
  const outcome = await session.proxy.cluster.flush(all);
  if (!outcome.ok) throw new ClusterFailure(outcome.failure);
  return 'flushed';
};

/** The arguments that tell of a record: namespace content expires-at size. */
function recordAt(session: Session, args: readonly Buffer[]): { namespace: number; record: BackedUpRecord } | null {
  const namespace = whole(args, 2, session.proxy.cluster.map().namespaces.length - 1);
  const content = decodeContent(argument(args, 3), null);
  const expiresAtMs = whole(args, 4);
  if (namespace === null || content === null || expiresAtMs === null || !isOutline(content.value)) return null;
  const sizeBytes = whole(args, 5, content.value === null ? limits.maxStringBytes : Number.MAX_SAFE_INTEGER);
  return sizeBytes === null ? null : { namespace, record: { content, expiresAtMs, sizeBytes } };
}

/** Whether this says of a value only what kind it is: of a string nothing, of a collection its form and its counts. */
function isOutline(value: Value | null): boolean {
  if (value === null) return true;
  if (value.type === ValueType.string) return false;
  if (!value.paged) return value.bytes === null;
  return value.trees.every(({ depth, root }) => depth === 0 && root.length === 0);
}

/** The outline of a collection in trees. */
function treesOf({ content: { value } }: BackedUpRecord): PagedCollection | null {
  return value !== null && value.type !== ValueType.string && value.paged ? value : null;
}

/** JUNO.BACKUP PUT namespace content expires-at size offset piece EMPTY|OLDER */
const put: Run = async (_port, session, args) => {
  const target = recordAt(session, args);
  const offset = whole(args, 6);
  if (target === null || offset === null) return BAD;
  const overOlder = argument(args, 8).toString('latin1').toLowerCase() === 'older';
  const step = putStep(target.record, offset, argument(args, 7), overOlder);
  return step === null ? BAD : submit(session, target.namespace, target.record, step);
};

/** Null where the piece has no place in the value. */
function putStep(record: BackedUpRecord, offset: number, piece: Buffer, overOlder: boolean): Step<Reply> | null {
  const outline = treesOf(record);
  if (outline === null) {
    const isWhole = offset === 0 && piece.length === record.sizeBytes;
    const fits = record.content.value === null ? offset + piece.length <= record.sizeBytes : isWhole;
    return fits ? new RestoreStep(record, offset, piece, overOlder) : null;
  }
  const length = pieceCount(piece);
  if (length === null || placeOfPiece(outline, offset, length) === null) return null;
  return new RestoreTreesStep(record, outline, offset, piece, length, overOlder);
}

/** JUNO.BACKUP DROP namespace content expires-at size */
const drop: Run = async (_port, session, args) => {
  const target = recordAt(session, args);
  return target === null ? BAD : submit(session, target.namespace, target.record, dropStep(target.record));
};

/** JUNO.BACKUP CHECK namespace content expires-at size offset length sha256 */
const check: Run = async (_port, session, args) => {
  const target = recordAt(session, args);
  const offset = whole(args, 6);
  const length = whole(args, 7, limits.backupPieceBytes);
  const sha256 = argument(args, 8);
  if (target === null || offset === null || length === null || sha256.length !== SHA256_BYTES) return BAD;
  return submit(session, target.namespace, target.record, checkStep(target.record, offset, length, sha256));
};

function submit(session: Session, namespace: number, record: BackedUpRecord, step: Step<Reply>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    session.proxy.cluster.submit({
      namespace,
      key: record.content.key,
      step,
      done: (outcome) => {
        if (outcome.ok) resolve(outcome.reply);
        else reject(new ClusterFailure(outcome.failure));
      },
    });
  });
}

function need<T>(result: Exported<T>): T {
  if (!result.ok) throw new ClusterFailure(result.failure);
  return result.value;
}

function row(name: string, arity: number, writes: boolean, summary: string, work: Run): CommandRow {
  return {
    name: `juno.backup|${name}`,
    group: 'juno',
    summary,
    since: SINCE,
    complexity: 'O(N) where N is the number of records looked at',
    arity,
    flags: [writes ? 'write' : 'readonly', 'admin', 'noscript'],
    categories: [writes ? '@write' : '@read', '@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'argument', type: 'string', optional: true, multiple: true }],
    handler: run(work),
  };
}

/** What backups are made of. */
export const backupCommands: readonly CommandRow[] = [
  {
    name: 'juno.backup',
    group: 'juno',
    summary: "A container for what 'junokv backup' and 'junokv restore' ask for",
    since: SINCE,
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: null,
    difference:
      'For junokv backup and restore; its arguments may change with the version. Needs a user with admin rights.',
    subcommands: [
      row('info', 2, false, 'What a backup has to know of the cluster, as JSON', info),
      row('list', 5, false, 'Ids, ballots and namespaces of the live records of a shard', list),
      row('read', 4, false, 'Records as they are stored, encrypted', read),
      row('pageids', 5, false, "The pages of a large value, by the record's stored form", pageIds),
      row('pages', 6, false, 'Pages of a large value as they are stored, encrypted', pages),
      row('flush', 3, true, 'Removes all keys of a namespace', flush),
      row('put', 9, true, 'Writes a record of a backup, or a piece of it', put),
      row('drop', 6, true, 'Deletes a record that a backup knows to be deleted', drop),
      row('check', 9, false, 'Compares a record with one of a backup', check),
    ],
  },
];
