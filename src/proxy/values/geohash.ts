/*
 * Places on the earth as scores of a sorted set, as Redis keeps them: 52 bits, those of the latitude and the longitude in turn,
 * each its place within its range (https://redis.io/docs/latest/commands/geoadd/).
 */

export interface Position {
  /** Degrees. */
  readonly longitude: number;
  readonly latitude: number;
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
const EARTH_RADIUS_M = 6_372_797.560856;
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
  const bits = Number.isFinite(score) ? BigInt.asUintN(64, BigInt(Math.trunc(score))) : 2n ** 63n;
  const longitude = middle(evenBits(bits >> 1n), LONGITUDES);
  return { longitude, latitude: middle(evenBits(bits), LATITUDES) };
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
  if (v === 0) return EARTH_RADIUS_M * Math.abs(latitudeB - latitudeA);
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(u * u + Math.cos(latitudeA) * Math.cos(latitudeB) * v * v));
}

function radians(degrees: number): number {
  return degrees * (Math.PI / 180);
}

function interleave({ longitude, latitude }: Position, latitudes: Range): bigint {
  return spread(cellOf(latitude, latitudes)) | (spread(cellOf(longitude, LONGITUDES)) << 1n);
}

/** Redis converts to 32 bits, where the upper end is a cell of its own. */
function cellOf(degrees: number, { min, max }: Range): number {
  return Math.trunc(((degrees - min) / (max - min)) * CELLS);
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

function evenBits(bits: bigint): number {
  let cell = 0;
  for (let i = 0; i < 32; i++) if ((bits >> BigInt(2 * i)) & 1n) cell += 2 ** i;
  return cell;
}
