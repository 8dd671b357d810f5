import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePosition, distanceM, encodePosition, geohashText, isPosition } from './geohash.ts';

const PALERMO = { longitude: 13.361389, latitude: 38.115556 };
const CATANIA = { longitude: 15.087269, latitude: 37.502669 };

describe('positions as scores', () => {
  it('are those of the documentation of Redis', () => {
    expect(encodePosition(PALERMO)).toBe(3_479_099_956_230_698);
    expect(encodePosition(CATANIA)).toBe(3_479_447_370_796_909);
    expect(decodePosition(3_479_099_956_230_698)).toEqual({
      longitude: 13.361389338970184,
      latitude: 38.1155563954963,
    });
    expect(geohashText(decodePosition(encodePosition(PALERMO)))).toBe('sqc8b49rny0');
    const metres = distanceM(decodePosition(encodePosition(PALERMO)), decodePosition(encodePosition(CATANIA)));
    expect(metres.toFixed(4)).toBe('166274.1516');
  });

  it('come back within a metre', () => {
    const position = fc.record({
      longitude: fc.double({ min: -180, max: 179.999, noNaN: true }),
      latitude: fc.double({ min: -85, max: 85, noNaN: true }),
    });
    fc.assert(
      fc.property(position, (one) => {
        expect(isPosition(one)).toBe(true);
        expect(distanceM(one, decodePosition(encodePosition(one)))).toBeLessThan(1);
      }),
      { numRuns: 200 },
    );
  });

  it('are within the map', () => {
    expect(isPosition({ longitude: 180.1, latitude: 0 })).toBe(false);
    expect(isPosition({ longitude: 0, latitude: 85.06 })).toBe(false);
    expect(isPosition({ longitude: Number.NEGATIVE_INFINITY, latitude: 0 })).toBe(false);
  });
});
