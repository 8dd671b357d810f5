import type { LoadResults } from './results.ts';

/** What a run was, beside its results. */
export interface RunDescription {
  readonly junokvVersion: string;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  readonly options: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly loop: 'closed' | 'open';
}

/** Grows by one when a field changes its meaning. */
const FORMAT_VERSION = 1;

/** The results as docs/load.md describes them. */
export function resultsJson(run: RunDescription, results: LoadResults): string {
  const { junokvVersion, startedAtMs, options, seed, loop } = run;
  return JSON.stringify({
    format: 'junokv-load',
    formatVersion: FORMAT_VERSION,
    ok: true,
    junokvVersion,
    startedAt: new Date(startedAtMs).toISOString(),
    loop,
    seed,
    options,
    ...results,
  });
}
