import { ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR, WRONGTYPE } from '../../resp/reply.ts';
import type { AtomicStep } from '../command.ts';
import type { Session } from '../session.ts';
import { type FoundPlace, findPlaces, type SearchShape } from '../values/geo-search.ts';
import { decodePosition, type Position } from '../values/geohash.ts';
import { EMPTY_ARRAY } from '../values/keyed-steps.ts';
import { parseScore } from '../values/score.ts';
import { compareScored, type Scored } from '../values/scored-elements.ts';
import { ZsetView } from '../values/zset-view.ts';
import { distanceText, parsePosition, parseUnit, positionReply } from './geo-steps.ts';
import { argument, optionName } from './keyed-row.ts';
import { storeScored } from './zset-several.ts';

/** The commands that search, by what they take: a place, a member, or options for either. */
export type GeoSearchCommand =
  | 'georadius'
  | 'georadius_ro'
  | 'georadiusbymember'
  | 'georadiusbymember_ro'
  | 'geosearch'
  | 'geosearchstore';

const NO_SUCH_MEMBER = new ErrorReply('ERR could not decode requested zset member');
const NOT_A_RADIUS = new ErrorReply('ERR need numeric radius');
const NEGATIVE_RADIUS = new ErrorReply('ERR radius cannot be negative');
const NOT_A_WIDTH = new ErrorReply('ERR need numeric width');
const NOT_A_HEIGHT = new ErrorReply('ERR need numeric height');
const NEGATIVE_BOX = new ErrorReply('ERR height or width cannot be negative');
const NOT_A_COUNT = new ErrorReply('ERR COUNT must be > 0');
const ANY_WITHOUT_COUNT = new ErrorReply('ERR the ANY argument requires COUNT argument');

/** A circle or a box of which the centre is not known yet. */
type Extent =
  | { readonly kind: 'circle'; readonly radius: number; readonly unitM: number }
  | { readonly kind: 'box'; readonly width: number; readonly height: number; readonly unitM: number };

interface SearchOptions {
  centre: Position | null;
  extent: Extent | null;
  /** Where there is no such key no member's place is known, and it does not matter. */
  isFromMember: boolean;
  isFromPlace: boolean;
  order: 'none' | 'ascending' | 'descending';
  /** 0: all. */
  count: number;
  isAny: boolean;
  withDistance: boolean;
  withHash: boolean;
  withPlace: boolean;
  storeKey: Buffer | null;
  storesDistance: boolean;
}

/** What a search found, in the order in which it is answered. */
export interface GeoSearchResult {
  readonly places: readonly FoundPlace[];
  readonly options: Readonly<SearchOptions>;
  readonly unitM: number;
}

/**
 * Runs a search on a sorted set, null where there is none, with all arguments of the command as a client sent them: which of
 * them are wrong depends on whether there is a key. May throw NeedPages.
 */
export function searchGeo(
  command: GeoSearchCommand,
  args: readonly Buffer[],
  view: ZsetView | null,
): GeoSearchResult | ErrorReply {
  const options = parseSearch(command, args, view);
  if (options instanceof ErrorReply) return options;
  const problem = problemOf(command, args, options);
  if (problem !== null) return problem;
  const { centre, extent, count, isAny } = options;
  if (view === null || centre === null || extent === null) return { places: [], options, unitM: 1 };
  const order = options.order === 'none' && count > 0 && !isAny ? 'ascending' : options.order;
  const shape: SearchShape = { ...extent, centre };
  const places = findPlaces(view, shape, isAny ? count : 0);
  if (order === 'ascending') places.sort((a, b) => a.distanceM - b.distanceM);
  if (order === 'descending') places.sort((a, b) => b.distanceM - a.distanceM);
  return { places: count > 0 ? places.slice(0, count) : places, options, unitM: extent.unitM };
}

/** What the forms with STORE, STOREDIST and GEOSEARCHSTORE put into their destination; not in order of scores. */
export function scoredPlaces({ places, options, unitM }: GeoSearchResult): Scored[] {
  return places.map(({ member, score, distanceM }) => ({
    member,
    score: options.storesDistance ? distanceM / unitM : score,
  }));
}

/** What the forms without a destination answer. */
export function geoSearchReply({ places, options, unitM }: GeoSearchResult): Reply {
  if (places.length === 0) return EMPTY_ARRAY;
  const { withDistance, withHash, withPlace } = options;
  if (!withDistance && !withHash && !withPlace) return places.map(({ member }) => member);
  return places.map(({ member, score, position, distanceM }) => {
    const item: Reply[] = [member];
    if (withDistance) item.push(distanceText(distanceM / unitM));
    if (withHash) item.push(hashReply(score));
    if (withPlace) item.push(positionReply(position));
    return item;
  });
}

/** A score as an integer of 64 bits, as Redis casts it: it need not have come from GEOADD. */
function hashReply(score: number): number | bigint {
  const whole = Math.trunc(score);
  if (Number.isSafeInteger(whole)) return whole;
  return Math.abs(whole) < 2 ** 63 ? BigInt(whole) : -(2n ** 63n);
}

/** The commands that answer what they find, or store it: GEOSEARCHSTORE, and GEORADIUS and GEORADIUSBYMEMBER with STORE or STOREDIST. */
export function parseGeoSearch(command: GeoSearchCommand) {
  return (args: readonly Buffer[], session?: Session): AtomicStep => {
    const isStore = command === 'geosearchstore';
    const source = argument(args, isStore ? 2 : 1);
    const destination = isStore ? argument(args, 1) : destinationOf(command, args);
    return {
      keys: destination === null ? [{ key: source }] : [{ key: source }, { key: destination }],
      access: destination === null ? 'read' : 'write',
      needs: 'value',
      run: (view) => {
        const value = view.live(0)?.value;
        if (value !== undefined && value.type !== ValueType.zset) return WRONGTYPE;
        const result = searchGeo(command, args, value === undefined ? null : new ZsetView(value, view.pages(0)));
        if (result instanceof ErrorReply) return result;
        if (destination === null) return geoSearchReply(result);
        const elements = scoredPlaces(result).sort(compareScored);
        view.apply(1, storeScored(elements, session));
        return elements.length;
      },
    };
  };
}

/** The last key that STORE or STOREDIST names, if the arguments make sense that far. */
function destinationOf(command: GeoSearchCommand, args: readonly Buffer[]): Buffer | null {
  const first = command === 'georadius' ? 6 : command === 'georadiusbymember' ? 5 : args.length;
  let destination: Buffer | null = null;
  for (let i = first; i + 1 < args.length; i++) {
    const name = optionName(argument(args, i));
    if (name === 'store' || name === 'storedist') destination = argument(args, ++i);
    else if (name === 'count') i++;
  }
  return destination;
}

/** What Redis says of options that do not go together, once each was read. */
function problemOf(
  command: GeoSearchCommand,
  args: readonly Buffer[],
  options: Readonly<SearchOptions>,
): ErrorReply | null {
  const { storeKey, withDistance, withHash, withPlace, isFromMember, isFromPlace, extent } = options;
  if (storeKey !== null && (withDistance || withHash || withPlace)) {
    const what = command === 'geosearchstore' ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS';
    return new ErrorReply(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
  }
  if (isSearch(command)) {
    const name = argument(args, 0).toString('latin1');
    if (!isFromMember && !isFromPlace) {
      return new ErrorReply(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${name}`);
    }
    if (extent === null) return new ErrorReply(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${name}`);
  }
  return options.isAny && options.count === 0 ? ANY_WITHOUT_COUNT : null;
}

function isSearch(command: GeoSearchCommand): boolean {
  return command === 'geosearch' || command === 'geosearchstore';
}

function parseSearch(
  command: GeoSearchCommand,
  args: readonly Buffer[],
  view: ZsetView | null,
): SearchOptions | ErrorReply {
  const options: SearchOptions = {
    centre: null,
    extent: null,
    isFromMember: false,
    isFromPlace: false,
    order: 'none',
    count: 0,
    isAny: false,
    withDistance: false,
    withHash: false,
    withPlace: false,
    storeKey: command === 'geosearchstore' ? argument(args, 1) : null,
    storesDistance: false,
  };
  const first = parseFixed(command, args, view, options);
  if (first instanceof ErrorReply) return first;
  for (let at = first; at < args.length; ) {
    const next = parseFlag(args, at, options) ?? parseShape(command, args, at, view, options);
    if (next instanceof ErrorReply) return next;
    at = next;
  }
  return options;
}

/** The arguments before the options; returns where those begin. */
function parseFixed(
  command: GeoSearchCommand,
  args: readonly Buffer[],
  view: ZsetView | null,
  options: SearchOptions,
): number | ErrorReply {
  if (isSearch(command)) return command === 'geosearch' ? 2 : 3;
  const isByMember = command.startsWith('georadiusbymember');
  if (isByMember && view === null) return 5;
  const radiusAt = isByMember ? 3 : 4;
  const centre = isByMember ? placeOfMember(view, argument(args, 2)) : parsePosition(args, 2);
  if (centre instanceof ErrorReply) return centre;
  const extent = parseCircle(args, radiusAt);
  if (extent instanceof ErrorReply) return extent;
  options.centre = centre;
  options.extent = extent;
  return radiusAt + 2;
}

/** An option that every form has; returns where the next one begins, null if it is another. */
function parseFlag(args: readonly Buffer[], at: number, options: SearchOptions): number | ErrorReply | null {
  switch (optionName(argument(args, at))) {
    case 'withdist':
      options.withDistance = true;
      return at + 1;
    case 'withhash':
      options.withHash = true;
      return at + 1;
    case 'withcoord':
      options.withPlace = true;
      return at + 1;
    case 'any':
      options.isAny = true;
      return at + 1;
    case 'asc':
      options.order = 'ascending';
      return at + 1;
    case 'desc':
      options.order = 'descending';
      return at + 1;
    case 'count': {
      if (at + 1 >= args.length) return null;
      const count = parseInteger(argument(args, at + 1));
      if (count === null) return NOT_AN_INTEGER;
      if (count <= 0) return NOT_A_COUNT;
      options.count = Number(count);
      return at + 2;
    }
    default:
      return null;
  }
}

/** An option that only some forms have; returns where the next one begins. */
function parseShape(
  command: GeoSearchCommand,
  args: readonly Buffer[],
  at: number,
  view: ZsetView | null,
  options: SearchOptions,
): number | ErrorReply {
  const name = optionName(argument(args, at));
  const left = args.length - at - 1;
  if (command === 'georadius' || command === 'georadiusbymember') {
    if ((name !== 'store' && name !== 'storedist') || left < 1) return SYNTAX_ERROR;
    options.storeKey = argument(args, at + 1);
    options.storesDistance = name === 'storedist';
    return at + 2;
  }
  if (!isSearch(command)) return SYNTAX_ERROR;
  if (name === 'storedist' && command === 'geosearchstore') {
    options.storesDistance = true;
    return at + 1;
  }
  if (name === 'frommember' && left >= 1 && !options.isFromPlace) {
    const centre = view === null ? null : placeOfMember(view, argument(args, at + 1));
    if (centre instanceof ErrorReply) return centre;
    options.centre = centre;
    options.isFromMember = true;
    return at + 2;
  }
  if (name === 'fromlonlat' && left >= 2 && !options.isFromMember) {
    const centre = parsePosition(args, at + 1);
    if (centre instanceof ErrorReply) return centre;
    options.centre = centre;
    options.isFromPlace = true;
    return at + 3;
  }
  if (name === 'byradius' && left >= 2 && options.extent?.kind !== 'box') {
    return takeExtent(parseCircle(args, at + 1), options, at + 3);
  }
  if (name === 'bybox' && left >= 3 && options.extent?.kind !== 'circle') {
    return takeExtent(parseBox(args, at + 1), options, at + 4);
  }
  return SYNTAX_ERROR;
}

function takeExtent(extent: Extent | ErrorReply, options: SearchOptions, next: number): number | ErrorReply {
  if (extent instanceof ErrorReply) return extent;
  options.extent = extent;
  return next;
}

function placeOfMember(view: ZsetView | null, member: Buffer): Position | ErrorReply {
  const score = view?.scoreOf(member) ?? null;
  return score === null ? NO_SUCH_MEMBER : decodePosition(score);
}

function parseCircle(args: readonly Buffer[], at: number): Extent | ErrorReply {
  const radius = parseScore(argument(args, at));
  if (radius === null) return NOT_A_RADIUS;
  if (radius < 0) return NEGATIVE_RADIUS;
  const unitM = parseUnit(argument(args, at + 1));
  return unitM instanceof ErrorReply ? unitM : { kind: 'circle', radius, unitM };
}

function parseBox(args: readonly Buffer[], at: number): Extent | ErrorReply {
  const width = parseScore(argument(args, at));
  if (width === null) return NOT_A_WIDTH;
  const height = parseScore(argument(args, at + 1));
  if (height === null) return NOT_A_HEIGHT;
  if (height < 0 || width < 0) return NEGATIVE_BOX;
  const unitM = parseUnit(argument(args, at + 2));
  return unitM instanceof ErrorReply ? unitM : { kind: 'box', width, height, unitM };
}
