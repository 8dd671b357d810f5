import { totalCpuUs } from './figures.ts';
import type { LatencyResult } from './latency.ts';
import { type Results, type RowResult, summariseRow } from './results.ts';
import { type BarGroup, barChart, rangeChart } from './svg-chart.ts';
import { isEtcd, isJunokv, type SystemName } from './systems.ts';

/** A picture of the page; `file` is its name in docs/performance. */
export interface Plot {
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

const RATE_PLOTS: readonly { readonly file: string; readonly title: string; readonly rows: readonly string[] }[] = [
  {
    file: 'reads.svg',
    title: 'GET, 100 B, 50 connections',
    rows: ['get-100b-p1-c50', 'get-100b-p16-c50', 'get-100b-p64-c50', 'mget-100b-p1-c50', 'get-100b-p16-c50-one'],
  },
  {
    file: 'writes.svg',
    title: 'SET and INCR, 100 B, 50 connections',
    rows: ['set-100b-p1-c50', 'set-100b-p16-c50', 'set-100b-p64-c50', 'mset-100b-p1-c50', 'incr-p16-c50-one'],
  },
  {
    file: 'promises.svg',
    title: 'SET, 100 B, 50 connections: systems with different promises',
    rows: ['set-100b-p1-c50-own', 'set-100b-p16-c50-own'],
  },
  {
    file: 'synced.svg',
    title: 'Writes that are on the disk before the answer',
    rows: ['set-100b-p1-c50-synced', 'set-100b-p1-c1-synced'],
  },
  {
    file: 'mixes.svg',
    title: 'Mixes and Zipf keys, 100 B, 50 connections',
    rows: ['mix-100b-p1-c50-own', 'mix-100b-p16-c50-own', 'mix-100b-p16-c50-zipf-own', 'get-100b-p16-c50-zipf-own'],
  },
  {
    file: 'value-sizes.svg',
    title: 'Value sizes, pipeline 1, 50 connections',
    rows: ['100b', '1kb', '10kb'].flatMap((size) => [`get-${size}-p1-c50`, `set-${size}-p1-c50`]),
  },
  {
    file: 'connections.svg',
    title: 'Connections, 100 B, pipeline 1',
    rows: ['c1', 'c50', 'c500'].flatMap((count) => [`get-100b-p1-${count}`, `set-100b-p1-${count}`]),
  },
];

const CPU_ROWS = [
  'get-100b-p1-c50',
  'get-100b-p16-c50',
  'set-100b-p1-c50-own',
  'set-100b-p16-c50-own',
  'set-100b-p1-c50-synced',
];

const JUNOKV_COLOUR = '#0969da';
const SEPARATE_COLOUR = '#54aeff';
const REDIS_COLOUR = '#cf222e';
const OTHER_REDIS_COLOUR = '#fa7970';
const ETCD_COLOUR = '#8250df';
/** By the place of a role in its system: proxy and storage, primary and replica. */
const ROLE_COLOURS = ['#0969da', '#9a6700', '#57606a'];

function colourOf(system: SystemName): string {
  if (isEtcd(system)) return ETCD_COLOUR;
  if (isJunokv(system)) return system.startsWith('junokv-separate') ? SEPARATE_COLOUR : JUNOKV_COLOUR;
  return system === 'redis' ? REDIS_COLOUR : OTHER_REDIS_COLOUR;
}

function rowsOf(results: Results, ids: readonly string[]): RowResult[] {
  return ids.map((id) => results.rows.find((row) => row.id === id)).filter((row) => row !== undefined);
}

/** Rates as ratios to redis-server. */
function rateGroup(row: RowResult): BarGroup {
  const bars = summariseRow(row).flatMap(({ system, toRedis }) =>
    toRedis === null
      ? []
      : [
          {
            label: system,
            segments: [{ value: toRedis.ratio, colour: colourOf(system) }],
            text: toRedis.ratio.toFixed(toRedis.ratio < 0.1 ? 3 : 2),
            least: toRedis.least,
            most: toRedis.most,
          },
        ],
  );
  return { label: row.title, bars };
}

function cpuGroup(row: RowResult): BarGroup {
  const bars = summariseRow(row).map(({ system, cpu }) => ({
    label: system,
    segments: cpu.map(({ userUs, systemUs }, i) => ({
      value: userUs + systemUs,
      colour: ROLE_COLOURS[i % ROLE_COLOURS.length] ?? JUNOKV_COLOUR,
    })),
    text: totalCpuUs(cpu).toFixed(1),
  }));
  return { label: row.title, bars };
}

function latencyPlot(result: LatencyResult): Plot | null {
  const shares = [...new Set(result.points.map(({ share }) => share))];
  const groups = shares.map((share) => ({
    label: `at ${share * 100}%`,
    lines: result.points
      .filter((point) => point.share === share && point.figures.p50Ms > 0)
      .map(({ system, of, figures }) => ({
        label: system === of ? system : `${system} at ${of}'s rate`,
        points: [figures.p50Ms, figures.p99Ms, figures.p999Ms],
        colour: colourOf(system),
      })),
  }));
  if (groups.every(({ lines }) => lines.length === 0)) return null;
  const pointNames = ['p50', 'p99', 'p99.9'];
  const svg = rangeChart({ title: result.title, axis: 'Milliseconds from the intended send time', pointNames, groups });
  return { file: `${result.id}.svg`, caption: `${result.title}: latency at 50% and 80% of the maximum`, svg };
}

/** The pictures of what was measured; those without a figure are left out. */
export function plotsOf(results: Results): Plot[] {
  const plots: Plot[] = [];
  for (const { file, title, rows } of RATE_PLOTS) {
    const groups = rowsOf(results, rows)
      .map(rateGroup)
      .filter(({ bars }) => bars.length > 1);
    if (groups.length === 0) continue;
    const axis =
      'Requests per second, as a ratio to redis-server without persistence; the thin line is the spread over rounds';
    plots.push({ file, caption: title, svg: barChart({ title, axis, groups, reference: 1 }) });
  }
  const groups = rowsOf(results, CPU_ROWS).map(cpuGroup);
  if (groups.length > 0) {
    const title = 'CPU time per operation';
    const axis = 'Microseconds, user and system; first part: server, proxy or primary; second: storage or replicas';
    plots.push({ file: 'cpu.svg', caption: title, svg: barChart({ title, axis, groups }) });
  }
  for (const result of results.latency) {
    const plot = latencyPlot(result);
    if (plot !== null) plots.push(plot);
  }
  return plots;
}
