import fc from 'fast-check';
import { exactly, inAnyOrderAtAllLevels, nearlySameNumbers } from '../support/comparisons.ts';
import { key, ofAnyType } from './collections.ts';
import { DISTANCES_KEY } from './keyspace.ts';
import {
  bytes,
  type Commands,
  countedListOf,
  formOf,
  line,
  listOf,
  longBulk,
  name,
  names,
  often,
  oneOf,
  text,
  word,
} from './random-command.ts';

const score = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -4, max: 4 }).map(String) },
  {
    weight: 2,
    arbitrary: oneOf('0.1', '2.5', '-0', 'inf', '-inf', '+inf', '1e17', '-1e-5', 'x', 'nan', '1e400', '0x10', ' 1', ''),
  },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String) },
);
const scoredPairs = listOf(fc.tuple(score, name));
const addOptions = fc.subarray(['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'], { maxLength: 2 });
const scoreBound = fc.tuple(oneOf('', '', '('), score).map((parts) => parts.join(''));
const lexBound = fc.oneof(
  oneOf('-', '+', ''),
  fc.tuple(oneOf('[', '('), name).map((parts) => parts.join('')),
);
const rank = fc.integer({ min: -12, max: 12 }).map(String);
const limit = fc.tuple(rank, rank).map(([offset, count]) => ['LIMIT', offset, count]);
const withScores = formOf('', 'WITHSCORES');
/** Several of one score. */
const scoredBulk = longBulk.flatMap((member, i) => [String((i * 37) % 90), member]);
const end = oneOf('MIN', 'MAX');

export const zsetCommands: Commands = fc.oneof(
  often(6, line(exactly, word('ZADD'), key, scoredPairs)),
  often(3, line(exactly, word('ZADD'), key, addOptions, scoredPairs)),
  often(2, line(exactly, word('ZINCRBY'), key, score, name)),
  line(exactly, word('ZADD'), key, score, bytes),
  often(3, line(exactly, word('ZREM'), key, names)),
  line(exactly, oneOf('ZSCORE', 'ZRANK', 'ZREVRANK'), key, name),
  line(exactly, word('ZMSCORE'), key, names),
  line(exactly, word('ZCARD'), key),
  often(3, line(exactly, word('ZRANGE'), key, word('0'), word('-1'), word('WITHSCORES'))),
  line(exactly, oneOf('ZRANGE', 'ZREVRANGE'), key, rank, rank, withScores),
  line(exactly, word('ZRANGE'), key, rank, rank, word('REV')),
  often(2, line(exactly, word('ZRANGEBYSCORE'), key, scoreBound, scoreBound, withScores)),
  often(2, line(exactly, word('ZREVRANGEBYSCORE'), key, scoreBound, scoreBound, limit)),
  line(exactly, word('ZRANGE'), key, scoreBound, scoreBound, word('BYSCORE'), withScores, limit),
  line(exactly, word('ZRANGE'), key, scoreBound, scoreBound, word('REV'), word('BYSCORE')),
  line(exactly, word('ZRANGESTORE'), key, key, scoreBound, scoreBound, formOf('BYSCORE', 'BYSCORE REV', '')),
  line(exactly, word('ZCOUNT'), key, scoreBound, scoreBound),
  often(2, line(exactly, oneOf('ZPOPMIN', 'ZPOPMAX'), key)),
  line(exactly, oneOf('ZPOPMIN', 'ZPOPMAX'), key, fc.integer({ min: -1, max: 4 }).map(String)),
  line(exactly, word('ZMPOP'), countedListOf(key), end, formOf('', 'COUNT 1', 'COUNT 3', 'COUNT 0')),
  line(exactly, word('ZREMRANGEBYRANK'), key, rank, rank),
  line(exactly, word('ZREMRANGEBYSCORE'), key, scoreBound, scoreBound),
  line(inAnyOrderAtAllLevels, word('ZRANDMEMBER'), key, word('1000'), word('WITHSCORES')),
  line(exactly, word('SADD'), key, names),
  line(exactly, word('ZADD'), word('k'), fc.constant(scoredBulk)),
  line(exactly, word('ZREMRANGEBYRANK'), word('k'), word('4'), word('-3')),
  line(exactly, word('ZREMRANGEBYSCORE'), word('k'), word('10'), word('(60')),
  ...ofAnyType,
);

/** Sorted sets of one score: where they differ Redis promises nothing of these ranges. */
export const lexCommands: Commands = fc.oneof(
  often(6, line(exactly, word('ZADD'), key, listOf(name.map((one) => ['0', one])))),
  line(exactly, word('ZREM'), key, names),
  often(2, line(exactly, word('ZRANGEBYLEX'), key, lexBound, lexBound)),
  often(2, line(exactly, word('ZREVRANGEBYLEX'), key, lexBound, lexBound, limit)),
  line(exactly, word('ZRANGE'), key, lexBound, lexBound, word('BYLEX'), limit),
  line(exactly, word('ZRANGE'), key, lexBound, lexBound, word('BYLEX'), word('REV')),
  line(exactly, word('ZRANGESTORE'), key, key, lexBound, lexBound, formOf('BYLEX', 'BYLEX REV', 'BYLEX LIMIT 1 3')),
  often(2, line(exactly, word('ZLEXCOUNT'), key, lexBound, lexBound)),
  line(exactly, word('ZREMRANGEBYLEX'), key, lexBound, lexBound),
  line(exactly, word('ZADD'), word('k'), fc.constant(longBulk.flatMap((one) => ['0', one]))),
  ...ofAnyType,
);

const longitude = fc.integer({ min: -1810, max: 1810 }).map((tenths) => String(tenths / 10));
const latitude = fc.integer({ min: -855, max: 855 }).map((tenths) => String(tenths / 10));
const extent = fc.oneof(fc.nat(20_000), fc.nat(200)).map(String);
const unit = oneOf('m', 'km', 'mi', 'ft', 'KM', 'x');
const searchForm = fc.oneof(
  formOf('', 'ASC', 'DESC WITHDIST', 'WITHCOORD WITHHASH', 'ASC WITHDIST WITHHASH', 'DESC COUNT 3'),
  fc.nat(4).map((count) => ['COUNT', String(count), 'ANY']),
);
const storeForm = formOf('', 'ASC', 'COUNT 3 DESC', 'COUNT 2 ANY', 'WITHDIST');
const distanceForm = formOf('STOREDIST', 'ASC STOREDIST', 'COUNT 3 ASC STOREDIST', 'STOREDIST COUNT 2');
const searchCentre = fc.oneof(
  name.map((one) => ['FROMMEMBER', one]),
  fc.tuple(longitude, latitude).map((place) => ['FROMLONLAT', ...place]),
);
const searchShape = fc.oneof(
  fc.tuple(extent, unit).map((circle) => ['BYRADIUS', ...circle]),
  fc.tuple(extent, extent, unit).map((box) => ['BYBOX', ...box]),
);
/** Enough places for trees. */
const placeBulk = longBulk.flatMap((member, i) => [
  String(((i * 37) % 360) - 179.5),
  String(((i * 53) % 170) - 84.5),
  member,
]);
const store = fc.oneof(
  key.map((one) => ['STORE', one]),
  fc.constant(['STOREDIST', DISTANCES_KEY]),
);

export const geoCommands: Commands = fc.oneof(
  often(6, line(exactly, word('GEOADD'), key, longitude, latitude, name)),
  line(exactly, word('GEOADD'), key, formOf('NX', 'XX CH', 'CH', 'NX XX'), longitude, latitude, name),
  often(6, line(exactly, word('GEOSEARCH'), key, searchCentre, searchShape, searchForm)),
  often(2, line(exactly, word('GEOSEARCHSTORE'), key, key, searchCentre, searchShape, storeForm)),
  line(exactly, word('GEOSEARCHSTORE'), word(DISTANCES_KEY), key, searchCentre, searchShape, distanceForm),
  line(nearlySameNumbers, word('ZRANGE'), word(DISTANCES_KEY), word('0'), word('-1'), word('WITHSCORES')),
  often(2, line(exactly, word('GEORADIUS'), key, longitude, latitude, extent, unit, searchForm)),
  line(exactly, word('GEORADIUS'), key, longitude, latitude, extent, unit, store),
  line(exactly, word('GEORADIUS_RO'), key, longitude, latitude, extent, unit, searchForm),
  often(2, line(exactly, word('GEORADIUSBYMEMBER_RO'), key, name, extent, unit, searchForm)),
  line(exactly, word('GEORADIUSBYMEMBER'), key, name, extent, unit, store),
  line(exactly, oneOf('GEOPOS', 'GEOHASH'), key, names),
  line(exactly, word('GEODIST'), key, name, name, unit),
  line(exactly, word('GEOADD'), word('k'), fc.constant(placeBulk)),
  line(exactly, word('ZRANGE'), key, word('0'), word('-1'), word('WITHSCORES')),
  line(exactly, word('ZREMRANGEBYRANK'), word('k'), word('4'), word('-3')),
  line(exactly, word('ZREM'), key, names),
  line(exactly, word('SETNX'), key, text),
  ...ofAnyType,
);
