import { limits } from '../../base/limits.ts';
import { nodesOf } from '../../cluster/cluster-map.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { countText } from '../load/number-text.ts';
import { spanText } from './units.ts';

const BAR_WIDTH = 24;

/** Shards that are still to change hands or be learned again: each zone's counts for itself. */
export function shardsToMove(map: ClusterMap): number {
  const waiting = new Set(map.moves.map((move) => `${move.shard} ${move.zone}`));
  for (const goal of map.goals) waiting.add(`${goal.shard} ${goal.zone}`);
  return waiting.size;
}

/** Whether a change of members, or what a lost disk began, is going on. */
export function isChanging(map: ClusterMap): boolean {
  return map.moves.length > 0 || map.goals.length > 0 || nodesOf(map).some((node) => node.leaving);
}

/** How far a change has come, by the maps that were seen of it. Bounded: keeps what the last seconds brought. */
export class MoveProgress {
  #map: ClusterMap;
  /** Shards in all, since this was begun. */
  #total: number;
  /** Shards to move at some moments of the last while, oldest first. */
  readonly #seen: { readonly atMs: number; readonly left: number }[] = [];
  #changedMs: number;

  constructor(map: ClusterMap, nowMs: number) {
    this.#map = map;
    this.#total = shardsToMove(map);
    this.#changedMs = nowMs;
    this.#seen.push({ atMs: nowMs, left: this.#total });
  }

  get map(): ClusterMap {
    return this.#map;
  }

  get isDone(): boolean {
    return !isChanging(this.#map);
  }

  onMap(map: ClusterMap, nowMs: number): void {
    this.#map = map;
    const left = shardsToMove(map);
    // Somebody asked for more meanwhile, or a move was taken back.
    this.#total = Math.max(this.#total, left);
    this.#changedMs = nowMs;
    const last = this.#seen.at(-1);
    if (last !== undefined && last.left < left) this.#seen.length = 0;
    this.#seen.push({ atMs: nowMs, left });
    while (this.#seen.length > 2 && nowMs - (this.#seen[1]?.atMs ?? nowMs) > limits.memberRateWindowMs)
      this.#seen.shift();
  }

  /** How long the map has stayed as it is. */
  idleMs(nowMs: number): number {
    return nowMs - this.#changedMs;
  }

  /** Until the end at the pace of the last while; null: nothing has moved in it. */
  leftMs(nowMs: number): number | null {
    const oldest = this.#seen[0];
    const left = shardsToMove(this.#map);
    if (oldest === undefined || oldest.left <= left || nowMs <= oldest.atMs) return null;
    return (left * (nowMs - oldest.atMs)) / (oldest.left - left);
  }

  /** One line, such as `[######......] 512 of 1,024 shards, 3 moving, 40 s left`. */
  line(nowMs: number): string {
    const left = shardsToMove(this.#map);
    const done = this.#total - left;
    const filled = this.#total === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * done) / this.#total);
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
    const leftMs = this.leftMs(nowMs);
    const time = left === 0 ? '' : leftMs === null ? ', time left unknown' : `, ${spanText(leftMs)} left`;
    return `${bar} ${countText(done)} of ${countText(this.#total)} shards, ${countText(this.#map.moves.length)} moving${time}`;
  }
}
