import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { contentLength, decodeContent, encodeContent, isSeparate, writeContent } from './content-codec.ts';
import { NO_REQUESTS } from './request-history.ts';
import { type RecordContent, RequestAction, type RequestRecord } from './state.ts';
import type { Value } from './value.ts';
import { Encoding, ValueType } from './value.ts';

const content: RecordContent = {
  key: Buffer.from('key'),
  recordVersion: 2,
  creationTimeMs: 1_700_000_000_000,
  lastModifiedMs: 1_700_000_000_001,
  requests: {
    entries: [
      {
        requestId: 'abcdefghijklmnop',
        action: RequestAction.updated,
        recordVersion: 2,
        creationTimeMs: 3,
        expiresAtMs: 4,
        appliedAtMs: 5,
      },
    ],
    forgottenUntilMs: 6,
    forgotUntimed: true,
  },
  value: { type: ValueType.string, paged: false, bytes: Buffer.from('v1') },
};
const goldenHead = [
  '01', // contentVersion
  '0000000000000002', // recordVersion
  '0000018bcfe56800', // creationTimeMs
  '0000018bcfe56801', // lastModifiedMs
  '000000036b6579', // key
  '01', // request ids
  '6162636465666768696a6b6c6d6e6f70',
  '02', // action
  '0000000000000002', // recordVersion
  '0000000000000003', // creationTimeMs
  '0000000000000004', // expiresAtMs
  '0000000000000005', // appliedAtMs
  '0000000000000006', // forgottenUntilMs
  '01', // forgotUntimed
].join('');

const paged: Value = {
  type: ValueType.string,
  paged: true,
  length: 200_000,
  depth: 1,
  root: ['0123456789abcdef', '', 'fedcba9876543210'],
};
const hash: Value = { type: ValueType.hash, paged: false, bytes: Buffer.from('010000000101610162', 'hex') };
const trees: Value = {
  type: ValueType.set,
  paged: true,
  encoding: Encoding.hashtable,
  length: 3,
  trees: [
    { count: 2, bytes: 3, depth: 1, root: Buffer.from('root') },
    { count: 1, bytes: 0, depth: 0, root: Buffer.alloc(0) },
  ],
};
const timed: Value = {
  type: ValueType.hash,
  paged: true,
  encoding: Encoding.hashtable,
  length: 4,
  trees: [],
  fieldTimes: { soonestMs: 6, vanishesAtMs: 7 },
};
const separate: Value = { type: ValueType.string, paged: false, bytes: Buffer.alloc(limits.embeddedValueBytes + 1, 7) };

const bytesArbitrary = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
const pageIdArbitrary = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))
  .filter((id) => id !== '\0'.repeat(16));
const valueArbitrary: fc.Arbitrary<Value | null> = fc.oneof(
  fc.constant(null),
  fc.record({
    type: fc.constantFrom(ValueType.hash, ValueType.set, ValueType.list, ValueType.zset),
    paged: fc.constant(true as const),
    encoding: fc.constantFrom(...Object.values(Encoding)),
    length: fc.maxSafeNat(),
    trees: fc.array(
      fc.record({ count: fc.maxSafeNat(), bytes: fc.maxSafeNat(), depth: fc.nat(255), root: bytesArbitrary }),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    type: fc.constantFrom(...Object.values(ValueType)),
    paged: fc.constant(false as const),
    bytes: fc.uint8Array({ maxLength: limits.embeddedValueBytes * 2 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({
    type: fc.constant(ValueType.string),
    paged: fc.constant(true as const),
    length: fc.maxSafeNat(),
    depth: fc.constantFrom(0 as const, 1 as const),
    root: fc.array(fc.oneof(fc.constant(''), pageIdArbitrary), { maxLength: limits.rootFanout }),
  }),
);
const timesArbitrary = fc.record({ soonestMs: fc.maxSafeNat(), vanishesAtMs: fc.maxSafeNat() });

/** Of a hash perhaps with times. */
function withTimes(content: RecordContent): fc.Arbitrary<RecordContent> {
  const { value } = content;
  if (value?.type !== ValueType.hash) return fc.constant(content);
  return fc.oneof(
    fc.constant(content),
    fc
      .record({ fieldTimes: timesArbitrary, keyExpiresAtMs: fc.maxSafeNat() })
      .map(({ fieldTimes, keyExpiresAtMs }) => ({
        ...content,
        value: { ...value, fieldTimes },
        keyExpiresAtMs,
      })),
  );
}

const requestArbitrary: fc.Arbitrary<RequestRecord> = fc.record({
  requestId: pageIdArbitrary,
  action: fc.constantFrom(...Object.values(RequestAction)),
  recordVersion: fc.maxSafeNat(),
  creationTimeMs: fc.maxSafeNat(),
  expiresAtMs: fc.maxSafeNat(),
  appliedAtMs: fc.maxSafeNat(),
});
const contentArbitrary: fc.Arbitrary<RecordContent> = fc.record({
  key: bytesArbitrary,
  recordVersion: fc.maxSafeNat(),
  creationTimeMs: fc.maxSafeNat(),
  lastModifiedMs: fc.maxSafeNat(),
  requests: fc.oneof(
    fc.constant(NO_REQUESTS),
    fc.record({
      entries: fc.array(requestArbitrary, { minLength: 1, maxLength: limits.requestIdsPerRecord }),
      forgottenUntilMs: fc.maxSafeNat(),
      forgotUntimed: fc.boolean(),
    }),
  ),
  value: valueArbitrary,
});

describe('record content', () => {
  it('has pinned bytes', () => {
    expect(encodeContent(content).toString('hex')).toBe(`${goldenHead}01007631`);
    expect(encodeContent({ ...content, value: null }).toString('hex')).toBe(`${goldenHead}00`);
    expect(encodeContent({ ...content, value: separate }).toString('hex')).toBe(`${goldenHead}0101`);
    expect(encodeContent({ ...content, value: paged }).toString('hex')).toBe(
      `${goldenHead}01020000000000030d40010003${'30313233343536373839616263646566'}${'00'.repeat(16)}${'66656463626139383736353433323130'}`,
    );
  });

  it('has pinned bytes of collections', () => {
    expect(encodeContent({ ...content, value: hash }).toString('hex')).toBe(`${goldenHead}0200010000000101610162`);
    expect(encodeContent({ ...content, value: trees }).toString('hex')).toBe(
      [
        `${goldenHead}0303`, // a set, in trees
        '02', // hashtable
        '0000000000000003', // length
        '02', // trees
        `0000000000000002${'0000000000000003'}01${'00000004'}726f6f74`,
        `0000000000000001${'0000000000000000'}00${'00000000'}`,
      ].join(''),
    );
  });

  it('has pinned bytes of a hash whose fields expire', () => {
    const times = ['04', '0000000000000005', '0000000000000006', '0000000000000007'].join('');
    const keyExpiresAtMs = 5;
    expect(encodeContent({ ...content, keyExpiresAtMs, value: timed }).toString('hex')).toBe(
      `${goldenHead}02${times}0302000000000000000400`,
    );
    const small: Value = { ...hash, fieldTimes: { soonestMs: 6, vanishesAtMs: 7 } };
    expect(encodeContent({ ...content, keyExpiresAtMs, value: small }).toString('hex')).toBe(
      `${goldenHead}02${times}00010000000101610162`,
    );
  });

  it('round trips', () => {
    fc.assert(
      fc.property(contentArbitrary.chain(withTimes), (made) => {
        const { value } = made;
        const apart = value !== null && !value.paged && isSeparate(value) ? value.bytes : null;
        expect(decodeContent(encodeContent(made), apart)).toEqual(made);
      }),
      { numRuns: 300 },
    );
  });

  it('is written in place, as long as announced', () => {
    const target = Buffer.alloc(contentLength(content) + 10, 0xee);
    expect(writeContent(target, 5, content)).toBe(target.length - 5);
    expect(decodeContent(target.subarray(5, -5), null)).toEqual(content);
    expect(target.subarray(-5).toString('hex')).toBe('eeeeeeeeee');
  });

  it('leaves the bytes of a separate value out, and takes them from outside', () => {
    const bytes = encodeContent({ ...content, value: separate });
    expect(decodeContent(bytes, null)?.value).toEqual({ type: ValueType.string, paged: false, bytes: null });
    expect(decodeContent(bytes, separate.bytes)?.value).toEqual(separate);
    for (const value of [content.value, paged, null]) {
      expect(decodeContent(encodeContent({ ...content, value }), Buffer.from('stray'))).toBeNull();
    }
  });

  it('refuses too many request ids', () => {
    const entries = Array.from({ length: limits.requestIdsPerRecord + 1 }, () => content.requests.entries[0]).filter(
      (entry) => entry !== undefined,
    );
    const requests = { ...content.requests, entries };
    expect(() => encodeContent({ ...content, requests })).toThrow('too many request ids');
  });

  it('is null when cut (but for the tail of an embedded value) or continued', () => {
    for (const value of [null, separate, paged, trees, timed]) {
      const bytes = encodeContent({ ...content, value });
      for (let i = 0; i < bytes.length; i++) expect(decodeContent(bytes.subarray(0, i), null)).toBeNull();
      expect(decodeContent(Buffer.concat([bytes, Buffer.alloc(1)]), null)).toBeNull();
    }
  });

  it('never throws on random bytes', () => {
    const head = Buffer.from(goldenHead, 'hex');
    fc.assert(
      fc.property(fc.nat(head.length), fc.uint8Array({ maxLength: 120 }), (keep, tail) => {
        const bytes = Buffer.concat([head.subarray(0, keep), tail]);
        const decoded = decodeContent(bytes, null);
        if (decoded !== null) expect(decoded.requests.entries.length).toBeLessThanOrEqual(255);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, number, string]>([
    ['another content version', 0, '02'],
    ['an unsafe recordVersion', 1, '0020000000000000'],
    ['an unsafe creation time', 9, '0020000000000000'],
    ['an unsafe modification time', 17, '0020000000000000'],
    ['a key past the end', 25, 'ffffffff'],
    ['more request ids than there are', 32, '02'],
    ['an unknown action of a request', 49, '00'],
    ['an unsafe version of a request', 50, '0020000000000000'],
    ['an unsafe time of a request', 74, '0020000000000000'],
    ['an unsafe time of what was forgotten', 82, '0020000000000000'],
    ['an unknown value type', 91, '09'],
    ['an unknown form', 92, '09'],
  ])('is null with %s', (_name, offset, hex) => {
    const bytes = encodeContent(content);
    Buffer.from(hex, 'hex').copy(bytes, offset);
    expect(decodeContent(bytes, null)).toBeNull();
  });

  it.each<[string, number, string]>([
    ['no encoding', 93, '00'],
    ['an unknown encoding', 93, '06'],
    ['an unsafe length', 94, '0020000000000000'],
    ['more trees than there are', 102, '03'],
    ['fewer trees than there are', 102, '01'],
    ['an unsafe count', 103, '0020000000000000'],
    ['unsafe bytes', 111, '0020000000000000'],
    ['a root past the end', 120, 'ffffffff'],
  ])('of trees is null with %s', (_name, offset, hex) => {
    const bytes = encodeContent({ ...content, value: trees });
    Buffer.from(hex, 'hex').copy(bytes, offset);
    expect(decodeContent(bytes, null)).toBeNull();
  });

  it.each<[string, number, string]>([
    ['an unsafe expiry of the key', 93, '0020000000000000'],
    ['an unsafe soonest time', 101, '0020000000000000'],
    ['an unsafe last time', 109, '0020000000000000'],
    ['times again', 117, '04'],
    ['another form', 117, '02'],
    ['another type', 91, '03'],
  ])('of a hash whose fields expire is null with %s', (_name, offset, hex) => {
    const bytes = encodeContent({ ...content, value: timed });
    Buffer.from(hex, 'hex').copy(bytes, offset);
    expect(decodeContent(bytes, null)).toBeNull();
  });

  it('of a string is never in trees', () => {
    const bytes = encodeContent({ ...content, value: trees });
    bytes[91] = ValueType.string;
    expect(decodeContent(bytes, null)).toBeNull();
  });

  it.each<[string, number, string]>([
    ['an unsafe length', 93, '0020000000000000'],
    ['an unknown depth', 101, '02'],
    ['more root ids than there are', 102, '0004'],
    ['fewer root ids than there are', 102, '0002'],
  ])('of a paged string is null with %s', (_name, offset, hex) => {
    const bytes = encodeContent({ ...content, value: paged });
    Buffer.from(hex, 'hex').copy(bytes, offset);
    expect(decodeContent(bytes, null)).toBeNull();
  });
});
