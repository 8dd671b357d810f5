import { type Figures, type Summary, summarise } from './figures.ts';
import type { Machine } from './machine.ts';
import { SYSTEM_TITLES, type SystemName } from './systems.ts';

/** One thing measured on one system; `series` groups those that are compared with each other. */
export interface Measured {
  readonly series: string;
  readonly label: string;
  readonly system: SystemName;
  readonly figures: readonly Figures[];
}

export interface Row extends Summary {
  readonly series: string;
  readonly label: string;
  readonly system: SystemName;
  /** Median rate over that of plain redis-server in the same series; null where that was not measured. */
  readonly ratio: number | null;
}

export function toRows(measured: readonly Measured[]): Row[] {
  const base = new Map(
    measured
      .filter(({ system, label }) => system === 'redis' && label === 'redis')
      .map(({ series, figures }) => [series, summarise(figures).perSecond]),
  );
  return measured.map(({ series, label, system, figures }) => {
    const summary = summarise(figures);
    const baseRate = base.get(series);
    return { series, label, system, ...summary, ratio: baseRate === undefined ? null : summary.perSecond / baseRate };
  });
}

function rate(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A markdown table of all rows. */
export function markdownTable(rows: readonly Row[]): string {
  const heading = ['test', 'system', 'requests/s', 'spread', 'ratio', 'p50 ms', 'p99 ms', 'errors'];
  const cells = rows.map((row) => [
    row.series,
    row.label,
    rate(row.perSecond),
    `${rate(row.least)}-${rate(row.most)}`,
    row.ratio === null ? '' : row.ratio.toFixed(2),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.errors === 0 ? '' : String(row.errors),
  ]);
  const widths = heading.map((name, i) => Math.max(name.length, ...cells.map((row) => (row[i] ?? '').length)));
  const isNumber = (column: number): boolean => column >= 2;
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, i) => (isNumber(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(heading), line(rule), ...cells.map(line)].join('\n');
}

export function markdownNotes(machine: Machine, systems: readonly SystemName[]): string {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB; Linux ${machine.kernel}; Node ${machine.node}; ` +
      `redis-server ${machine.redis}; junokv ${machine.junokv}; load before ${machine.loadBefore.toFixed(1)}; ${machine.date}`,
    '',
    ...systems.map((name) => `- ${name}: ${SYSTEM_TITLES[name]}`),
    '',
    'Rates are medians over the rounds, in which the systems take turns; the spread is the least and the most of them. ' +
      'The ratio is to plain redis-server in the same test. Latencies are of a request, or of a whole batch where requests are pipelined.',
  ].join('\n');
}
