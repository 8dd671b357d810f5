import type { LatencyPairs } from './reading.ts';

/** How many took at most so long, between two readings: by the upper bounds of both, microseconds, rising. */
export type LatencyDelta = LatencyPairs;

/** What has come to a histogram since `before`. */
export function latencyDelta(before: LatencyPairs, now: LatencyPairs): LatencyDelta {
  return now.map(([us, count]) => [us, count - countAt(before, us)] as const);
}

/** Of several histograms together. */
export function mergedDelta(deltas: readonly LatencyDelta[]): LatencyDelta {
  const bounds = [...new Set(deltas.flatMap((delta) => delta.map(([us]) => us)))].sort((a, b) => a - b);
  return bounds.map((us) => [us, deltas.reduce((total, delta) => total + countAt(delta, us), 0)] as const);
}

/** The percentile (0-100) in milliseconds, interpolated within its bucket; null where nothing was counted. */
export function percentileMs(delta: LatencyDelta, percentile: number): number | null {
  const total = delta.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  const wanted = (percentile / 100) * total;
  let lastCount = 0;
  for (const [us, count] of delta) {
    if (count >= wanted && count > lastCount) {
      // Bounds are powers of two; those of empty buckets are left out.
      const lowerUs = us / 2;
      return (lowerUs + ((us - lowerUs) * (wanted - lastCount)) / (count - lastCount)) / 1000;
    }
    lastCount = count;
  }
  return null;
}

/** Pairs that add nothing are left out: the last one below counts. */
function countAt(pairs: LatencyPairs, us: number): number {
  let count = 0;
  for (const [bound, atMost] of pairs) {
    if (bound > us) break;
    count = atMost;
  }
  return count;
}
