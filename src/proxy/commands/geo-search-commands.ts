import type { ArgumentDoc, CommandRow } from '../command.ts';
import { parseGeoSearch } from './geo-search-steps.ts';
import { KEY, ONE_KEY } from './keyed-row.ts';

const UNIT: ArgumentDoc = {
  name: 'unit',
  type: 'oneof',
  arguments: [
    { name: 'm', type: 'pure-token', token: 'M' },
    { name: 'km', type: 'pure-token', token: 'KM' },
    { name: 'ft', type: 'pure-token', token: 'FT' },
    { name: 'mi', type: 'pure-token', token: 'MI' },
  ],
};
const SHOWN: readonly ArgumentDoc[] = [
  { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', optional: true },
  { name: 'withdist', type: 'pure-token', token: 'WITHDIST', optional: true },
  { name: 'withhash', type: 'pure-token', token: 'WITHHASH', optional: true },
];
const ORDER: ArgumentDoc = {
  name: 'order',
  type: 'oneof',
  optional: true,
  arguments: [
    { name: 'asc', type: 'pure-token', token: 'ASC' },
    { name: 'desc', type: 'pure-token', token: 'DESC' },
  ],
};
const COUNT: ArgumentDoc = {
  name: 'count',
  type: 'block',
  optional: true,
  arguments: [
    { name: 'count', type: 'integer', token: 'COUNT' },
    { name: 'any', type: 'pure-token', token: 'ANY', optional: true },
  ],
};
/** As GEORADIUS, which is older than ANY. */
const OLD_COUNT: ArgumentDoc = {
  name: 'count',
  type: 'block',
  optional: true,
  arguments: [
    { name: 'count', type: 'integer', token: 'COUNT' },
    { name: 'any', type: 'pure-token', token: 'ANY', since: '6.2.0', optional: true },
  ],
};
const DESTINATION: readonly ArgumentDoc[] = [
  { name: 'key', type: 'key', keySpecIndex: 1, token: 'STORE', optional: true },
  { name: 'key', type: 'key', keySpecIndex: 2, token: 'STOREDIST', optional: true },
];

const TIES = 'Members at the same distance may come in another order where COUNT cuts some off.';
/** Sine and cosine are another library's. */
const STORED = `${TIES} Of a distance that is stored with all its digits the last may differ, as they do between machines.`;

/** Where GEOSEARCH looks. */
const AREA: readonly ArgumentDoc[] = [
  {
    name: 'from',
    type: 'oneof',
    arguments: [
      { name: 'member', type: 'string', token: 'FROMMEMBER' },
      {
        name: 'longitude_latitude',
        type: 'block',
        token: 'FROMLONLAT',
        arguments: [
          { name: 'longitude', type: 'double' },
          { name: 'latitude', type: 'double' },
        ],
      },
    ],
  },
  {
    name: 'by',
    type: 'oneof',
    arguments: [
      { name: 'circle', type: 'block', arguments: [{ name: 'radius', type: 'double', token: 'BYRADIUS' }, UNIT] },
      {
        name: 'box',
        type: 'block',
        arguments: [{ name: 'width', type: 'double', token: 'BYBOX' }, { name: 'height', type: 'double' }, UNIT],
      },
    ],
  },
];

/** The commands of the geo group that look for what is in a circle or a box. */
export const geoSearchCommands: readonly CommandRow[] = [
  {
    name: 'georadius',
    group: 'geo',
    summary:
      'Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a point',
    since: '3.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -6,
    flags: ['write', 'denyoom', 'movablekeys'],
    categories: ['@write', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'longitude', type: 'double' },
      { name: 'latitude', type: 'double' },
      { name: 'radius', type: 'double' },
      UNIT,
      ...SHOWN,
      OLD_COUNT,
      ORDER,
      ...DESTINATION,
    ],
    handler: { kind: 'atomic', parse: parseGeoSearch('georadius') },
    difference: STORED,
  },
  {
    name: 'georadius_ro',
    group: 'geo',
    summary: 'A read-only variant for GEORADIUS',
    since: '3.2.10',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -6,
    flags: ['readonly'],
    categories: ['@read', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'longitude', type: 'double' },
      { name: 'latitude', type: 'double' },
      { name: 'radius', type: 'double' },
      UNIT,
      ...SHOWN,
      OLD_COUNT,
      ORDER,
    ],
    handler: { kind: 'atomic', parse: parseGeoSearch('georadius_ro') },
    difference: TIES,
  },
  {
    name: 'georadiusbymember',
    group: 'geo',
    summary:
      'Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a member',
    since: '3.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -5,
    flags: ['write', 'denyoom', 'movablekeys'],
    categories: ['@write', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'member', type: 'string' },
      { name: 'radius', type: 'double' },
      UNIT,
      ...SHOWN,
      COUNT,
      ORDER,
      ...DESTINATION,
    ],
    handler: { kind: 'atomic', parse: parseGeoSearch('georadiusbymember') },
    difference: STORED,
  },
  {
    name: 'georadiusbymember_ro',
    group: 'geo',
    summary: 'A read-only variant for GEORADIUSBYMEMBER',
    since: '3.2.10',
    complexity:
      'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
    arity: -5,
    flags: ['readonly'],
    categories: ['@read', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'member', type: 'string' },
      { name: 'radius', type: 'double' },
      UNIT,
      ...SHOWN,
      COUNT,
      ORDER,
    ],
    handler: { kind: 'atomic', parse: parseGeoSearch('georadiusbymember_ro') },
    difference: TIES,
  },
  {
    name: 'geosearch',
    group: 'geo',
    summary: 'Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle.',
    since: '6.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape',
    arity: -7,
    flags: ['readonly'],
    categories: ['@read', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, ...AREA, ORDER, COUNT, ...SHOWN],
    handler: { kind: 'atomic', parse: parseGeoSearch('geosearch') },
    difference: TIES,
  },
  {
    name: 'geosearchstore',
    group: 'geo',
    summary:
      'Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle, and store the result in another key.',
    since: '6.2.0',
    complexity:
      'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape',
    arity: -8,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@geo', '@slow'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: [
      { name: 'destination', type: 'key', keySpecIndex: 0 },
      { name: 'source', type: 'key', keySpecIndex: 1 },
      ...AREA,
      ORDER,
      COUNT,
      { name: 'storedist', type: 'pure-token', token: 'STOREDIST', optional: true },
    ],
    handler: { kind: 'atomic', parse: parseGeoSearch('geosearchstore') },
    difference: STORED,
  },
];
