import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { SystemRandom } from '../base/system-random.ts';
import type { Keystore } from './keystore.ts';
import {
  activeVersionAt,
  decodeKeystore,
  encodeKeystore,
  formatKeystore,
  generateKeystore,
  keyRing,
  keyRoleAt,
  keystoreFingerprint,
  parseKeystore,
  withNewKeyVersion,
  withoutKeyVersion,
} from './keystore.ts';

const random = new SystemRandom();
const keystore = generateKeystore(random, 1_700_000_000_000);

function rotated(from: Keystore): Keystore {
  const result = withNewKeyVersion(from, random, 1_700_000_000_001);
  if (result === null) throw new Error('full');
  return result;
}

describe('a keystore', () => {
  it('has its own random keys', () => {
    const other = generateKeystore(random, 0);
    const all = [keystore, other].flatMap((made) => [
      made.keystoreId,
      made.recordIdKey.toString('hex'),
      ...made.sealKeys.map(({ key }) => key.toString('hex')),
    ]);
    expect(new Set(all).size).toBe(6);
  });

  it('keeps old key versions when a new one is added', () => {
    const next = rotated(rotated(keystore));
    expect(next.activeVersion).toBe(3);
    expect(next.sealKeys.map(({ keyVersion }) => keyVersion)).toEqual([1, 2, 3]);
    expect(next.recordIdKey).toBe(keystore.recordIdKey);
    const ring = keyRing(next);
    expect(ring.activeVersion).toBe(3);
    expect(ring.sealKey(1)).toBe(keystore.sealKeys[0]?.key);
    expect(ring.sealKey(3)).toBe(next.sealKeys[2]?.key);
    expect(ring.sealKey(4)).toBeNull();
  });

  it('holds a bounded number of key versions', () => {
    const key = Buffer.alloc(32, 1);
    const sealKeys = Array.from({ length: limits.keyVersions }, (_, i) => ({ keyVersion: i + 1, createdAtMs: 0, key }));
    const full = { ...keystore, sealKeys, activeVersion: 1 };
    expect(withNewKeyVersion(full, random, 0)).toBeNull();
    const text = formatKeystore(full);
    expect(text.length).toBeLessThan(limits.keystoreFileBytes);
    expect(parseKeystore(text)).toEqual({ ok: true, keystore: full });
  });

  it('has a fingerprint that survives rotation, differs between keystores and is pinned', () => {
    expect(keystoreFingerprint(keystore)).toMatch(/^[0-9a-f]{32}$/);
    expect(keystoreFingerprint(rotated(keystore))).toBe(keystoreFingerprint(keystore));
    expect(keystoreFingerprint(generateKeystore(random, 0))).not.toBe(keystoreFingerprint(keystore));
    expect(keystoreFingerprint({ ...keystore, recordIdKey: Buffer.alloc(32) })).not.toBe(keystoreFingerprint(keystore));
    const fixed = { ...keystore, keystoreId: '00'.repeat(16), recordIdKey: Buffer.alloc(32, 1) };
    expect(keystoreFingerprint(fixed)).toBe('09734efdb1a4b95352aa1088920ab97c');
  });
});

describe('a version that begins to seal later', () => {
  const waiting = withNewKeyVersion(keystore, random, 1_700_000_000_000, 1_700_000_030_000);
  if (waiting === null) throw new Error('full');

  it('waits for its time, also for programs that know nothing of times', () => {
    expect(waiting.activeVersion).toBe(1);
    expect(activeVersionAt(waiting, 1_700_000_029_999)).toBe(1);
    expect(keyRoleAt(waiting, 2, 1_700_000_029_999)).toBe('waiting');
    expect(activeVersionAt(waiting, 1_700_000_030_000)).toBe(2);
    expect(keyRoleAt(waiting, 1, 1_700_000_030_000)).toBe('old');
    expect(parseKeystore(formatKeystore(waiting))).toEqual({ ok: true, keystore: waiting });
  });

  it('is named as the active one by the next change', () => {
    const next = withNewKeyVersion(waiting, random, 1_700_000_040_000, 1_700_000_050_000);
    expect(next?.activeVersion).toBe(2);
    expect(withoutKeyVersion(waiting, 1, 1_700_000_040_000)).toMatchObject({ activeVersion: 2 });
  });

  it('only an old version can be taken out', () => {
    const nowMs = 1_700_000_000_001;
    for (const version of [1, 2, 3]) expect(withoutKeyVersion(waiting, version, nowMs)).toBeNull();
    const left = withoutKeyVersion(waiting, 1, 1_700_000_030_000);
    expect(left?.sealKeys.map(({ keyVersion }) => keyVersion)).toEqual([2]);
  });

  it('needs a time that is one', () => {
    const file = JSON.parse(formatKeystore(waiting));
    file.sealKeys[1].activeFromMs = 'soon';
    expect(parseKeystore(JSON.stringify(file))).toEqual({
      ok: false,
      problem: 'sealKeys[1].activeFromMs is no time',
    });
  });
});

describe('the bytes of a keystore', () => {
  it('lose their keys when they are read', () => {
    const bytes = encodeKeystore(keystore);
    const hex = keystore.sealKeys[0]?.key.toString('hex') ?? '';
    expect(bytes.toString()).toContain(hex);
    expect(decodeKeystore(bytes)).toEqual({ ok: true, keystore });
    expect(bytes.toString()).not.toContain(hex);
  });

  it('show no key to what shows objects', () => {
    const shown = JSON.stringify(decodeKeystore(encodeKeystore(keystore)));
    expect(shown).toContain(keystore.keystoreId);
    for (const key of [keystore.recordIdKey, ...keystore.sealKeys.map((seal) => seal.key)]) {
      // As JSON has a Buffer, and as texts have keys.
      expect(shown).not.toContain([...key].join(','));
      expect(shown).not.toContain(key.toString('hex'));
      expect(shown).not.toContain(key.toString('base64'));
    }
    expect(shown.match(/\[key\]/g)).toHaveLength(2);
  });
});

describe('the text of a keystore', () => {
  it('is read back', () => {
    const next = rotated(keystore);
    expect(parseKeystore(formatKeystore(next))).toEqual({ ok: true, keystore: next });
  });

  it('has a pinned form', () => {
    const fixed: Keystore = {
      keystoreId: 'ab'.repeat(16),
      recordIdKey: Buffer.alloc(32, 1),
      sealKeys: [{ keyVersion: 1, createdAtMs: 5, key: Buffer.alloc(32, 2) }],
      activeVersion: 1,
    };
    expect(JSON.parse(formatKeystore(fixed))).toEqual({
      formatVersion: 1,
      keystoreId: 'ab'.repeat(16),
      recordIdKey: '01'.repeat(32),
      activeVersion: 1,
      sealKeys: [{ keyVersion: 1, createdAtMs: 5, key: '02'.repeat(32) }],
    });
  });

  const good = JSON.parse(formatKeystore(rotated(keystore)));
  const [first, second] = good.sealKeys;
  it.each<[string, unknown, string]>([
    ['no object', [], 'not a JSON object'],
    ['null', null, 'not a JSON object'],
    ['another format version', { ...good, formatVersion: 2 }, 'formatVersion is not 1'],
    ['no format version', { ...good, formatVersion: undefined }, 'formatVersion is not 1'],
    ['a short id', { ...good, keystoreId: 'ab' }, 'keystoreId'],
    ['a short record id key', { ...good, recordIdKey: good.recordIdKey.slice(2) }, 'recordIdKey'],
    ['a record id key that is no hex', { ...good, recordIdKey: 'zz'.repeat(32) }, 'recordIdKey'],
    ['a record id key that is no string', { ...good, recordIdKey: 5 }, 'recordIdKey'],
    ['no seal keys', { ...good, sealKeys: [] }, 'not a list of keys'],
    ['seal keys of another kind', { ...good, sealKeys: {} }, 'not a list of keys'],
    ['too many seal keys', { ...good, sealKeys: new Array(limits.keyVersions + 1).fill(first) }, 'more than'],
    ['a seal key that is no object', { ...good, sealKeys: [7] }, 'sealKeys[0] is not an object'],
    [
      'a key version that is no number',
      { ...good, sealKeys: [{ ...first, keyVersion: '1' }] },
      'sealKeys[0].keyVersion',
    ],
    [
      'a key version out of range',
      { ...good, sealKeys: [{ ...first, keyVersion: 2 ** 32 }] },
      'sealKeys[0].keyVersion',
    ],
    ['a key version twice', { ...good, sealKeys: [first, { ...second, keyVersion: 1 }] }, 'does not rise'],
    ['a creation time that is no number', { ...good, sealKeys: [{ ...first, createdAtMs: null }] }, 'createdAtMs'],
    ['a short seal key', { ...good, sealKeys: [first, { ...second, key: 'ab' }] }, 'sealKeys[1].key is not 64 hex'],
    ['an active version that is not there', { ...good, activeVersion: 9 }, 'activeVersion'],
    ['no active version', { ...good, activeVersion: undefined }, 'activeVersion'],
  ])('is refused with %s', (_name, file, problem) => {
    const parsed = parseKeystore(JSON.stringify(file));
    expect(parsed.ok ? '' : parsed.problem).toContain(problem);
  });

  it('is never quoted when it is no JSON', () => {
    const text = formatKeystore(keystore).slice(0, -10);
    expect(parseKeystore(text)).toEqual({ ok: false, problem: 'it is not JSON' });
  });
});
