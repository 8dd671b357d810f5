/*
 * Places on the earth as scores of a sorted set, as Redis keeps them: 52 bits, those of the latitude and the longitude in turn,
 * each its place within its range (https://redis.io/docs/latest/commands/geoadd/).
 */

export interface Position {
  /** Degrees. */
  readonly longitude: number;
  readonly latitude: number;
}

/** One of 4^steps cells of the map: `x` from the west, `y` from the south. */
export interface Cell {
  readonly x: number;
  readonly y: number;
  readonly steps: number;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

const LONGITUDES: Range = { min: -180, max: 180 };
/** Of a map in Mercator's projection. */
const LATITUDES: Range = { min: -85.05112878, max: 85.05112878 };
const ALL_LATITUDES: Range = { min: -90, max: 90 };
const STEPS = 26;
const CELLS = 2 ** STEPS;
export const EARTH_RADIUS_M = 6_372_797.560856;
/** Scores are decoded in two halves, each of 13 bits of either kind. */
const HALF_SCORE = 2 ** STEPS;
const LARGEST_SCORE = 2 ** (2 * STEPS);
const HALF_CELLS = 2 ** (STEPS / 2);
const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';
const TEXT_LENGTH = 11;
const BITS_PER_LETTER = 5;

export function isPosition({ longitude, latitude }: Position): boolean {
  return (
    longitude >= LONGITUDES.min && longitude <= LONGITUDES.max && latitude >= LATITUDES.min && latitude <= LATITUDES.max
  );
}

/** The score of a position that is one. */
export function encodePosition(position: Position): number {
  return Number(interleave(position, LATITUDES));
}

/** The middle of the cell that a score is; of any score something. */
export function decodePosition(score: number): Position {
  if (score >= 0 && score < LARGEST_SCORE && Number.isInteger(score)) {
    const high = Math.floor(score / HALF_SCORE);
    const low = score % HALF_SCORE;
    const longitude = middle(gather(high >>> 1) * HALF_CELLS + gather(low >>> 1), LONGITUDES);
    return { longitude, latitude: middle(gather(high) * HALF_CELLS + gather(low), LATITUDES) };
  }
  const bits = Number.isFinite(score) ? BigInt.asUintN(64, BigInt(Math.trunc(score))) : 2n ** 63n;
  const longitude = middle(evenBits(bits >> 1n), LONGITUDES);
  return { longitude, latitude: middle(evenBits(bits), LATITUDES) };
}

/** The cell that a position is in where the map has been halved each way so often; at its upper ends a cell of its own. */
export function cellAt({ longitude, latitude }: Position, steps: number): Cell {
  return { x: cellOf(longitude, LONGITUDES, steps), y: cellOf(latitude, LATITUDES, steps), steps };
}

/** The south-western and the north-eastern corner of a cell. */
export function placeOfCell({ x, y, steps }: Cell): { readonly min: Position; readonly max: Position } {
  const corner = (column: number, row: number): Position => ({
    longitude: LONGITUDES.min + (column / 2 ** steps) * (LONGITUDES.max - LONGITUDES.min),
    latitude: LATITUDES.min + (row / 2 ** steps) * (LATITUDES.max - LATITUDES.min),
  });
  return { min: corner(x, y), max: corner(x + 1, y + 1) };
}

/** The scores of the positions in a cell: from `min` to below `max`. */
export function cellScores({ x, y, steps }: Cell): { readonly min: number; readonly max: number } {
  const bits = Number(spread(y) | (spread(x) << 1n));
  const width = 4 ** (STEPS - steps);
  return { min: bits * width, max: (bits + 1) * width };
}

/** The geohash that other systems use (https://en.wikipedia.org/wiki/Geohash), 11 letters of which the last is always 0. */
export function geohashText(position: Position): string {
  const bits = interleave(position, ALL_LATITUDES);
  let text = '';
  for (let i = 1; i < TEXT_LENGTH; i++) {
    text += ALPHABET.charAt(Number((bits >> BigInt(2 * STEPS - i * BITS_PER_LETTER)) & 31n));
  }
  return `${text}0`;
}

/** Metres on a sphere. */
export function distanceM(a: Position, b: Position): number {
  const [latitudeA, latitudeB] = [radians(a.latitude), radians(b.latitude)];
  const u = Math.sin((latitudeB - latitudeA) / 2);
  const v = Math.sin((radians(b.longitude) - radians(a.longitude)) / 2);
  if (v === 0) return latitudeM(a.latitude, b.latitude);
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(u * u + Math.cos(latitudeA) * Math.cos(latitudeB) * v * v));
}

/** Metres along a meridian, between two latitudes in degrees. */
export function latitudeM(a: number, b: number): number {
  return EARTH_RADIUS_M * Math.abs(radians(a) - radians(b));
}

function radians(degrees: number): number {
  return degrees * (Math.PI / 180);
}

function interleave({ longitude, latitude }: Position, latitudes: Range): bigint {
  return spread(cellOf(latitude, latitudes)) | (spread(cellOf(longitude, LONGITUDES)) << 1n);
}

/** Redis converts to 32 bits, where the upper end is a cell of its own. */
function cellOf(degrees: number, { min, max }: Range, steps = STEPS): number {
  return Math.trunc(((degrees - min) / (max - min)) * 2 ** steps);
}

function middle(cell: number, { min, max }: Range): number {
  const width = max - min;
  const degrees = (min + (cell / CELLS) * width + (min + ((cell + 1) / CELLS) * width)) / 2;
  return Math.min(max, Math.max(min, degrees));
}

/** Each bit with a zero above it. */
function spread(cell: number): bigint {
  let bits = 0n;
  for (let i = 0; i < 32; i++) if (Math.floor(cell / 2 ** i) % 2 === 1) bits |= 1n << BigInt(2 * i);
  return bits;
}

/** The even ones of 26 bits. */
function gather(bits: number): number {
  let cell = bits & 0x55555555;
  cell = (cell | (cell >>> 1)) & 0x33333333;
  cell = (cell | (cell >>> 2)) & 0x0f0f0f0f;
  cell = (cell | (cell >>> 4)) & 0x00ff00ff;
  return (cell | (cell >>> 8)) & 0xffff;
}

function evenBits(bits: bigint): number {
  let cell = 0;
  for (let i = 0; i < 32; i++) if ((bits >> BigInt(2 * i)) & 1n) cell += 2 ** i;
  return cell;
}
