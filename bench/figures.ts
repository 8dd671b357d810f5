import type { ProcessCpu } from './process-cpu.ts';

/** One measured run. Latencies are of one request, or of one batch where requests are pipelined. */
export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that were answered with an error. */
  readonly errors: number;
  /** CPU time of each process of the system, per operation. */
  readonly cpu: readonly ProcessCpu[];
  /** How many cores the client kept busy: near one for each of its threads, it was the limit. */
  readonly clientCores: number;
  /** User-space instructions of the whole system per operation; null where they were not counted. */
  readonly instructions: number | null;
  /** Share of the processors' time that the host gave to other machines meanwhile. */
  readonly stolen: number;
}

/** CPU time per operation of all processes of a role together. */
export interface RoleCpu {
  readonly role: string;
  readonly processes: number;
  readonly userUs: number;
  readonly systemUs: number;
}

/** Several runs of the same thing: medians, and the least and most of the rates. */
export interface Summary {
  readonly runs: number;
  readonly perSecond: number;
  readonly least: number;
  readonly most: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
  readonly cpu: readonly RoleCpu[];
  readonly clientCores: number;
  readonly instructions: number | null;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('the median of nothing');
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Medians; least and most of the rates; all errors. */
export function summarise(figures: readonly Figures[]): Summary {
  const rates = figures.map(({ perSecond }) => perSecond);
  const instructions = figures.map((one) => one.instructions).filter((count) => count !== null);
  return {
    runs: figures.length,
    perSecond: median(rates),
    least: Math.min(...rates),
    most: Math.max(...rates),
    p50Ms: median(figures.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(figures.map(({ p99Ms }) => p99Ms)),
    errors: figures.reduce((sum, { errors }) => sum + errors, 0),
    cpu: summariseCpu(figures),
    clientCores: median(figures.map(({ clientCores }) => clientCores)),
    instructions: instructions.length === 0 ? null : median(instructions),
  };
}

function summariseCpu(figures: readonly Figures[]): RoleCpu[] {
  const roles = [...new Set(figures.flatMap(({ cpu }) => cpu.map(({ role }) => role)))];
  return roles.map((role) => {
    const runs = figures.map(({ cpu }) => cpu.filter((process) => process.role === role));
    const of = (part: 'userUs' | 'systemUs'): number =>
      median(runs.map((processes) => processes.reduce((sum, process) => sum + process[part], 0)));
    return { role, processes: runs[0]?.length ?? 0, userUs: of('userUs'), systemUs: of('systemUs') };
  });
}

/** CPU time per operation of the whole system. */
export function totalCpuUs(cpu: readonly RoleCpu[]): number {
  return cpu.reduce((sum, { userUs, systemUs }) => sum + userUs + systemUs, 0);
}
