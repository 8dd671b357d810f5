import { type EngineChange, type EngineEntry, type EngineRange, mayHaveMore } from './engine.ts';

/** `entries` with `changes` on top, both in key order, as far as the range's limits allow. */
export function mergeScan(
  entries: readonly EngineEntry[],
  changes: readonly EngineChange[],
  range: EngineRange,
): EngineEntry[] {
  const merged: EngineEntry[] = [];
  let bytes = 0;
  let e = 0;
  let c = 0;
  while (merged.length < range.limit && (bytes < range.limitBytes || merged.length === 0)) {
    const entry = entries[e];
    const change = changes[c];
    if (entry === undefined && change === undefined) break;
    const order = entry === undefined ? 1 : change === undefined ? -1 : Buffer.compare(entry.key, change.key);
    if (order <= 0) e++;
    if (order >= 0) c++;
    const shown = order < 0 ? entry : change;
    if (shown === undefined || shown.value === null) continue;
    merged.push({ key: shown.key, value: shown.value });
    bytes += shown.key.length + shown.value.length;
  }
  return merged;
}

/** How far `entries` are all that there is: the end of the range, or behind the last of them if a limit cut them off. */
export function scanHorizon(entries: readonly EngineEntry[], range: EngineRange): Buffer {
  const last = entries.at(-1);
  return last !== undefined && mayHaveMore(entries, range) ? Buffer.concat([last.key, ZERO]) : range.to;
}

const ZERO = Buffer.alloc(1);
