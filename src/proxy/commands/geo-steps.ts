import { DoubleReply, ErrorReply, NOT_A_FLOAT, NULL_ARRAY, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import type { Session } from '../session.ts';
import {
  decodePosition,
  distanceM,
  encodePosition,
  geohashText,
  isPosition,
  type Position,
} from '../values/geohash.ts';
import { argumentsFrom } from '../values/keyed-steps.ts';
import { parseScore } from '../values/score.ts';
import { argument, optionName } from './keyed-row.ts';
import { parseZadd } from './zset-add.ts';
import { ZsetReadStep } from './zset-steps.ts';

const UNKNOWN_UNIT = new ErrorReply('ERR unsupported unit provided. please use M, KM, FT, MI');
const ADD_OPTIONS: readonly string[] = ['nx', 'xx', 'ch'];
const METRES: ReadonlyMap<string, number> = new Map([
  ['m', 1],
  ['km', 1_000],
  ['ft', 0.3048],
  ['mi', 1_609.34],
]);
const DEGREE_DECIMALS = 17;
const DISTANCE_DECIMALS = 4;
const ERROR_DECIMALS = 6;
/** From here on a number in JavaScript has no decimals in its text. */
const LARGE = 1e21;

/** GEOADD key [NX | XX] [CH] longitude latitude member [...]: a ZADD of what the positions are as scores. */
export function parseGeoadd(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  let first = 2;
  const options = new Set<string>();
  for (; first < args.length; first++) {
    const name = optionName(argument(args, first));
    if (!ADD_OPTIONS.includes(name)) break;
    options.add(name);
  }
  if ((args.length - first) % 3 !== 0 || (options.has('nx') && options.has('xx'))) return SYNTAX_ERROR;
  const added = args.slice(0, first);
  for (let i = first; i < args.length; i += 3) {
    const position = parsePosition(args, i);
    if (position instanceof ErrorReply) return position;
    added.push(Buffer.from(String(encodePosition(position)), 'latin1'), argument(args, i + 2));
  }
  return parseZadd(added, session);
}

/** Metres. */
export function parseUnit(unit: Buffer): number | ErrorReply {
  return METRES.get(optionName(unit)) ?? UNKNOWN_UNIT;
}

/** A longitude and a latitude, from args[index] on. */
export function parsePosition(args: readonly Buffer[], index: number): Position | ErrorReply {
  const [longitude, latitude] = [parseScore(argument(args, index)), parseScore(argument(args, index + 1))];
  if (longitude === null || latitude === null) return NOT_A_FLOAT;
  const position = { longitude, latitude };
  if (isPosition(position)) return position;
  return new ErrorReply(`ERR invalid longitude,latitude pair ${fixed(longitude)},${fixed(latitude)}`);
}

/** C's "%f". */
function fixed(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Math.abs(value) < LARGE) return value.toFixed(ERROR_DECIMALS);
  return `${BigInt(value)}.${'0'.repeat(ERROR_DECIMALS)}`;
}

/** GEODIST key member1 member2 [M | KM | FT | MI] */
export function parseGeodist(args: readonly Buffer[]): KeyedStep | ErrorReply {
  if (args.length > 5) return SYNTAX_ERROR;
  const metres = args.length < 5 ? 1 : parseUnit(argument(args, 4));
  if (metres instanceof ErrorReply) return metres;
  const members = [argument(args, 2), argument(args, 3)];
  const step = new ZsetReadStep(null, (view) => {
    view.byMember.need(members);
    const [from = null, to = null] = members.map((member) => view.scoreOf(member));
    if (from === null || to === null) return null;
    return distanceText(distanceM(decodePosition(from), decodePosition(to)) / metres);
  });
  return { key: argument(args, 1), step };
}

export function distanceText(distance: number): string {
  return distance.toFixed(DISTANCE_DECIMALS);
}

/** GEOHASH key [member ...] */
export function parseGeohash(args: readonly Buffer[]): KeyedStep {
  return eachMember(args, null, (score) => geohashText(decodePosition(score)));
}

/** GEOPOS key [member ...] */
export function parseGeopos(args: readonly Buffer[]): KeyedStep {
  return eachMember(args, NULL_ARRAY, (score) => positionReply(decodePosition(score)));
}

export function positionReply({ longitude, latitude }: Position): Reply {
  return [degrees(longitude), degrees(latitude)];
}

/** With more digits than other doubles: Redis's way of showing a long double to people. */
function degrees(value: number): DoubleReply {
  const text = value.toFixed(DEGREE_DECIMALS).replace(/\.?0+$/, '');
  return new DoubleReply(value, text === '-0' ? '0' : text);
}

function eachMember(args: readonly Buffer[], missing: Reply, show: (score: number) => Reply): KeyedStep {
  const members = argumentsFrom(args, 2);
  const step = new ZsetReadStep(
    members.map(() => missing),
    (view) => {
      view.byMember.need(members);
      return members.map((member) => {
        const score = view.scoreOf(member);
        return score === null ? missing : show(score);
      });
    },
  );
  return { key: argument(args, 1), step };
}
