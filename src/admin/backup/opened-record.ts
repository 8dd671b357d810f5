import type { Random } from '../../base/random.ts';
import { shardOf, slotOf } from '../../cluster/slot.ts';
import { type Keystore, keyRing, keystoreFingerprint } from '../../crypto/keystore.ts';
import { openKeystore } from '../../crypto/keystore-file.ts';
import { RecordIdHasher } from '../../crypto/record-id.ts';
import { RecordSealer } from '../../crypto/record-sealer.ts';
import { type PageId, type RecordContent, StateKind } from '../../record/state.ts';
import { ValueType } from '../../record/value.ts';
import type { PageEntry, RecordEntry } from './backup-format.ts';
import type { Manifest } from './backup-manifest.ts';
import { BackupProblem } from './backup-problem.ts';
import { stringPieces, treePieces, type ValuePiece } from './value-pieces.ts';

/** A record of a backup with its seal off. */
export interface OpenedBackupRecord {
  readonly entry: RecordEntry;
  readonly namespace: number;
  readonly expiresAtMs: number;
  readonly sizeBytes: number;
  readonly content: RecordContent;
}

/** Opens what backups hold, with the keystore of the cluster that they are of. */
export class BackupOpener {
  readonly #sealer: RecordSealer;
  readonly #ids: RecordIdHasher;
  readonly #shards: number;

  constructor(keystore: Keystore, shards: number, random: Random) {
    this.#sealer = new RecordSealer(keyRing(keystore), random);
    this.#ids = new RecordIdHasher(keystore.recordIdKey);
    this.#shards = shards;
  }

  /** The keystore in `file`, if it is the one of the backup. Throws BackupProblem. */
  static open(file: string, manifest: Manifest, random: Random): BackupOpener {
    if (file === '') {
      throw new BackupProblem('name the keystore of the cluster that was backed up: --keystore FILE');
    }
    const opened = openKeystore(file);
    if (!opened.ok) throw new BackupProblem(opened.failure.detail);
    const fingerprint = keystoreFingerprint(opened.keystore);
    if (fingerprint !== manifest.keystoreFingerprint) {
      throw new BackupProblem(
        `${file} is not the keystore of the backup: its fingerprint is ${fingerprint}, that of the backup's ${manifest.keystoreFingerprint}`,
      );
    }
    return new BackupOpener(opened.keystore, manifest.shards, random);
  }

  /** What is wrong in words: the seal does not hold, or the record is not in its place. */
  record(entry: RecordEntry): OpenedBackupRecord | string {
    const { id, shard, stored, pageCount } = entry;
    const opened = this.#sealer.open(id, stored.state);
    if (opened === null) {
      return this.#sealer.lastFailure?.kind === 'unknown-key-version'
        ? `is sealed with a key that the keystore does not hold (version ${this.#sealer.lastFailure.keyVersion})`
        : 'does not open: its seal is broken';
    }
    const { header, content } = opened;
    if (header.kind !== StateKind.live || content.value === null) return 'is no live record';
    if (this.#ids.recordId(header.namespace, header.generation, content.key) !== id)
      return 'has another id than its key';
    if (shardOf(slotOf(content.key), this.#shards) !== shard) return 'is not in its shard';
    if (!header.paged && pageCount > 0) return 'has pages that it cannot have';
    const { namespace, expiresAtMs, sizeBytes } = header;
    return { entry, namespace, expiresAtMs, sizeBytes, content };
  }

  /** The value in pieces; at least one. Throws BackupProblem where pages are not as they should be. */
  async *pieces(record: OpenedBackupRecord, nextPage: () => Promise<PageEntry | null>): AsyncGenerator<ValuePiece> {
    const { value } = record.content;
    if (value === null || !value.paged) {
      const bytes = value?.bytes ?? Buffer.alloc(0);
      yield { offset: 0, length: bytes.length, bytes, isHole: false };
      return;
    }
    const page = async (wanted: PageId): Promise<Buffer> => this.#page(record, wanted, await nextPage());
    if (value.type === ValueType.string) yield* stringPieces(value, page);
    else yield* treePieces(value, page);
    if ((await nextPage()) !== null) throw new BackupProblem('a record has pages that it does not list');
  }

  #page({ entry }: OpenedBackupRecord, wanted: PageId, found: PageEntry | null): Buffer {
    if (found === null || found.pageId !== wanted) throw new BackupProblem('a record lacks a page that it lists');
    const bytes = this.#sealer.openPage(entry.id, wanted, found.sealed);
    if (bytes === null) throw new BackupProblem('a page does not open: its seal is broken');
    return bytes;
  }
}

/** A record's name for messages: the operator may not read keys. */
export function placeOf({ shard, id }: { readonly shard: number; readonly id: string }): string {
  return `record ${Buffer.from(id, 'latin1').toString('hex')} of shard ${shard}`;
}
