import { type Script, script } from '../support/script.ts';

const PLACES = [
  '13.361389 38.115556 Palermo',
  '15.087269 37.502669 Catania',
  '-122.27652 37.805186 Oakland',
  '0 0 zero',
];
const EDGES = [
  '180 85.05112878 north-east',
  '-180 -85.05112878 south-west',
  '-0.0000001 0.0000001 near',
  '2.349014 48.864716 Paris',
];
const ALL = 'Palermo Catania Oakland zero north-east south-west near Paris missing';

const places = script('geo: places', [
  ...[...PLACES, ...EDGES].flatMap((place) => [`GEOADD g ${place}`, `ZSCORE g ${place.split(' ')[2] ?? ''}`]),
  `GEOPOS g ${ALL}`,
  `GEOHASH g ${ALL}`,
  'GEOPOS g',
  'GEOHASH g',
  'GEOPOS nothing a b',
  'GEOHASH nothing a b',
  'GEODIST g Palermo Catania',
  ...['m', 'km', 'ft', 'mi', 'KM', 'Mi', 'x', ''].map((unit) => `GEODIST g Palermo Oakland "${unit}"`),
  ...['GEODIST g zero near', 'GEODIST g zero zero', 'GEODIST g north-east south-west km', 'GEODIST g Paris zero mi'],
  ...['GEODIST g zero missing', 'GEODIST nothing a b', 'GEODIST nothing a b parsec', 'GEODIST g Paris Paris m x'],
  ...[
    'GEOADD g NX 1 1 zero 2 2 new',
    'GEOADD g XX 1 1 zero 2 2 newer',
    'GEOADD g CH 3 3 zero 3 3 more',
    'GEOADD g XX CH 4 4 zero',
  ],
  'ZRANGE g 0 -1 WITHSCORES',
  'ZADD g 1.5 odd 1e15 far',
  'GEOPOS g odd far',
  'GEOHASH g odd far',
  'TYPE g',
]);

const errors = script('geo: errors', [
  'SET k text',
  'GEOADD g 1 1 a',
  ...['GEOADD k 1 1 a', 'GEOPOS k a', 'GEOHASH k a', 'GEODIST k a b', 'GEODIST k a b x', 'GEOADD k x 1 a'],
  ...['GEOADD g 200 1 a', 'GEOADD g 1 86 a', 'GEOADD g inf 1 a', 'GEOADD g 1 -inf a', 'GEOADD g -180.1 1.23456789 a'],
  ...[
    'GEOADD g x 1 a',
    'GEOADD g 1 x a',
    'GEOADD g 1 1 a 2',
    'GEOADD g NX XX 1 1 a',
    'GEOADD g NX NX CH',
    'GEOADD g GT 1 1 a',
  ],
  ...[
    'GEOADD g 1 1 a 2 2',
    'GEOADD g 1 1 a 500 1 b',
    'GEOADD g 1e22 1 a',
    'GEOADD',
    'GEOADD g',
    'GEOADD g 1 1',
    'GEODIST g a',
    'GEOPOS',
  ],
  'ZRANGE g 0 -1',
]);

export const geoScripts: readonly Script[] = [places, errors];
