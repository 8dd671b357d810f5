import { type Figures, type Summary, summarise } from './figures.ts';
import type { MemoryResult } from './larger-than-memory.ts';
import type { LatencyResult } from './latency.ts';
import type { Machine } from './machine.ts';
import type { RowSpec } from './rows.ts';
import type { SystemName } from './systems.ts';

/** One row, with every run of every system; run i of all systems was in the same round. */
export interface RowResult extends Omit<RowSpec, 'systems' | 'quickSystems' | 'form'> {
  readonly systems: readonly { readonly system: SystemName; readonly figures: readonly Figures[] }[];
}

/** Everything that one run of the benchmark found. */
export interface Results {
  readonly machine: Machine;
  readonly rounds: number;
  readonly runMs: number;
  readonly warmUpMs: number;
  readonly rows: readonly RowResult[];
  readonly latency: readonly LatencyResult[];
  readonly memory: readonly MemoryResult[];
  /** What could not be measured on this machine, and why. */
  readonly skipped: readonly string[];
  /** What was tried and did not come to its end, and why. */
  readonly failed: readonly string[];
}

/** How much faster one system is than another in the same row. */
export interface Ratio {
  /** Of the medians. */
  readonly ratio: number;
  /** Least and most of the rounds' own ratios. */
  readonly least: number;
  readonly most: number;
}

/** Null where either was not measured. */
export function ratioOf(row: RowResult, system: SystemName, against: SystemName): Ratio | null {
  const [ours, theirs] = [system, against].map((name) => row.systems.find((one) => one.system === name)?.figures ?? []);
  if (ours === undefined || theirs === undefined || ours.length === 0 || theirs.length === 0) return null;
  const ratios = ours
    .map(({ perSecond }, i) => perSecond / (theirs[i]?.perSecond ?? Number.NaN))
    .filter(Number.isFinite);
  const ratio = summarise(ours).perSecond / summarise(theirs).perSecond;
  return { ratio, least: Math.min(ratio, ...ratios), most: Math.max(ratio, ...ratios) };
}

export interface SystemSummary extends Summary {
  readonly system: SystemName;
  /** To plain redis-server; null where that was not measured. */
  readonly toRedis: Ratio | null;
}

export function summariseRow(row: RowResult): SystemSummary[] {
  return row.systems.map(({ system, figures }) => ({
    system,
    ...summarise(figures),
    toRedis: ratioOf(row, system, 'redis'),
  }));
}
