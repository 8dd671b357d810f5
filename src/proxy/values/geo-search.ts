import type { PageId } from '../../record/state.ts';
import { NeedPages } from '../../record/value.ts';
import {
  type Cell,
  cellAt,
  cellScores,
  decodePosition,
  distanceM,
  EARTH_RADIUS_M,
  latitudeM,
  type Position,
  placeOfCell,
} from './geohash.ts';
import type { ZsetView } from './zset-view.ts';

/*
 * Which members of a sorted set of places lie in a circle or a box, as Redis finds them: the cell around the centre that is about
 * as large as what is sought, and its neighbours, each a range of scores. Where nobody asks for an order, the cells are the order.
 */

/** Lengths in a unit of `unitM` metres. */
export type SearchShape = { readonly centre: Position; readonly unitM: number } & (
  | { readonly kind: 'circle'; readonly radius: number }
  | { readonly kind: 'box'; readonly width: number; readonly height: number }
);

export interface FoundPlace {
  readonly member: Buffer;
  readonly score: number;
  readonly position: Position;
  readonly distanceM: number;
}

interface Bounds {
  readonly min: Position;
  readonly max: Position;
}

const MERCATOR_MAX_M = 20_037_726.37;
const FINEST = 26;
/** Nearer to a pole cells are narrower, so larger ones are taken. */
const NORTH = 66;
const FAR_NORTH = 80;
/** East and north, in the order in which the cells are searched. */
const NEIGHBOURS: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
];

/** The members in a shape; `enough` > 0: the search ends where so many are found. May throw NeedPages. */
export function findPlaces(view: ZsetView, shape: SearchShape, enough: number): FoundPlace[] {
  const found: FoundPlace[] = [];
  const lacking: PageId[] = [];
  for (const cell of cellsToSearch(shape)) {
    if (enough > 0 && found.length >= enough) break;
    try {
      searchCell(view, cell, shape, enough, found);
    } catch (error) {
      // The cells' pages are asked for together.
      if (!(error instanceof NeedPages)) throw error;
      lacking.push(...error.pageIds);
    }
  }
  if (lacking.length > 0) throw new NeedPages([...new Set(lacking)]);
  return found;
}

function searchCell(view: ZsetView, cell: Cell, shape: SearchShape, enough: number, found: FoundPlace[]): void {
  const { min, max } = cellScores(cell);
  const range = view.inScoreRange({
    min: { score: min, isExclusive: false },
    max: { score: max, isExclusive: true },
  });
  view.visit(range, false, (member, score) => {
    if (enough > 0 && found.length >= enough) return;
    const position = decodePosition(score);
    const distance = distanceWithin(shape, position);
    if (distance !== null) found.push({ member, score, position, distanceM: distance });
  });
}

/** How far a place is from the centre; null where it is outside. */
function distanceWithin(shape: SearchShape, place: Position): number | null {
  const { centre, unitM } = shape;
  if (shape.kind === 'circle') {
    const distance = distanceM(centre, place);
    return distance > shape.radius * unitM ? null : distance;
  }
  if (latitudeM(place.latitude, centre.latitude) > (shape.height * unitM) / 2) return null;
  const onPlacesParallel = { longitude: centre.longitude, latitude: place.latitude };
  if (distanceM(place, onPlacesParallel) > (shape.width * unitM) / 2) return null;
  return distanceM(centre, place);
}

function cellsToSearch(shape: SearchShape): Cell[] {
  const bounds = boundsOf(shape);
  let steps = stepsFor(radiusM(shape), shape.centre.latitude);
  if (steps > 1 && !isCovered(cellAt(shape.centre, steps), bounds)) steps--;
  const centre = cellAt(shape.centre, steps);
  const { min, max } = placeOfCell(centre);
  const cells: Cell[] = [];
  for (const [east, north] of NEIGHBOURS) {
    if (steps >= 2) {
      if (north < 0 && min.latitude < bounds.min.latitude) continue;
      if (north > 0 && max.latitude > bounds.max.latitude) continue;
      if (east < 0 && min.longitude < bounds.min.longitude) continue;
      if (east > 0 && max.longitude > bounds.max.longitude) continue;
    }
    const cell = neighbour(centre, east, north);
    const last = cells.at(-1);
    // Around the earth a cell may be neighbour on both sides. Redis does not compare with the first.
    if (cells.length > 1 && last !== undefined && last.x === cell.x && last.y === cell.y) continue;
    cells.push(cell);
  }
  return cells;
}

function neighbour({ x, y, steps }: Cell, east: number, north: number): Cell {
  const width = 2 ** steps;
  return {
    x: east === 0 ? x : (x + east + width) % width,
    y: north === 0 ? y : (y + north + width) % width,
    steps,
  };
}

function radiusM(shape: SearchShape): number {
  const radius =
    shape.kind === 'circle'
      ? shape.radius
      : Math.sqrt((shape.width / 2) * (shape.width / 2) + (shape.height / 2) * (shape.height / 2));
  return radius * shape.unitM;
}

/** How often the earth is halved each way, so that a cell and its neighbours are likely to cover such a circle. */
function stepsFor(radius: number, latitude: number): number {
  if (radius === 0) return FINEST;
  let steps = 1;
  for (let width = radius; width < MERCATOR_MAX_M; width *= 2) steps++;
  steps -= 2;
  if (Math.abs(latitude) > NORTH) steps--;
  if (Math.abs(latitude) > FAR_NORTH) steps--;
  return Math.min(FINEST, Math.max(1, steps));
}

/** Whether the cell's four neighbours reach beyond the bounds. */
function isCovered(cell: Cell, { min, max }: Bounds): boolean {
  return !(
    placeOfCell(neighbour(cell, 0, 1)).max.latitude < max.latitude ||
    placeOfCell(neighbour(cell, 0, -1)).min.latitude > min.latitude ||
    placeOfCell(neighbour(cell, 1, 0)).max.longitude < max.longitude ||
    placeOfCell(neighbour(cell, -1, 0)).min.longitude > min.longitude
  );
}

function boundsOf(shape: SearchShape): Bounds {
  const { longitude, latitude } = shape.centre;
  const height = shape.unitM * (shape.kind === 'circle' ? shape.radius : shape.height / 2);
  const width = shape.unitM * (shape.kind === 'circle' ? shape.radius : shape.width / 2);
  const north = degrees(height / EARTH_RADIUS_M);
  // Redis takes the parallel nearer to the pole for the width.
  const parallel = latitude < 0 ? latitude - north : latitude + north;
  const east = degrees(width / EARTH_RADIUS_M / Math.cos(parallel * (Math.PI / 180)));
  return {
    min: { longitude: longitude - east, latitude: latitude - north },
    max: { longitude: longitude + east, latitude: latitude + north },
  };
}

function degrees(radians: number): number {
  return radians / (Math.PI / 180);
}
