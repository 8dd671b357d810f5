import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SessionRunner, shown } from '../testing/session-runner.ts';
import { distanceM, type Position } from './geohash.ts';

const MEMBERS = 400;

const place = (max: number): fc.Arbitrary<Position> =>
  fc.record({
    longitude: fc.double({ min: -170, max: 170, noNaN: true }),
    latitude: fc.double({ min: -max, max, noNaN: true }),
  });

async function added(places: readonly Position[]): Promise<SessionRunner> {
  const session = new SessionRunner();
  const words = places.flatMap(({ longitude, latitude }, i) => [String(longitude), String(latitude), `a member ${i}`]);
  await session.runArguments(['GEOADD', 'g', ...words].map((word) => Buffer.from(word)));
  return session;
}

describe('a search for places', () => {
  it('finds those that are in the circle, among many in a tree', async () => {
    const places = fc.array(place(60), { minLength: MEMBERS, maxLength: MEMBERS });
    await fc.assert(
      fc.asyncProperty(places, place(55), fc.integer({ min: 1, max: 1_500_000 }), async (all, centre, radiusM) => {
        const session = await added(all);
        const inside = all.flatMap((one, i) => (distanceM(one, centre) < radiusM ? [`a member ${i}`] : []));
        const { longitude, latitude } = centre;
        const words = [
          'GEOSEARCH',
          'g',
          'FROMLONLAT',
          String(longitude),
          String(latitude),
          'BYRADIUS',
          String(radiusM),
          'm',
        ];
        const reply = await session.runArguments(words.map((word) => Buffer.from(word)));
        const found = shown(reply ?? null);
        const onTheEdge = all.some((one) => Math.abs(distanceM(one, centre) - radiusM) < 1);
        if (!onTheEdge) expect(Array.isArray(found) ? [...found].sort() : found).toEqual(inside.sort());
      }),
      { numRuns: 15 },
    );
  });

  it('answers as the documentation of Redis says', async () => {
    const session = new SessionRunner();
    await session.run('GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania');
    await session.run('GEOADD Sicily 12.758489 38.788135 edge1 17.241510 38.788135 edge2');
    expect(await session.run('GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC')).toEqual(['Catania', 'Palermo']);
    expect(await session.run('GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHDIST')).toEqual([
      ['Catania', '56.4413'],
      ['Palermo', '190.4424'],
      ['edge2', '279.7403'],
      ['edge1', '279.7405'],
    ]);
  });
});
