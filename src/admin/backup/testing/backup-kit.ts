import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '../../../base/limits.ts';
import { SystemRandom } from '../../../base/system-random.ts';
import { DEFAULT_GROUP } from '../../../cluster/namespace-groups.ts';
import { shardOf, slotOf } from '../../../cluster/slot.ts';
import { generateKeystore, keyRing, keystoreFingerprint } from '../../../crypto/keystore.ts';
import { RecordIdHasher } from '../../../crypto/record-id.ts';
import { RecordSealer } from '../../../crypto/record-sealer.ts';
import { valueSizeBytes } from '../../../quorum/apply-change.ts';
import { ballotRow } from '../../../record/ballot-row.ts';
import { stringFromBytes } from '../../../record/paged-string.ts';
import { makePageId } from '../../../record/record-id.ts';
import { NO_REQUESTS } from '../../../record/request-history.ts';
import type { PageId } from '../../../record/state.ts';
import { StateKind } from '../../../record/state.ts';
import type { PageAccess, Value } from '../../../record/value.ts';
import { listPages } from '../../../record/value-pages.ts';
import { comparePositions, type PageEntry, type RecordEntry } from '../backup-format.ts';
import type { Manifest } from '../backup-manifest.ts';
import { BackupWriter, prepareDirectory } from '../backup-writer.ts';
import { BackupOpener } from '../opened-record.ts';

export const SHARDS = 4;
export const NAMESPACE = 0;

/** A record and its pages, as a cluster would give them. */
export interface MadeRecord {
  readonly record: RecordEntry;
  readonly pages: readonly PageEntry[];
}

/** Makes backups without a cluster, in a temporary directory. */
export class BackupKit {
  readonly dir = mkdtempSync(join(tmpdir(), 'junokv-backup-'));
  readonly keystore = generateKeystore(new SystemRandom(), 1_000);
  readonly opener = new BackupOpener(this.keystore, SHARDS, new SystemRandom());
  readonly #sealer = new RecordSealer(keyRing(this.keystore), new SystemRandom());
  readonly #ids = new RecordIdHasher(this.keystore.recordIdKey);
  #time = 1_000_000;
  #backups = 0;

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** A string, sealed, under a new ballot. */
  make(name: string, value: Buffer | string): MadeRecord {
    return this.makeOf(name, (pages) => stringFromBytes(Buffer.from(value), pages));
  }

  /** A value of any type, likewise. */
  makeOf(name: string, valueIn: (pages: PageAccess) => Value): MadeRecord {
    const key = Buffer.from(name);
    const id = this.#ids.recordId(NAMESPACE, 1, key);
    const origin = { time: ++this.#time, proposer: 1 };
    const plain = new Map<PageId, Buffer>();
    const access = {
      read: (pageId: PageId): Buffer => plain.get(pageId) ?? Buffer.alloc(0),
      write: (bytes: Buffer): PageId => {
        const pageId = makePageId(origin, plain.size);
        plain.set(pageId, bytes);
        return pageId;
      },
    };
    const made = valueIn(access);
    const header = {
      kind: StateKind.live,
      origin,
      lineage: ballotRow([origin]),
      birth: true,
      expiresAtMs: 0,
      sizeBytes: valueSizeBytes(made),
      namespace: NAMESPACE,
      generation: 1,
      paged: made.paged,
      remembers: false,
    };
    const past = { recordVersion: 1, creationTimeMs: 5, lastModifiedMs: 6, requests: NO_REQUESTS };
    const state = this.#sealer.seal(id, header, { key, ...past, value: made });
    const pages = listPages(made, access).map((pageId) => ({
      pageId,
      sealed: this.#sealer.sealPage(id, pageId, access.read(pageId)),
    }));
    const shard = shardOf(slotOf(key), SHARDS);
    return { record: { shard, id, stored: { accepted: origin, state }, pageCount: pages.length }, pages };
  }

  manifest(base: Manifest['base']): Manifest {
    return {
      formatVersion: 1,
      backupId: String(++this.#backups).padStart(32, '0'),
      junokvVersion: '0',
      startedAtMs: 1,
      endedAtMs: 0,
      clusterId: 'c',
      shards: SHARDS,
      keystoreFingerprint: keystoreFingerprint(this.keystore),
      groups: [DEFAULT_GROUP],
      base,
      liveRecords: {},
      files: [],
    };
  }

  /** Writes a backup whose live records are `stored` and, from earlier ones, `kept`. */
  async write(
    name: string,
    stored: readonly MadeRecord[],
    kept: readonly MadeRecord[] = [],
    base: Manifest['base'] = null,
    fileBytes: number = limits.backupFileBytes,
  ): Promise<Manifest> {
    const dir = this.path(name);
    prepareDirectory(dir);
    const manifest = this.manifest(base);
    const writer = new BackupWriter(dir, manifest, fileBytes);
    const all = [...stored, ...kept].sort((a, b) => comparePositions(a.record, b.record));
    for (const made of all) {
      const { shard, id, stored: state } = made.record;
      if (!kept.includes(made)) await this.#writeRecord(writer, made);
      await writer.index(shard, [{ shard, id, accepted: state.accepted, namespace: NAMESPACE }]);
      await writer.reached(made.record);
    }
    return writer.finish(2, manifest.groups, []);
  }

  async #writeRecord(writer: BackupWriter, { record, pages }: MadeRecord): Promise<void> {
    if (pages.length === 0) {
      await writer.record(record);
      return;
    }
    async function* all(): AsyncGenerator<readonly PageEntry[]> {
      yield pages;
    }
    await writer.pagedRecord(record, all());
  }
}
