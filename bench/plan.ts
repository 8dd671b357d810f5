import { MEMORY_ROWS, type MemorySpec } from './larger-than-memory.ts';
import { LATENCY_ROWS, type LatencySpec } from './latency.ts';
import type { BenchOptions } from './options.ts';
import { type Form, ROWS, type RowSpec } from './rows.ts';
import type { SystemName } from './systems.ts';

/** What one run of the benchmark measures. */
export interface Plan {
  readonly rows: readonly RowSpec[];
  readonly latency: readonly LatencySpec[];
  readonly memory: readonly MemorySpec[];
}

const LENGTH: Readonly<Record<Form, number>> = { quick: 0, normal: 1, full: 2 };

const IDS: ReadonlySet<string> = new Set([...ROWS, ...LATENCY_ROWS, ...MEMORY_ROWS].map(({ id }) => id));

/** A whole id names its row alone; anything else all rows whose id contains it. */
function isNamed(id: string, name: string): boolean {
  return IDS.has(name) ? id === name : id.includes(name);
}

/** Rows of the form, or those that were named, of any form; each with the systems that were chosen. */
export function planOf({ form, rows, systems }: Pick<BenchOptions, 'form' | 'rows' | 'systems'>): Plan {
  const isWanted = (row: { readonly id: string; readonly form: Form }): boolean =>
    rows === null ? LENGTH[row.form] <= LENGTH[form] : rows.some((name) => isNamed(row.id, name));
  const chosen = (names: readonly SystemName[]): SystemName[] => names.filter((name) => systems.includes(name));
  return {
    rows: ROWS.filter(isWanted)
      .map((row) => ({ ...row, systems: chosen(form === 'quick' ? (row.quickSystems ?? row.systems) : row.systems) }))
      .filter((row) => row.systems.length > 0),
    latency: LATENCY_ROWS.filter(isWanted)
      .map((row) => ({ ...row, systems: chosen(row.systems) }))
      .filter((row) => row.systems.length > 0),
    memory: MEMORY_ROWS.filter(isWanted).filter(({ system }) => systems.includes(system)),
  };
}

export function systemsOfPlan({ rows, latency, memory }: Plan): SystemName[] {
  return [
    ...new Set([...[...rows, ...latency].flatMap(({ systems }) => systems), ...memory.map(({ system }) => system)]),
  ];
}

/** The plan without some systems: those that this machine lacks. */
export function without(plan: Plan, lacking: (system: SystemName) => boolean): Plan {
  const keep = <T extends { readonly systems: readonly SystemName[] }>(row: T): T => ({
    ...row,
    systems: row.systems.filter((system) => !lacking(system)),
  });
  return {
    rows: plan.rows.map(keep).filter(({ systems }) => systems.length > 0),
    latency: plan.latency.map(keep).filter(({ systems }) => systems.length > 0),
    memory: plan.memory.filter(({ system }) => !lacking(system)),
  };
}
