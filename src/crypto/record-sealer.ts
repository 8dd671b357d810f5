import { assert } from '../base/assert.ts';
import { allocateKept } from '../base/kept-bytes.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { rowLength } from '../record/ballot-row.ts';
import { BALLOT_BYTES, writeLatin1, writeU32 } from '../record/bytes.ts';
import { contentLength, decodeContent, isSeparate, writeContent } from '../record/content-codec.ts';
import { ID_BYTES } from '../record/record-id.ts';
import { NO_PAST } from '../record/request-history.ts';
import type { PageId, RecordContent, RecordId, SealedState, StateHeader } from '../record/state.ts';
import { StateKind } from '../record/state.ts';
import { HEADER_MAX_BYTES, storedLayout, writeHeader } from '../record/state-codec.ts';
import type { KeyRing } from './key-ring.ts';
import { NoncePool } from './nonce-pool.ts';
import { SCRATCH_BYTES, ScratchViews } from './scratch-views.ts';
import type { Sodium } from './sodium.ts';
import { NONCE_BYTES, sodium, TAG_BYTES } from './sodium.ts';

/*
 * Sealed bytes, and what is bound into them (the associated data):
 *
 *   sealed     = keyVersion:u32 nonce:24 ciphertext tag:16         ; XChaCha20-Poly1305 (IETF)
 *   associated = part:u8 recordId:16 ( header | pageId:16 )        ; header as in state-codec.ts, for meta and value
 *   part       = 1 meta, 2 value, 3 page
 *
 * `accepted` is not bound: a repair raises it without knowing any key.
 */
const PART_META = 1;
const PART_VALUE = 2;
const PART_PAGE = 3;

const KEY_VERSION_BYTES = 4;
const PREFIX_BYTES = KEY_VERSION_BYTES + NONCE_BYTES;
/** What sealing adds to a page, to metadata or to a value. */
export const SEAL_OVERHEAD_BYTES = PREFIX_BYTES + TAG_BYTES;

const EMPTY = Buffer.alloc(0);
const EMPTY_TOMBSTONE: RecordContent = {
  key: EMPTY,
  ...NO_PAST,
  value: null,
};

/** A state with its seal taken off. The buffers within are its own: nothing overwrites them. */
export interface OpenedRecord {
  readonly header: StateHeader;
  readonly content: RecordContent;
}

/** Why something did not open. */
export type OpenFailure =
  /** Not the bytes that were sealed for this place, or sealed with a different key of that version. */
  | { readonly kind: 'damaged' }
  /** Sealed with a key that this keystore does not hold. */
  | { readonly kind: 'unknown-key-version'; readonly keyVersion: number };

const DAMAGED: OpenFailure = { kind: 'damaged' };

/** Seals records and pages for storage, and opens what storage gives back. One per process or worker; not shared. */
export class RecordSealer {
  readonly #keys: KeyRing;
  readonly #nonces: NoncePool;
  readonly #sodium: Sodium = sodium();
  readonly #associated = Buffer.alloc(1 + ID_BYTES + HEADER_MAX_BYTES);
  /** Views of the associated data by the length of the lineage; made once, because views cost. */
  readonly #recordViews: Buffer[] = [];
  readonly #pageView = this.#associated.subarray(0, 1 + 2 * ID_BYTES);
  readonly #plain = new ScratchViews();
  readonly #cipher = new ScratchViews();
  #lastFailure: OpenFailure | null = null;

  /** `random` must be cryptographically strong: it makes the nonces. */
  constructor(keys: KeyRing, random: Random) {
    this.#keys = keys;
    this.#nonces = new NoncePool(random);
    for (let length = 0; length <= limits.lineageLength; length++) {
      const end = this.#associated.length - (limits.lineageLength - length) * BALLOT_BYTES;
      this.#recordViews.push(this.#associated.subarray(0, end));
    }
  }

  /** Why the last `open` or `openPage` returned null; null if it did not. */
  get lastFailure(): OpenFailure | null {
    return this.#lastFailure;
  }

  /** Seals `content` under `header`, which must agree with it (asserted). */
  seal(id: RecordId, header: StateHeader, content: RecordContent): SealedState {
    const { value } = content;
    assert((header.kind === StateKind.live) === (value !== null), 'live states have a value, dead ones none');
    assert(header.paged === (value?.paged ?? false), 'header and value differ in being paged');
    assert(value === null || value.paged || value.bytes !== null, 'a value must be loaded before it is sealed');
    const associated = this.#bindHeader(PART_META, id, header);
    const length = contentLength(content);
    const plain = this.#plain.view(length);
    writeContent(plain, 0, content);
    if (value === null || value.paged || value.bytes === null || !isSeparate(value)) {
      return { header, meta: this.#sealCopy(plain, associated), value: EMPTY };
    }
    const metaLength = SEAL_OVERHEAD_BYTES + length;
    const valueLength = SEAL_OVERHEAD_BYTES + value.bytes.length;
    const { metaAt, valueAt, length: storedLength } = storedLayout(header, metaLength, valueLength);
    const bytes = allocateKept(storedLength);
    this.#sealInto(bytes, metaAt, plain, associated);
    associated[0] = PART_VALUE;
    this.#sealInto(bytes, valueAt, value.bytes, associated);
    return {
      header,
      meta: bytes.subarray(metaAt, metaAt + metaLength),
      value: bytes.subarray(valueAt, valueAt + valueLength),
      room: { bytes, isTaken: false },
    };
  }

  /**
   * Takes the seal off; null if it does not hold (see `lastFailure`). Where `state.value` is null, a value that is not
   * embedded comes back with `bytes` null.
   */
  open(id: RecordId, state: SealedState): OpenedRecord | null {
    this.#lastFailure = null;
    const { header, meta, value } = state;
    if (meta.length === 0) return this.#openUnsealed(state);
    const associated = this.#bindHeader(PART_META, id, header);
    const plain = this.#openSealed(meta, associated);
    if (plain === null) return null;
    let separate: Buffer | null = null;
    if (value !== null && value.length > 0) {
      associated[0] = PART_VALUE;
      separate = this.#openSealed(value, associated);
      if (separate === null) return null;
    }
    const content = decodeContent(plain, separate);
    if (content === null || !agrees(header, content, value !== null)) return this.#fail(DAMAGED);
    return { header, content };
  }

  /** Seals one page of a large value. `bytes` is copied. */
  sealPage(id: RecordId, pageId: PageId, bytes: Buffer): Buffer {
    return this.#sealCopy(bytes, this.#bindPage(id, pageId));
  }

  /** The page's bytes in a buffer of their own; null if the seal does not hold (see `lastFailure`). */
  openPage(id: RecordId, pageId: PageId, sealed: Buffer): Buffer | null {
    this.#lastFailure = null;
    return this.#openSealed(sealed, this.#bindPage(id, pageId));
  }

  /** Storage nodes write without keys: a tombstone made from absent, or over an expired record that remembered nothing. */
  #openUnsealed(state: SealedState): OpenedRecord | null {
    const { header, value } = state;
    const empty = value === null || value.length === 0;
    if (header.kind !== StateKind.dead || header.remembers || header.paged || !empty) return this.#fail(DAMAGED);
    return { header, content: EMPTY_TOMBSTONE };
  }

  #bindHeader(part: number, id: RecordId, header: StateHeader): Buffer {
    assert(id.length === ID_BYTES, 'a record id has 16 bytes');
    this.#associated[0] = part;
    const at = writeLatin1(this.#associated, 1, id);
    writeHeader(this.#associated, at, header);
    const view = this.#recordViews[rowLength(header.lineage)];
    assert(view !== undefined, 'the lineage is too long');
    return view;
  }

  #bindPage(id: RecordId, pageId: PageId): Buffer {
    assert(id.length === ID_BYTES && pageId.length === ID_BYTES, 'record ids and page ids have 16 bytes');
    this.#associated[0] = PART_PAGE;
    writeLatin1(this.#associated, writeLatin1(this.#associated, 1, id), pageId);
    return this.#pageView;
  }

  #sealCopy(plain: Uint8Array, associated: Buffer): Buffer {
    const sealed = allocateKept(SEAL_OVERHEAD_BYTES + plain.length);
    this.#sealInto(sealed, 0, plain, associated);
    return sealed;
  }

  #sealInto(target: Buffer, at: number, plain: Uint8Array, associated: Buffer): void {
    const keyVersion = this.#keys.activeVersion;
    const key = this.#keys.sealKey(keyVersion);
    assert(key !== null, 'the active key version must be there');
    writeU32(target, at, keyVersion);
    const nonce = this.#nonces.next();
    target.set(nonce, at + KEY_VERSION_BYTES);
    const cipherAt = at + PREFIX_BYTES;
    const length = plain.length + TAG_BYTES;
    // A view costs more than a copy, if that is small.
    const inPlace = length > SCRATCH_BYTES;
    const cipher = inPlace ? target.subarray(cipherAt, cipherAt + length) : this.#cipher.view(length);
    this.#sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(cipher, plain, associated, null, nonce, key);
    if (!inPlace) target.set(cipher, cipherAt);
  }

  #openSealed(sealed: Buffer, associated: Buffer): Buffer | null {
    if (sealed.length < SEAL_OVERHEAD_BYTES) return this.#fail(DAMAGED);
    const keyVersion = sealed.readUInt32BE(0);
    const key = this.#keys.sealKey(keyVersion);
    if (key === null) return this.#fail({ kind: 'unknown-key-version', keyVersion });
    const plain = allocateKept(sealed.length - SEAL_OVERHEAD_BYTES);
    const nonce = sealed.subarray(KEY_VERSION_BYTES, PREFIX_BYTES);
    const source = sealed.subarray(PREFIX_BYTES);
    try {
      this.#sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plain, null, source, associated, nonce, key);
    } catch {
      return this.#fail(DAMAGED);
    }
    return plain;
  }

  #fail(failure: OpenFailure): null {
    this.#lastFailure = failure;
    return null;
  }
}

/** What was sealed in one piece fits together; a header, metadata and a value that were mixed do not. */
function agrees(header: StateHeader, content: RecordContent, valueSent: boolean): boolean {
  const { value } = content;
  if ((header.kind === StateKind.live) !== (value !== null) || header.paged !== (value?.paged ?? false)) return false;
  return !valueSent || value === null || value.paged || value.bytes !== null;
}
