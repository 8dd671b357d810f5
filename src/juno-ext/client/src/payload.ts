import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  constants,
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
} from 'node:zlib';
import type { ClientCompression, ClientEncryption, Result } from './types.ts';

/**
 * What an envelope begins with. Its first byte begins no UTF-8 text; line ends of both kinds and an end-of-file mark show
 * damage by text tools, as in PNG.
 */
const MAGIC = Buffer.from([0x89, 0x4a, 0x4b, 0x56, 0x0d, 0x0a, 0x1a, 0x0a]);
const FORMAT = 1;
const HEAD_BYTES = MAGIC.length + 2;

/** Of the flags byte: the lower four bits are the compression, the upper four are all set in what is sealed. */
const COMPRESSION_MASK = 0x0f;
const COMPRESSIONS = ['none', 'gzip', 'brotli'] as const;
const SEALED = 0xf0;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const MIN_COMPRESSED_BYTES = 1024;
const MAX_PAYLOAD_BYTES = 512 * 1024 * 1024;
/** Its default is the highest, which takes a hundred times as long for a few per cent. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
/** Larger ones are compressed by the thread pool, so that the event loop goes on. */
const THREAD_POOL_BYTES = 64 * 1024;

export interface PayloadOptions {
  readonly encryption?: ClientEncryption | undefined;
  readonly compression?: ClientCompression | undefined;
  readonly maxPayloadBytes?: number | undefined;
}

/** Values to what the servers store, and back; the envelope is described in the README. */
export class PayloadCodec {
  readonly #encryption: ClientEncryption | null;
  readonly #compression: ClientCompression | null;
  readonly #maxBytes: number;

  constructor(options: PayloadOptions) {
    this.#encryption = options.encryption ?? null;
    this.#compression = options.compression ?? null;
    this.#maxBytes = options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES;
  }

  /** What is stored for `value` under `key`: the value itself where nothing is to be done to it. */
  encode(key: Buffer, value: Buffer): Buffer | Promise<Buffer> {
    const compression = this.#compression;
    if (compression === null || value.length < (compression.minBytes ?? MIN_COMPRESSED_BYTES)) {
      return this.#wrap(key, value, 'none');
    }
    const { algorithm } = compression;
    const finish = (packed: Buffer): Buffer =>
      packed.length < value.length ? this.#wrap(key, packed, algorithm) : this.#wrap(key, value, 'none');
    if (value.length < THREAD_POOL_BYTES) {
      return finish(algorithm === 'gzip' ? gzipSync(value) : brotliCompressSync(value, BROTLI));
    }
    const packed = algorithm === 'gzip' ? promisify(gzip)(value) : promisify(brotliCompress)(value, BROTLI);
    return packed.then(finish);
  }

  /** The value of what was stored for it under `key`; the error is 'unreadable-payload'. */
  decode(key: Buffer, stored: Buffer): Result<Buffer> | Promise<Result<Buffer>> {
    const isPlainRefused = this.#encryption?.onlySealed === true;
    if (!startsWithMagic(stored)) return isPlainRefused ? notSealed() : { ok: true, value: stored };
    const flags = stored[MAGIC.length + 1] ?? 0;
    const compression = COMPRESSIONS[flags & COMPRESSION_MASK];
    const isKnown = stored.length >= HEAD_BYTES && stored[MAGIC.length] === FORMAT;
    const seal = flags & SEALED;
    if (!isKnown || compression === undefined || (seal !== 0 && seal !== SEALED)) {
      return unreadable('an envelope of a kind that this client does not know', null);
    }
    if (seal === 0) {
      return isPlainRefused ? notSealed() : this.#decompress(stored.subarray(HEAD_BYTES), compression, null);
    }
    const opened = this.#open(key, stored);
    if (!opened.ok) return opened;
    return this.#decompress(opened.value.content, compression, opened.value.keyName);
  }

  #wrap(key: Buffer, content: Buffer, compression: (typeof COMPRESSIONS)[number]): Buffer {
    const flags = COMPRESSIONS.indexOf(compression);
    const encryption = this.#encryption;
    if (encryption !== null) return seal(key, content, flags, encryption);
    // A plain value that looks like an envelope goes into one.
    if (compression === 'none' && !startsWithMagic(content)) return content;
    return Buffer.concat([head(flags), content]);
  }

  #open(key: Buffer, stored: Buffer): Result<{ readonly content: Buffer; readonly keyName: string }> {
    const nameAt = HEAD_BYTES + 1;
    const nonceAt = nameAt + (stored[HEAD_BYTES] ?? 0);
    const contentAt = nonceAt + NONCE_BYTES;
    if (stored.length < contentAt + TAG_BYTES) return unreadable('the envelope is cut off', null);
    const keyName = stored.toString('utf8', nameAt, nonceAt);
    const keys = this.#encryption?.keys ?? {};
    const secret = Object.hasOwn(keys, keyName) ? keys[keyName] : undefined;
    if (secret === undefined) {
      const reason = this.#encryption === null ? 'has no encryption keys' : 'does not have it';
      return unreadable(`sealed with the key '${keyName}', and this client ${reason}`, keyName);
    }
    const decipher = createDecipheriv('aes-256-gcm', secret, stored.subarray(nonceAt, contentAt), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.concat([stored.subarray(0, nonceAt), key]));
    decipher.setAuthTag(stored.subarray(stored.length - TAG_BYTES));
    try {
      const content = Buffer.concat([
        decipher.update(stored.subarray(contentAt, stored.length - TAG_BYTES)),
        decipher.final(),
      ]);
      return { ok: true, value: { content, keyName } };
    } catch {
      return unreadable(`damaged, of another record, or sealed with another key named '${keyName}'`, keyName);
    }
  }

  #decompress(
    content: Buffer,
    compression: (typeof COMPRESSIONS)[number],
    keyName: string | null,
  ): Result<Buffer> | Promise<Result<Buffer>> {
    if (compression === 'none') return { ok: true, value: content };
    const limit = { maxOutputLength: this.#maxBytes };
    const broken = (error: unknown): Result<Buffer> => {
      const tooLarge = error instanceof RangeError;
      return unreadable(tooLarge ? `larger than ${this.#maxBytes} bytes` : `damaged ${compression} data`, keyName);
    };
    if (content.length >= THREAD_POOL_BYTES) {
      const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(
        compression === 'gzip' ? gunzip : brotliDecompress,
      );
      return unpack(content, limit).then((value) => ({ ok: true, value }), broken);
    }
    try {
      const value = compression === 'gzip' ? gunzipSync(content, limit) : brotliDecompressSync(content, limit);
      return { ok: true, value };
    } catch (error) {
      return broken(error);
    }
  }
}

function startsWithMagic(bytes: Buffer): boolean {
  return (
    bytes[0] === MAGIC[0] &&
    bytes.length >= MAGIC.length &&
    bytes.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) === 0
  );
}

function head(flags: number): Buffer {
  return Buffer.concat([MAGIC, Buffer.from([FORMAT, flags])]);
}

/** Head, key name and the record's key are authenticated with the content: it opens nowhere else. */
function seal(key: Buffer, content: Buffer, flags: number, { current, keys }: ClientEncryption): Buffer {
  const secret = keys[current];
  if (secret === undefined) throw new TypeError(`encryption.keys lacks the current key ${current}`);
  const name = Buffer.from(current, 'utf8');
  const front = Buffer.concat([head(flags | SEALED), Buffer.from([name.length]), name]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.concat([front, key]));
  return Buffer.concat([front, nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function notSealed(): Result<never> {
  return unreadable('it is not sealed, and this client takes only what is', null);
}

function unreadable(message: string, keyName: string | null): Result<never> {
  return { ok: false, error: { kind: 'unreadable-payload', message: `unreadable payload: ${message}`, keyName } };
}
