import { LEAST_LEVELS } from './least-levels.ts';
import type { LeastFigures, LeastResult, LeastRow, LeastSystem } from './measure-least.ts';
import { machineText, markdownTable, rate } from './results-text.ts';

const TITLES: Readonly<Record<LeastSystem, string>> = {
  redis: 'redis-server, whole',
  ...LEAST_LEVELS,
  junokv: 'junokv start, whole',
};

function titleOf({ operation, pipeline }: LeastRow): string {
  return `${operation} P${pipeline}`;
}

function cellOf(figures: LeastFigures | undefined): string[] {
  if (figures === undefined) return ['', ''];
  const { totalUs, mainUs, ratio, leastRatio, mostRatio } = figures;
  const spread = `${leastRatio.toFixed(2)}-${mostRatio.toFixed(2)}`;
  return [`${totalUs.toFixed(1)} / ${mainUs.toFixed(1)}`, `${ratio.toFixed(2)} (${spread})`];
}

/** Tables of what was measured; markdown, below a heading of the second level. */
export function leastText({ machine, rounds, keys, rows }: LeastResult): string {
  const systems = Object.keys(TITLES).filter((name): name is LeastSystem => Object.hasOwn(TITLES, name));
  const heading = ['', ...rows.flatMap((row) => [`>${titleOf(row)}, us`, '>to redis'])];
  const cells = systems.map((system) => [
    TITLES[system],
    ...rows.flatMap(({ figures }) => cellOf(figures.find((one) => one.system === system))),
  ]);
  return [
    `${machineText(machine)}. redis-benchmark with 50 connections, values of 100 bytes, ${rate(keys)} keys at random; medians of ${rounds} rounds in turns. ` +
      'Each line of the table does what those above it do, and one thing more; in them is nothing of the protocol: no replicas, ' +
      'no promises, no quorum, no records in the memory of storage nodes, nothing to be forgotten. What lies between them and the whole is that.',
    'CPU time for an operation in microseconds, of all threads / of the one that serves, and the rate to redis-server’s in the same round, with the least and the most of the rounds:',
    markdownTable(heading, cells),
  ].join('\n\n');
}
