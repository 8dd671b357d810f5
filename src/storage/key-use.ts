import { limits } from '../base/limits.ts';
import { pageKey, parsePageKey, parseRecordKey, recordRange, shardPageRange } from '../record/record-id.ts';
import { NO_NAMESPACE, type PageId, type RecordId, type SealedState, StateKind } from '../record/state.ts';
import { decodeStored } from '../record/state-codec.ts';
import type { KeyUseRequest, KeyVersionUse, PlacedPage, ReplacePagesRequest } from '../rpc/key-messages.ts';
import { MessageType } from '../rpc/messages.ts';
import type { ScanEntry } from '../rpc/scan-messages.ts';
import type { Call } from '../rpc/transport.ts';
import { DISK_FULL, type DiskSpace } from './disk-space.ts';
import { type Engine, type EngineCallback, type EngineEntry, mayHaveMore } from './engine.ts';
import type { WritePipeline } from './write-pipeline.ts';

/** Sealed bytes begin with the version of their key (`record-sealer.ts`), which a node may read without having any. */
const KEY_VERSION_BYTES = 4;

export interface KeyUseParts {
  readonly engine: Engine;
  readonly pipeline: WritePipeline;
  /** Null: never full. */
  readonly space: DiskSpace | null;
}

/** Counts what each key version seals, and lists what is not sealed with the one that is kept. */
export function serveKeyUse(parts: KeyUseParts, request: KeyUseRequest, call: Call): void {
  parts.pipeline.whenSettled(() => new KeyUse(parts.engine, request, call).step());
}

class KeyUse {
  readonly #engine: Engine;
  readonly #request: KeyUseRequest;
  readonly #call: Call;
  readonly #uses = new Map<number, { keyVersion: number; count: number; bytes: number }>();
  readonly #records: ScanEntry[] = [];
  readonly #pages: PlacedPage[] = [];
  #lastId: RecordId;
  #lastPage: PageId;
  #unreadable = 0;
  #examined = 0;
  #listedBytes = 0;

  constructor(engine: Engine, request: KeyUseRequest, call: Call) {
    this.#engine = engine;
    this.#request = request;
    this.#call = call;
    this.#lastId = request.afterId;
    this.#lastPage = request.afterPage;
  }

  step(): void {
    const range = { ...this.#rest(), limit: limits.scanStepRecords, limitBytes: limits.scanStepBytes, keysOnly: false };
    this.#engine.scan(range, (error, found) => {
      if (error !== null || found === undefined) {
        this.#call.respond({ type: MessageType.fault, fault: 'io', detail: 'records could not be read' });
        return;
      }
      let looked = 0;
      for (const entry of found) {
        looked++;
        if (this.#request.pages) this.#addPage(entry);
        else this.#addRecord(entry);
        if (this.#isFull()) break;
      }
      const isWhole = looked === found.length && !mayHaveMore(found, range);
      if (isWhole || this.#isFull()) this.#respond(isWhole);
      else this.step();
    });
  }

  #rest(): { readonly from: Buffer; readonly to: Buffer } {
    const { shard, pages } = this.#request;
    if (!pages) return recordRange(shard, this.#lastId);
    const { from, to } = shardPageRange(shard);
    if (this.#lastPage === '') return { from, to };
    return { from: Buffer.concat([pageKey(shard, this.#lastId, this.#lastPage), Buffer.alloc(1)]), to };
  }

  #addRecord({ key, value }: EngineEntry): void {
    const id = parseRecordKey(key)?.id ?? this.#lastId;
    this.#lastId = id;
    this.#examined++;
    const stored = decodeStored(value);
    if (stored === null) {
      this.#unreadable++;
      return;
    }
    const { accepted, state } = stored;
    // A transaction's record is not sealed.
    if (state.header.namespace === NO_NAMESPACE) return;
    const versions = versionsOf(state);
    for (const version of versions) this.#count(version, value.length);
    const { keepVersion, limit } = this.#request;
    if (limit === 0 || state.header.kind !== StateKind.live) return;
    if (versions.every((version) => version === keepVersion)) return;
    this.#records.push({ id, accepted, state: { header: state.header, meta: state.meta, value: null } });
    this.#listedBytes += state.meta.length;
  }

  #addPage({ key, value }: EngineEntry): void {
    const page = parsePageKey(key);
    this.#examined++;
    if (page === null) return;
    const { id, pageId } = page;
    this.#lastId = id;
    this.#lastPage = pageId;
    const version = versionOf(value);
    if (version === null) {
      this.#unreadable++;
      return;
    }
    this.#count(version, value.length);
    if (this.#request.limit === 0 || version === this.#request.keepVersion) return;
    this.#pages.push({ id, pageId, sealed: value });
    this.#listedBytes += value.length;
  }

  #count(keyVersion: number, bytes: number): void {
    const use = this.#uses.get(keyVersion);
    if (use === undefined) {
      this.#uses.set(keyVersion, { keyVersion, count: 1, bytes });
    } else {
      use.count++;
      use.bytes += bytes;
    }
  }

  #isFull(): boolean {
    const { limit } = this.#request;
    const listed = this.#records.length + this.#pages.length;
    return (
      this.#examined >= limits.scanExaminedRecords ||
      this.#uses.size >= limits.keyUsesPerCall ||
      (limit > 0 && listed >= limit) ||
      this.#listedBytes >= limits.scanStepBytes
    );
  }

  #respond(exhausted: boolean): void {
    const uses: KeyVersionUse[] = [...this.#uses.values()];
    this.#call.respond({
      type: MessageType.keyUsed,
      uses,
      unreadable: this.#unreadable,
      records: this.#records,
      pages: this.#pages,
      lastId: this.#lastId,
      lastPage: this.#lastPage,
      exhausted,
    });
  }
}

/** One or two: metadata and a larger value are sealed apart. None: a tombstone that a node made without a key. */
function versionsOf({ meta, value, intent }: SealedState): number[] {
  if (intent?.proposed) return [...new Set([...versionsOf({ ...intent.proposed }), ...sealedWith(meta, value)])];
  return sealedWith(meta, value);
}

function sealedWith(meta: Buffer, value: Buffer | null): number[] {
  const first = versionOf(meta);
  const second = value === null ? null : versionOf(value);
  if (first === null) return second === null ? [] : [second];
  return second === null || second === first ? [first] : [first, second];
}

function versionOf(sealed: Buffer): number | null {
  return sealed.length < KEY_VERSION_BYTES ? null : sealed.readUInt32BE(0);
}

/**
 * Puts pages that were sealed anew in the place of those that are here. A page never changes what it says, so that it makes no
 * difference to anybody which of the two seals he finds. What was swept away meanwhile does not come back.
 */
export function replacePages({ engine, pipeline, space }: KeyUseParts, request: ReplacePagesRequest, call: Call): void {
  if (space?.isFull === true) {
    call.respond(DISK_FULL);
    return;
  }
  const keys = request.pages.map(({ id, pageId }) => pageKey(request.shard, id, pageId));
  pipeline.whenSettled(() => {
    const write: EngineCallback<readonly (Buffer | null)[]> = (error, held) => {
      if (error !== null || held === undefined) {
        call.respond({ type: MessageType.fault, fault: 'io', detail: 'pages could not be read' });
        return;
      }
      let batch = 0;
      let replaced = 0;
      for (const [i, { sealed }] of request.pages.entries()) {
        const key = keys[i];
        if (key === undefined || !held[i]) continue;
        pipeline.add({ key, value: sealed });
        batch = pipeline.formingNumber;
        replaced++;
      }
      pipeline.respondWhenDurable(call, batch, { type: MessageType.pagesReplaced, replaced });
    };
    engine.getMany(keys, write);
  });
}
