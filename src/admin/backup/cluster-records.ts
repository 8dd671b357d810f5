import { limits } from '../../base/limits.ts';
import { BALLOT_BYTES, readBallot, writeBallot, writeLatin1, writeU32 } from '../../record/bytes.ts';
import { readPageIds, writePageIds } from '../../record/content-codec.ts';
import { ID_BYTES } from '../../record/record-id.ts';
import type { PageId } from '../../record/state.ts';
import { decodeStored, encodeStored, type StoredRecord } from '../../record/state-codec.ts';
import type { IndexEntry, PageEntry, Position, RecordEntry } from './backup-format.ts';
import { type BackupSource, bytesOf, itemsOf } from './backup-link.ts';
import { type BackupGroup, isBackupGroup, isCount, isFields, isStoredAs } from './backup-manifest.ts';
import { BackupProblem } from './backup-problem.ts';

const LISTED_BYTES = ID_BYTES + BALLOT_BYTES + 4;

/** What JUNO.BACKUP INFO says of a cluster. */
export interface ClusterInfo {
  readonly clusterId: string;
  readonly shards: number;
  readonly keystoreFingerprint: string;
  readonly groups: readonly BackupGroup[];
  /** By database number, up to the last that was ever swapped: the namespace number that its records carry. */
  readonly storedAs: readonly number[];
}

/** A live record of the cluster, by the ballot that it had when it was listed. */
export interface ListedEntry extends IndexEntry {
  /** As the record carries it. */
  readonly namespace: number;
}

/** Part of a shard: all that is live behind the last part, up to `upTo`; the shard's end if that is null. */
export interface ShardPart {
  readonly shard: number;
  readonly entries: readonly ListedEntry[];
  readonly upTo: string | null;
}

/** Reads a cluster's records through its proxies, as they are stored. */
export class ClusterRecords {
  readonly #link: BackupSource;

  constructor(link: BackupSource) {
    this.#link = link;
  }

  async info(): Promise<ClusterInfo> {
    const info: unknown = JSON.parse(bytesOf(await this.#link.backup('INFO')).toString('utf8'));
    if (isFields(info)) {
      // A proxy of before there was SWAPDB does not speak of it.
      const { clusterId, shards, keystoreFingerprint, groups, storedAs = [] } = info;
      const isInfo = typeof clusterId === 'string' && isCount(shards) && typeof keystoreFingerprint === 'string';
      if (isInfo && Array.isArray(groups) && groups.every(isBackupGroup) && isStoredAs(storedAs)) {
        return { clusterId, shards, keystoreFingerprint, groups, storedAs };
      }
    }
    throw new BackupProblem('the proxy answers something else than JUNO.BACKUP INFO should');
  }

  /** Everything behind `from`, shard by shard in order; a few shards are asked for ahead. */
  async *parts(from: Position, shards: number): AsyncGenerator<ShardPart> {
    const ahead = new Map<number, Promise<ShardPart>>();
    let started = from.shard;
    const startMore = (shard: number): void => {
      for (; started < Math.min(shards, shard + limits.backupShardsAtOnce); started++) {
        const part = this.#part(started, started === from.shard ? from.id : '');
        // Whoever awaits it hears of a problem; nobody may, if another one comes before.
        part.catch(() => {});
        ahead.set(started, part);
      }
    };
    for (let shard = from.shard; shard < shards; shard++) {
      startMore(shard);
      let part = await ahead.get(shard);
      ahead.delete(shard);
      while (part !== undefined) {
        const next: Promise<ShardPart> | null = part.upTo === null ? null : this.#part(shard, part.upTo);
        next?.catch(() => {});
        yield part;
        part = next === null ? undefined : await next;
      }
    }
  }

  async #part(shard: number, afterId: string): Promise<ShardPart> {
    const after = Buffer.from(afterId, 'latin1');
    const [packed, lastId, exhausted] = itemsOf(
      await this.#link.backup('LIST', shard, after, limits.backupListRecords),
    );
    const entries: ListedEntry[] = [];
    const bytes = bytesOf(packed);
    for (let at = 0; at + LISTED_BYTES <= bytes.length; at += LISTED_BYTES) {
      const accepted = readBallot(bytes, at + ID_BYTES);
      if (accepted === null) throw new BackupProblem('the proxy lists a record without a ballot');
      const id = bytes.toString('latin1', at, at + ID_BYTES);
      entries.push({ shard, id, accepted, namespace: bytes.readUInt32BE(at + ID_BYTES + BALLOT_BYTES) });
    }
    const upTo = exhausted === 1 ? null : bytesOf(lastId).toString('latin1');
    if (upTo !== null && upTo <= afterId) throw new BackupProblem('the listing of a shard does not get on');
    return { shard, entries, upTo };
  }

  /** The states of records of one shard, in order; null where one is no longer live. */
  async read(shard: number, entries: readonly ListedEntry[]): Promise<readonly (StoredRecord | null)[]> {
    const groups: (readonly ListedEntry[])[] = [];
    for (let i = 0; i < entries.length; i += limits.backupReadRecords) {
      groups.push(entries.slice(i, i + limits.backupReadRecords));
    }
    return (await Promise.all(groups.map((group) => this.#readGroup(shard, group)))).flat();
  }

  /** A proxy may answer for the first ones only, where they are long. */
  async #readGroup(shard: number, entries: readonly ListedEntry[]): Promise<readonly (StoredRecord | null)[]> {
    const found: (StoredRecord | null)[] = [];
    while (found.length < entries.length) {
      const rest = entries.slice(found.length);
      const packed = Buffer.allocUnsafe(rest.length * LISTED_BYTES);
      let at = 0;
      for (const { id, accepted, namespace } of rest) {
        at = writeU32(packed, writeBallot(packed, writeLatin1(packed, at, id), accepted), namespace);
      }
      const items = itemsOf(await this.#link.backup('READ', shard, packed));
      if (items.length === 0) throw new BackupProblem('the proxy reads no record');
      for (const item of items) {
        const stored = item === null ? null : decodeStored(bytesOf(item));
        if (item !== null && stored === null) throw new BackupProblem('a record came damaged from the proxy');
        found.push(stored);
      }
    }
    return found;
  }

  /** Names of all pages of a large value. */
  async pageIds(shard: number, id: string, stored: StoredRecord): Promise<readonly PageId[]> {
    const bytes = encodeStored(stored.accepted, stored.state);
    const packed = bytesOf(await this.#link.backup('PAGEIDS', shard, Buffer.from(id, 'latin1'), bytes));
    return readPageIds(packed, 0, packed.length / ID_BYTES);
  }

  /** All of these pages, some at a time; ends with null if one of them is gone. */
  async *allPages(record: RecordEntry, pageIds: readonly PageId[]): AsyncGenerator<readonly PageEntry[] | null> {
    for (let i = 0; i < pageIds.length; i += limits.backupPagesPerCall) {
      const pages = await this.#pages(record, pageIds.slice(i, i + limits.backupPagesPerCall));
      yield pages;
      if (pages === null) return;
    }
  }

  async #pages(record: RecordEntry, pageIds: readonly PageId[]): Promise<readonly PageEntry[] | null> {
    const packed = Buffer.allocUnsafe(pageIds.length * ID_BYTES);
    writePageIds(packed, 0, pageIds);
    const { namespace } = record.stored.state.header;
    const id = Buffer.from(record.id, 'latin1');
    const items = itemsOf(await this.#link.backup('PAGES', record.shard, id, namespace, packed));
    const pages: PageEntry[] = [];
    for (const [i, pageId] of pageIds.entries()) {
      const sealed = items[i];
      if (!Buffer.isBuffer(sealed)) return null;
      pages.push({ pageId, sealed });
    }
    return pages;
  }
}
