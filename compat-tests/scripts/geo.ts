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

const SHAPES = [
  'BYRADIUS 200 km',
  'BYRADIUS 200000 m ASC',
  'BYRADIUS 100 mi DESC',
  'BYRADIUS 20000 KM ASC WITHDIST',
  'BYRADIUS 0 m WITHHASH',
  'BYRADIUS inf ft DESC COUNT 3',
  'BYBOX 400 400 km ASC WITHCOORD WITHDIST WITHHASH',
  'BYBOX 400 0 km WITHDIST',
  'BYBOX 40000 20000 km DESC COUNT 4',
  'BYBOX 40000 20000 km COUNT 2 ANY WITHCOORD',
];
const CENTRES = [
  'FROMMEMBER Palermo',
  'FROMLONLAT 15 37',
  'FROMLONLAT 180 0',
  'FROMLONLAT -180 -85.05112878',
  'FROMMEMBER zero',
];
const RADIUS_FORMS = ['', ' ASC', ' DESC COUNT 2', ' WITHCOORD WITHDIST WITHHASH ASC', ' COUNT 1 ANY'];

const searches = script('geo: searches', [
  ...[...PLACES, ...EDGES].map((place) => `GEOADD g ${place}`),
  ...CENTRES.flatMap((centre) => SHAPES.map((shape) => `GEOSEARCH g ${centre} ${shape}`)),
  ...SHAPES.map((shape) => `GEOSEARCH nothing FROMMEMBER x ${shape}`),
  ...RADIUS_FORMS.flatMap((form) => [
    `GEORADIUS g 15 37 200 km${form}`,
    `GEORADIUS_RO g 15 37 20000 km${form}`,
    `GEORADIUSBYMEMBER g Palermo 200 km${form}`,
    `GEORADIUSBYMEMBER_RO g Palermo 20000 KM${form}`,
    `GEORADIUSBYMEMBER nothing Palermo 200 km${form}`,
    `GEORADIUS nothing 15 37 200 km${form}`,
  ]),
  // A longitude of 180 has a score of more than 53 bits.
  'GEOADD edge 180 10 east 180 85 north -180 -85 west',
  ...['GEOPOS edge east north west', 'ZRANGE edge 0 -1 WITHSCORES', 'GEOHASH edge east north west'],
  'GEOSEARCH edge FROMMEMBER east BYRADIUS 20000 km ASC WITHDIST WITHHASH',
  'GEORADIUS edge 180 10 10 km WITHHASH WITHCOORD',
  'COMMAND GETKEYS GEORADIUS g 15 37 200 km',
  'COMMAND GETKEYS GEORADIUS g 15 37 200 km STORE a STOREDIST b',
  'COMMAND GETKEYSANDFLAGS GEORADIUSBYMEMBER g m 200 km STORE a',
  'COMMAND GETKEYS GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m',
]);

const searchErrors = script('geo: errors of searches', [
  'SET k text',
  'GEOADD g 1 1 a',
  ...[
    'GEOSEARCH k FROMMEMBER',
    'GEOSEARCH k FROMMEMBER a BYRADIUS 1 m',
    'GEORADIUS k x 1 1 m',
    'GEORADIUSBYMEMBER k a 1 m',
  ],
  ...['g', 'nothing'].flatMap((key) =>
    [
      ...[
        'b BYRADIUS 1 m',
        'a BYRADIUS x m',
        'a BYRADIUS -1 m',
        'a BYRADIUS 1 x',
        'a BYRADIUS 1 constructor',
        'a BYBOX x 1 m',
      ],
      ...[
        'a BYBOX 1 x m',
        'a BYBOX -1 1 m',
        'a BYBOX 1 1 x',
        'a BYBOX 1 1',
        'a FROMLONLAT 1 1 BYRADIUS 1 m',
        'a ASC DESC',
      ],
      ...[
        'a BYBOX 1 1 m BYRADIUS 1 m',
        'a BYRADIUS 1 m COUNT 0',
        'a BYRADIUS 1 m COUNT x',
        'a BYRADIUS 1 m COUNT',
        'a x',
      ],
      ...['a BYRADIUS 1 m ANY', 'a BYRADIUS 1 m STORE k', 'a BYRADIUS 1 m STOREDIST', 'a BYRADIUS 1 m COUNT 1 ANY x'],
    ].map((rest) => `GEOSEARCH ${key} FROMMEMBER ${rest}`),
  ),
  'GEOSEARCH g FROMLONLAT 200 1 BYRADIUS 1 m',
  'GEOSEARCH g FROMLONLAT x 1 BYRADIUS 1 m',
  'GEOSEARCH g ASC DESC ASC DESC ASC',
  'geosearch g BYRADIUS 1 m WITHDIST ASC',
  ...[
    'GEORADIUS g 1 1 x m',
    'GEORADIUS g 1 1 -1 m',
    'GEORADIUS g 1 1 1 x',
    'GEORADIUS g 1 86 1 m',
    'GEORADIUS g 1 1 1',
  ],
  ...['GEORADIUS_RO g 1 1 1 m STORE k', 'GEORADIUSBYMEMBER g b 1 m', 'GEORADIUSBYMEMBER nothing b x y'],
  ...['GEORADIUSBYMEMBER_RO g a 1 m STOREDIST k', 'GEORADIUSBYMEMBER g a 1 m STORE', 'GEOSEARCH g'],
  ...['GEORADIUS g 1 1 1 m WITHDIST STORE k', 'GEORADIUS g 1 1 1 m FROMMEMBER a', 'GEORADIUSBYMEMBER g a 1 m ANY'],
]);

export const geoScripts: readonly Script[] = [places, errors, searches, searchErrors];
