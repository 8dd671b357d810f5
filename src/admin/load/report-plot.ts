import { countText, millisecondsText } from './number-text.ts';
import type { RunDescription } from './report-json.ts';
import {
  ALL_OPERATIONS,
  errorsByCount,
  type LoadResults,
  type OperationResult,
  type PercentilePoint,
} from './results.ts';
import {
  type AxisTick,
  type ChartBand,
  type ChartLine,
  escapeHtml,
  linearTicks,
  logTicks,
  svgChart,
} from './svg-chart.ts';
import type { SeriesPoint } from './time-series.ts';

/** Lines of one chart; the others are in the table. */
const MAX_LINES = 6;
/** Of a chart over time; more would be thinner than a pointer can rest on. */
const MAX_HINTS = 400;
const CURVE_NINES = 5;
const NINES: readonly AxisTick[] = [
  { at: 0, text: '0' },
  { at: Math.log10(2), text: 'p50' },
  { at: 1, text: 'p90' },
  { at: 2, text: 'p99' },
  { at: 3, text: 'p99.9' },
  { at: 4, text: 'p99.99' },
  { at: 5, text: 'p99.999' },
];

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2126; --soft: #5d6670; --grid: #e3e6ea; --paper: #ffffff; --band: #f1f3f5;
  --line-0: #1f6fd0; --line-1: #d4601a; --line-2: #12826b; --line-3: #9a4fc0; --line-4: #b3801a; --line-5: #c23b62; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9da5ae; --grid: #31363c; --paper: #16191d; --band: #20242a;
  --line-0: #6aa9f4; --line-1: #f2935c; --line-2: #4fc3a8; --line-3: #c894e6; --line-4: #dcb458; --line-5: #f0809f; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 2rem 0 0.3rem; }
p, .legend { color: var(--soft); margin: 0.2rem 0 0.6rem; } .about { white-space: pre-line; }
svg { width: 100%; height: auto; display: block; }
.axis { font: 12px system-ui, sans-serif; fill: var(--soft); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.grid { stroke: var(--grid); } .base, .tick { stroke: var(--soft); } .band { fill: var(--band); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dashed { stroke-dasharray: 6 4; }
.hint { fill: var(--ink); opacity: 0; } .hint:hover { opacity: 0.08; }
.legend span { display: inline-block; margin-right: 1.2rem; } .legend i { display: inline-block; width: 1.4rem; height: 0;
  border-top: 2px solid; vertical-align: middle; margin-right: 0.4rem; } .legend i.dashed { border-top-style: dashed; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.2rem 0.7rem; border-bottom: 1px solid var(--grid); } th:first-child, td:first-child { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1.2rem; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
`;

/** The results as one HTML page with charts that needs nothing else: no script, no font, no picture from elsewhere. */
export function plotPage(title: string, run: RunDescription, results: LoadResults): string {
  const { operations, series } = results;
  const options = Object.entries(run.options).map(
    ([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`,
  );
  const charts = operations.length === 0 ? '<p>Nothing was measured.</p>' : percentileSection(results);
  const overTime = series.length === 0 ? '' : `${rateSection(results)}\n${latencySection(results)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>junokv load, ${escapeHtml(new Date(run.startedAtMs).toISOString())}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>junokv load</h1>
<p class="about">${escapeHtml(title)}</p>
${charts}
${overTime}
<h2>Figures</h2>
<p>Latencies in milliseconds.</p>
<div class="wide">${figuresTable(operations)}</div>
<h2>Options</h2>
<dl>${options.join('\n')}</dl>
<p>junokv ${escapeHtml(run.junokvVersion)}, ${escapeHtml(new Date(run.startedAtMs).toISOString())}</p>
</body>
</html>
`;
}

function percentileSection({ operations, expectedIntervalUs }: LoadResults): string {
  const most = [...operations].sort((a, b) => b.count - a.count).slice(0, MAX_LINES - 1);
  const shown = operations.filter((operation) => most.includes(operation));
  const lines: ChartLine[] = shown.map(({ name, percentiles }, i) => ({
    name,
    colour: i,
    isDashed: false,
    points: curvePoints(percentiles),
  }));
  const last = operations.at(-1);
  if (last !== undefined && last.correctedPercentiles !== null) {
    lines.push({
      name: `${last.name}, corrected`,
      colour: shown.indexOf(last),
      isDashed: true,
      points: curvePoints(last.correctedPercentiles),
    });
  }
  const values = lines.flatMap(({ points }) => points.map(({ y }) => y ?? 1));
  const yTicks = logTicks(Math.min(...values), Math.max(...values), axisMilliseconds);
  const hints = curvePoints(last?.percentiles ?? []).map(({ x }, i) => {
    const percentile = last?.percentiles[i]?.percentile ?? 0;
    const at = lines.flatMap(({ name, points }) =>
      points[i]?.y ? [`${name}: ${millisecondsText(points[i].y)} ms`] : [],
    );
    return { at: x, text: [`p${percentile}`, ...at].join('\n') };
  });
  const meaning =
    expectedIntervalUs === null
      ? 'From when a request was due.'
      : `From when a request was sent; corrected: as if one had been due every ${millisecondsText(expectedIntervalUs)} ms.`;
  const chart = svgChart({
    label: 'Latency by percentile',
    lines,
    bands: [],
    xMin: 0,
    xMax: CURVE_NINES,
    xTicks: NINES,
    yScale: 'log',
    yMin: yTicks[0]?.at ?? 1,
    yMax: yTicks.at(-1)?.at ?? 1,
    yTicks,
    hints,
  });
  return `<h2>Latency by percentile</h2>\n<p>${meaning}</p>\n${legend(lines)}\n${chart}`;
}

/** x is the number of nines; 0 microseconds cannot be on a logarithmic axis. */
function curvePoints(points: readonly PercentilePoint[]): { x: number; y: number }[] {
  return points
    .filter(({ percentile }) => percentile < 100)
    .map(({ percentile, us }) => ({ x: -Math.log10(1 - percentile / 100), y: Math.max(1, us) }));
}

function rateSection({ series, seriesIntervalS }: LoadResults): string {
  const perSecond = (count: number): number => count / seriesIntervalS;
  const half = seriesIntervalS / 2;
  const lines: ChartLine[] = [
    {
      name: 'answers per second',
      colour: 0,
      isDashed: false,
      points: series.map(({ atS, answered }) => ({ x: atS - half, y: perSecond(answered) })),
    },
  ];
  if (series.some(({ errors }) => errors > 0)) {
    const points = series.map(({ atS, errors }) => ({ x: atS - half, y: perSecond(errors) }));
    lines.push({ name: 'errors per second', colour: 1, isDashed: false, points });
  }
  const highest = Math.max(...lines.flatMap(({ points }) => points.map(({ y }) => y ?? 0)));
  const yTicks = linearTicks(highest, countText);
  const chart = svgChart({
    label: 'Throughput over time',
    lines,
    ...timeAxis(series),
    yScale: 'linear',
    yMin: 0,
    yMax: yTicks.at(-1)?.at ?? 1,
    yTicks,
    hints: thinned(series).map(({ atS, answered, errors }) => ({
      at: atS - half,
      text: `${atS} s\n${countText(perSecond(answered))} answers/s\n${countText(perSecond(errors))} errors/s`,
    })),
  });
  return `<h2>Throughput over time</h2>\n${legend(lines)}\n${chart}`;
}

function latencySection({ series, seriesIntervalS }: LoadResults): string {
  const half = seriesIntervalS / 2;
  const line = (name: string, colour: number, of: (point: SeriesPoint) => number | null): ChartLine => ({
    name,
    colour,
    isDashed: false,
    points: series.map((point) => {
      const us = of(point);
      return { x: point.atS - half, y: us === null ? null : Math.max(1, us) };
    }),
  });
  const lines = [line('p99', 0, ({ p99Us }) => p99Us), line('p50', 2, ({ p50Us }) => p50Us)];
  const values = lines.flatMap(({ points }) => points.flatMap(({ y }) => (y === null ? [] : [y])));
  const yTicks = values.length === 0 ? [] : logTicks(Math.min(...values), Math.max(...values), axisMilliseconds);
  const chart = svgChart({
    label: 'Latency over time',
    lines,
    ...timeAxis(series),
    yScale: 'log',
    yMin: yTicks[0]?.at ?? 1,
    yMax: yTicks.at(-1)?.at ?? 1,
    yTicks,
    hints: thinned(series).map(({ atS, p50Us, p99Us, maxUs }) => ({
      at: atS - half,
      text:
        p50Us === null || p99Us === null || maxUs === null
          ? `${atS} s\nno answers`
          : `${atS} s\np50 ${millisecondsText(p50Us)} ms\np99 ${millisecondsText(p99Us)} ms\nmax ${millisecondsText(maxUs)} ms`,
    })),
  });
  return `<h2>Latency over time</h2>\n<p>By when the answers came.</p>\n${legend(lines)}\n${chart}`;
}

function timeAxis(series: readonly SeriesPoint[]) {
  const xMax = series.at(-1)?.atS ?? 1;
  const xTicks = linearTicks(xMax, (seconds) => `${countText(seconds)} s`, 8).filter(({ at }) => at <= xMax);
  return { xMin: 0, xMax, xTicks, bands: bandsOf(series) };
}

/** Everything that was not measured. */
function bandsOf(series: readonly SeriesPoint[]): ChartBand[] {
  const bands: ChartBand[] = [];
  let from = 0;
  for (const [i, { atS, phase }] of series.entries()) {
    const next = series[i + 1];
    if (next?.phase === phase) continue;
    if (phase !== 'measured') bands.push({ from, to: atS, text: phase });
    from = atS;
  }
  return bands;
}

function thinned(series: readonly SeriesPoint[]): readonly SeriesPoint[] {
  const step = Math.ceil(series.length / MAX_HINTS);
  return series.filter((_, i) => i % step === 0);
}

function legend(lines: readonly ChartLine[]): string {
  const items = lines.map(
    ({ name, colour, isDashed }) =>
      `<span><i${isDashed ? ' class="dashed"' : ''} style="border-color:var(--line-${colour})"></i>${escapeHtml(name)}</span>`,
  );
  return `<div class="legend">${items.join('')}</div>`;
}

function axisMilliseconds(us: number): string {
  return `${countTextOrFraction(us / 1_000)} ms`;
}

function countTextOrFraction(value: number): string {
  return value >= 1 ? countText(value) : String(Number(value.toFixed(3)));
}

function figuresTable(operations: readonly OperationResult[]): string {
  const head = [
    'operation',
    'count',
    'rate/s',
    'errors',
    'nil',
    'p50',
    'p90',
    'p99',
    'p99.9',
    'p99.99',
    'p99.999',
    'max',
  ];
  const rows = operations.flatMap((operation) => {
    const { name, count, ratePerS, errors, misses, latencyUs, correctedLatencyUs } = operation;
    const shownErrors = errorsByCount(errors).map(([word, error]) => `${word} ${countText(error.count)}`);
    const cells = (latency: OperationResult['latencyUs']): string[] =>
      [latency.p50, latency.p90, latency.p99, latency.p999, latency.p9999, latency.p99999, latency.max].map(
        millisecondsText,
      );
    const counts = [countText(count), countText(ratePerS), shownErrors.join(', ') || '0', countText(misses)];
    const first = [name, ...counts, ...cells(latencyUs)];
    const isWhole = name === ALL_OPERATIONS || operations.length === 1;
    return isWhole && correctedLatencyUs !== null
      ? [first, [`${name}, corrected`, '', '', '', '', ...cells(correctedLatencyUs)]]
      : [first];
  });
  const row = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${row('th', head)}</thead><tbody>${rows.map((cells) => row('td', cells)).join('\n')}</tbody></table>`;
}
