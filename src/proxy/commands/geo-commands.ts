import type { CommandRow } from '../command.ts';
import { geoSearchCommands } from './geo-search-commands.ts';
import { parseGeoadd, parseGeodist, parseGeohash, parseGeopos } from './geo-steps.ts';
import { KEY, ONE_KEY } from './keyed-row.ts';

/** Redis's geo group: positions as scores of a sorted set. */
export const geoCommands: readonly CommandRow[] = [
  {
    name: 'geoadd',
    group: 'geo',
    summary: 'Add one or more geospatial items in the geospatial index represented using a sorted set',
    since: '3.2.0',
    complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
    arity: -5,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      {
        name: 'condition',
        type: 'oneof',
        optional: true,
        since: '6.2.0',
        arguments: [
          { name: 'nx', type: 'pure-token', token: 'NX' },
          { name: 'xx', type: 'pure-token', token: 'XX' },
        ],
      },
      { name: 'change', type: 'pure-token', token: 'CH', optional: true, since: '6.2.0' },
      {
        name: 'longitude_latitude_member',
        type: 'block',
        multiple: true,
        arguments: [
          { name: 'longitude', type: 'double' },
          { name: 'latitude', type: 'double' },
          { name: 'member', type: 'string' },
        ],
      },
    ],
    handler: { kind: 'record', parse: parseGeoadd },
  },
  {
    name: 'geodist',
    group: 'geo',
    summary: 'Returns the distance between two members of a geospatial index',
    since: '3.2.0',
    complexity: 'O(log(N))',
    arity: -4,
    flags: ['readonly'],
    categories: ['@read', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'member1', type: 'string' },
      { name: 'member2', type: 'string' },
      {
        name: 'unit',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'm', type: 'pure-token', token: 'M' },
          { name: 'km', type: 'pure-token', token: 'KM' },
          { name: 'ft', type: 'pure-token', token: 'FT' },
          { name: 'mi', type: 'pure-token', token: 'MI' },
        ],
      },
    ],
    handler: { kind: 'record', parse: parseGeodist },
  },
  {
    name: 'geohash',
    group: 'geo',
    summary: 'Returns members of a geospatial index as standard geohash strings',
    since: '3.2.0',
    complexity: 'O(log(N)) for each member requested, where N is the number of elements in the sorted set.',
    arity: -2,
    flags: ['readonly'],
    categories: ['@read', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'member', type: 'string', multiple: true }],
    handler: { kind: 'record', parse: parseGeohash },
  },
  {
    name: 'geopos',
    group: 'geo',
    summary: 'Returns longitude and latitude of members of a geospatial index',
    since: '3.2.0',
    complexity: 'O(N) where N is the number of members requested.',
    arity: -2,
    flags: ['readonly'],
    categories: ['@read', '@geo', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'member', type: 'string', multiple: true }],
    handler: { kind: 'record', parse: parseGeopos },
  },
  ...geoSearchCommands,
];
