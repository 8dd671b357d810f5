import { describe, expect, it } from 'vitest';
import { SystemRandom } from '../base/system-random.ts';
import { generateKeystore, type Keystore, withNewKeyVersion, withoutKeyVersion } from './keystore.ts';
import { LiveKeyRing } from './live-key-ring.ts';

const random = new SystemRandom();
const first = generateKeystore(random, 0);

function rotated(keystore: Keystore, activeFromMs: number): Keystore {
  const next = withNewKeyVersion(keystore, random, 0, activeFromMs);
  if (next === null) throw new Error('full');
  return next;
}

describe('a live key ring', () => {
  it('opens with a new version at once, and seals with it when its time has come', () => {
    const ring = new LiveKeyRing(first, 0);
    const next = rotated(first, 1_000);
    expect(ring.sealKey(2)).toBeNull();
    expect(ring.adopt(next, 10)).toBeNull();
    expect(ring.sealKey(2)).toBe(next.sealKeys[1]?.key);
    expect(ring.activeVersion).toBe(1);
    expect(ring.tick(999)).toBe(false);
    expect(ring.tick(1_000)).toBe(true);
    expect(ring.activeVersion).toBe(2);
    expect(ring.versions).toEqual([1, 2]);
  });

  it('takes no version back when the wall clock is set back', () => {
    const ring = new LiveKeyRing(rotated(first, 1_000), 2_000);
    expect(ring.tick(500)).toBe(false);
    expect(ring.activeVersion).toBe(2);
  });

  it('keeps what it has rather than take a keystore that cannot be right', () => {
    const ring = new LiveKeyRing(rotated(first, 0), 5);
    expect(ring.adopt(first, 5)).toBe('it lacks version 2, which seals');
    expect(ring.adopt(generateKeystore(random, 0), 5)).toBe('it is the one of another cluster');
    const back = { ...ring.keystore, activeVersion: 1, sealKeys: ring.keystore.sealKeys.map(withoutTime) };
    expect(ring.adopt(back, 5)).toBe('version 1 would seal again, after version 2');
    expect(ring.activeVersion).toBe(2);
  });

  it('forgets a version that was retired', () => {
    const next = rotated(first, 0);
    const ring = new LiveKeyRing(next, 5);
    const retired = withoutKeyVersion(next, 1, 5);
    expect(retired === null ? '' : ring.adopt(retired, 5)).toBeNull();
    expect(ring.sealKey(1)).toBeNull();
  });

  it('asks for a newer keystore when a version is unknown, and uses it at once', () => {
    const ring = new LiveKeyRing(first, 0);
    const next = rotated(first, 0);
    let asked = 0;
    ring.onUnknownVersion = () => {
      asked++;
      ring.adopt(next, 1);
    };
    expect(ring.sealKey(2)).toBe(next.sealKeys[1]?.key);
    expect(ring.sealKey(1)).toBe(first.sealKeys[0]?.key);
    expect(asked).toBe(1);
    expect(ring.sealKey(9)).toBeNull();
  });
});

function withoutTime({ activeFromMs: _time, ...key }: Keystore['sealKeys'][number]) {
  return key;
}
