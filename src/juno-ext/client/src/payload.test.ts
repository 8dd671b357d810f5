import { createCipheriv } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadCodec, type PayloadOptions } from './payload.ts';

const KEY = Buffer.from('user:1');
const SECRET = Buffer.alloc(32, 7);
const OTHER_SECRET = Buffer.alloc(32, 8);
const MAGIC = '894a4b560d0a1a0a';
const encryption = { current: 'k1', keys: { k1: SECRET } };
const gzip = { algorithm: 'gzip', minBytes: 1 } as const;
const brotli = { algorithm: 'brotli', minBytes: 1 } as const;

const everyOption: readonly PayloadOptions[] = [undefined, gzip, brotli].flatMap((compression) => [
  { compression },
  { compression, encryption },
]);

/** What a value has become, decoded by a client with `reader`. */
async function through(writer: PayloadOptions, reader: PayloadOptions, value: Buffer): Promise<unknown> {
  const stored = await new PayloadCodec(writer).encode(KEY, value);
  const decoded = await new PayloadCodec(reader).decode(KEY, stored);
  return decoded.ok ? decoded.value : decoded.error;
}

/** For large values, which `toEqual` compares byte by byte at its leisure. */
function isSame(value: unknown, expected: Buffer): boolean {
  return Buffer.isBuffer(value) && value.equals(expected);
}

const anyValue = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 20 }).map((tail) => Buffer.concat([Buffer.from(MAGIC, 'hex'), tail])),
  fc.string({ maxLength: 20 }).map((text) => Buffer.from(text.repeat(100))),
);

describe('payloads', () => {
  it('come back as they were, whatever is done to them in between', async () => {
    for (const options of everyOption) {
      await fc.assert(
        fc.asyncProperty(anyValue, async (bytes) => {
          const value = Buffer.from(bytes);
          expect(await through(options, options, value)).toEqual(value);
        }),
        { numRuns: 60 },
      );
    }
  });

  it('large ones, too', async () => {
    const value = Buffer.alloc(300_000, 'junokv');
    for (const options of everyOption) expect(isSame(await through(options, options, value), value)).toBe(true);
  });

  it('are stored as they are without options', () => {
    const value = Buffer.from('plain');
    expect(new PayloadCodec({}).encode(KEY, value)).toBe(value);
    expect(new PayloadCodec({ compression: { algorithm: 'gzip' } }).encode(KEY, value)).toBe(value);
  });

  it('are read by clients with other options, if only the key is known', async () => {
    const value = Buffer.from('x'.repeat(5000));
    for (const writer of everyOption) expect(await through(writer, { encryption }, value)).toEqual(value);
    expect(await through({ compression: gzip }, {}, value)).toEqual(value);
    const rotated = { current: 'k2', keys: { k1: SECRET, k2: OTHER_SECRET } };
    expect(await through({ encryption }, { encryption: rotated }, value)).toEqual(value);
  });

  it('become smaller by compression, or stay as they are', async () => {
    const codec = new PayloadCodec({ compression: gzip });
    expect((await codec.encode(KEY, Buffer.alloc(5000))).length).toBeLessThan(100);
    const short = Buffer.from('abc');
    expect(await codec.encode(KEY, short)).toBe(short);
  });

  it('show nothing of themselves when sealed, and are sealed anew each time', () => {
    const codec = new PayloadCodec({ encryption });
    const value = Buffer.from('account number 12345678');
    const stored = [codec.encode(KEY, value), codec.encode(KEY, value)];
    for (const bytes of stored) expect(Buffer.isBuffer(bytes) && bytes.includes('12345678')).toBe(false);
    expect(stored[0]).not.toEqual(stored[1]);
  });
});

describe('unreadable payloads', () => {
  const value = Buffer.from('secret');

  it('name the key that is missing', async () => {
    const error = { kind: 'unreadable-payload', keyName: 'k1' };
    expect(await through({ encryption }, {}, value)).toMatchObject(error);
    const others = { current: 'k2', keys: { k2: OTHER_SECRET } };
    expect(await through({ encryption }, { encryption: others }, value)).toMatchObject(error);
    const namesake = { current: 'k1', keys: { k1: OTHER_SECRET } };
    expect(await through({ encryption }, { encryption: namesake }, value)).toMatchObject(error);
  });

  it('are those of another record', async () => {
    const codec = new PayloadCodec({ encryption });
    const stored = await codec.encode(Buffer.from('user:2'), value);
    expect(await codec.decode(KEY, stored)).toMatchObject({ ok: false, error: { keyName: 'k1' } });
  });

  it('are all that one bit was changed in, or that lost their end', async () => {
    for (const compression of [undefined, gzip]) {
      const codec = new PayloadCodec({ encryption, compression });
      const stored = await codec.encode(KEY, Buffer.alloc(40, 'a'));
      for (let bit = 64; bit < stored.length * 8; bit++) {
        const changed = Buffer.from(stored);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const decoded = await codec.decode(KEY, changed);
        expect(decoded.ok ? decoded.value : decoded.error.kind).toBe('unreadable-payload');
      }
      for (let length = 8; length < stored.length; length++) {
        expect(await codec.decode(KEY, stored.subarray(0, length))).toMatchObject({ ok: false });
      }
    }
  });

  it('are those that were never sealed, if the client asks for that', async () => {
    const strict = { encryption: { ...encryption, onlySealed: true } };
    const error = { kind: 'unreadable-payload', keyName: null };
    expect(await through({}, strict, value)).toMatchObject(error);
    expect(await through({ compression: gzip }, strict, Buffer.alloc(500))).toMatchObject(error);
    expect(await through(strict, strict, value)).toEqual(value);
  });

  it('are those that grow beyond the limit', async () => {
    const large = Buffer.alloc(200_000, 'a');
    for (const compression of [gzip, brotli]) {
      expect(await through({ compression }, { maxPayloadBytes: 199_999 }, large)).toMatchObject({
        kind: 'unreadable-payload',
        message: 'unreadable payload: larger than 199999 bytes',
      });
      expect(isSame(await through({ compression }, { maxPayloadBytes: 200_000 }, large), large)).toBe(true);
    }
    // Incompressible, so that what is stored goes the way of the thread pool.
    const noise = Buffer.concat([Buffer.from(`${MAGIC}0101`, 'hex'), gzipSync(Buffer.alloc(2_000_000), { level: 0 })]);
    const codec = new PayloadCodec({ maxPayloadBytes: 1_000_000 });
    expect(await codec.decode(KEY, noise)).toMatchObject({ ok: false, error: { kind: 'unreadable-payload' } });
  });

  it.each([
    ['an unknown format', `${MAGIC}0200`],
    ['an unknown compression', `${MAGIC}0103`],
    ['unknown flags', `${MAGIC}0120`],
    ['no flags', `${MAGIC}01`],
    ['the magic alone', MAGIC],
    ['gzip that is none', `${MAGIC}0101ffff`],
    ['brotli that is none', `${MAGIC}0102ffff`],
    ['a seal without a name', `${MAGIC}01f0`],
  ])('have %s', async (_, hex) => {
    const codec = new PayloadCodec({ encryption });
    const error = { kind: 'unreadable-payload', keyName: null };
    expect(await codec.decode(KEY, Buffer.from(hex, 'hex'))).toMatchObject({ ok: false, error });
  });
});

describe('the envelope', () => {
  it('of an escaped value is magic, format and flags', () => {
    const value = Buffer.from(`${MAGIC}616263`, 'hex');
    expect(new PayloadCodec({}).encode(KEY, value)).toEqual(Buffer.from(`${MAGIC}0100${MAGIC}616263`, 'hex'));
  });

  it('of gzip and brotli was always read like this', async () => {
    const codec = new PayloadCodec({});
    const packed = { gzip: '011f8b08000000000000034b4ca43d0000647a70af64000000', brotli: '021b6300f825c202b140a003' };
    for (const hex of Object.values(packed)) {
      const decoded = await codec.decode(KEY, Buffer.from(`${MAGIC}01${hex}`, 'hex'));
      expect(decoded).toEqual({ ok: true, value: Buffer.alloc(100, 'a') });
    }
  });

  it('of a sealed value has name, nonce, content and tag; head, name and record key are authenticated', async () => {
    const front = Buffer.from(`${MAGIC}01f0026b31`, 'hex');
    const nonce = Buffer.from('000102030405060708090a0b', 'hex');
    const cipher = createCipheriv('aes-256-gcm', SECRET, nonce);
    cipher.setAAD(Buffer.concat([front, KEY]));
    const sealed = Buffer.concat([front, nonce, cipher.update('hello'), cipher.final(), cipher.getAuthTag()]);
    expect(await new PayloadCodec({ encryption }).decode(KEY, sealed)).toEqual({
      ok: true,
      value: Buffer.from('hello'),
    });
    expect(sealed.toString('hex')).toBe(
      '894a4b560d0a1a0a01f0026b31000102030405060708090a0b70e4851c72886dfcd9daa0182fdb1009279725df10',
    );
    const made = await new PayloadCodec({ encryption }).encode(KEY, Buffer.from('hello'));
    expect(made.length).toBe(sealed.length);
    expect(made.subarray(0, front.length)).toEqual(front);
  });
});
