export interface ChartLine {
  readonly name: string;
  /** Which of the page's colours, from 0. */
  readonly colour: number;
  readonly isDashed: boolean;
  /** In ascending x; a null y is a gap. */
  readonly points: readonly { readonly x: number; readonly y: number | null }[];
}

export interface AxisTick {
  readonly at: number;
  readonly text: string;
}

/** A part of the x axis with a background of its own. */
export interface ChartBand {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export interface Chart {
  /** For those who cannot see it. */
  readonly label: string;
  readonly lines: readonly ChartLine[];
  readonly bands: readonly ChartBand[];
  readonly xMin: number;
  readonly xMax: number;
  readonly xTicks: readonly AxisTick[];
  /** Values are positive where it is logarithmic. */
  readonly yScale: 'linear' | 'log';
  readonly yMin: number;
  readonly yMax: number;
  readonly yTicks: readonly AxisTick[];
  /** What is shown where the pointer rests: x, and a text of some lines. */
  readonly hints: readonly AxisTick[];
}

const WIDTH = 860;
const HEIGHT = 300;
const LEFT = 72;
const RIGHT = 32;
const TOP = 16;
const BOTTOM = 32;

/** Text for HTML, in attributes too. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A line chart as an `svg` element; its classes are styled by the page. */
export function svgChart(chart: Chart): string {
  const spanX = chart.xMax - chart.xMin || 1;
  const x = (value: number): number => LEFT + ((value - chart.xMin) / spanX) * (WIDTH - LEFT - RIGHT);
  const scaled = (value: number): number => (chart.yScale === 'log' ? Math.log10(value) : value);
  const low = scaled(chart.yMin);
  const spanY = scaled(chart.yMax) - low || 1;
  const y = (value: number): number =>
    HEIGHT - BOTTOM - ((scaled(Math.max(chart.yMin, value)) - low) / spanY) * (HEIGHT - TOP - BOTTOM);
  const plotHeight = HEIGHT - TOP - BOTTOM;

  const bands = chart.bands.map(
    ({ from, to, text }) =>
      `<rect class="band" x="${short(x(from))}" y="${TOP}" width="${short(x(to) - x(from))}" height="${plotHeight}"/>` +
      `<text class="axis" x="${short(x(from) + 4)}" y="${TOP + 12}">${escapeHtml(text)}</text>`,
  );
  const yTicks = chart.yTicks.map(
    ({ at, text }) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${short(y(at))}" y2="${short(y(at))}"/>` +
      `<text class="axis end" x="${LEFT - 8}" y="${short(y(at) + 4)}">${escapeHtml(text)}</text>`,
  );
  const xTicks = chart.xTicks.map(
    ({ at, text }) =>
      `<line class="tick" x1="${short(x(at))}" x2="${short(x(at))}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM + 5}"/>` +
      `<text class="axis middle" x="${short(x(at))}" y="${HEIGHT - BOTTOM + 20}">${escapeHtml(text)}</text>`,
  );
  const lines = chart.lines.map(
    ({ colour, isDashed, points }) =>
      `<path class="line${isDashed ? ' dashed' : ''}" style="stroke:var(--line-${colour})" d="${pathOf(points, x, y)}"/>`,
  );
  const hints = chart.hints.map(({ at, text }, i) => {
    const before = chart.hints[i - 1]?.at ?? at;
    const after = chart.hints[i + 1]?.at ?? at;
    const from = x((before + at) / 2);
    const width = Math.max(1, x((at + after) / 2) - from);
    return `<rect class="hint" x="${short(from)}" y="${TOP}" width="${short(width)}" height="${plotHeight}"><title>${escapeHtml(text)}</title></rect>`;
  });
  const base = `<line class="base" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.label)}">
${[...bands, ...yTicks, ...xTicks, base, ...lines, ...hints].join('\n')}
</svg>`;
}

function pathOf(points: ChartLine['points'], x: (value: number) => number, y: (value: number) => number): string {
  let path = '';
  let isPenUp = true;
  for (const point of points) {
    if (point.y === null) {
      isPenUp = true;
      continue;
    }
    path += `${isPenUp ? 'M' : 'L'}${short(x(point.x))} ${short(y(point.y))}`;
    isPenUp = false;
  }
  return path;
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Powers of ten from the one below `min` to the one above `max`; both above 0. */
export function logTicks(min: number, max: number, text: (value: number) => string): AxisTick[] {
  const ticks: AxisTick[] = [];
  const last = Math.ceil(Math.log10(max) - 1e-9);
  for (let power = Math.floor(Math.log10(min) + 1e-9); power <= last; power++) {
    ticks.push({ at: 10 ** power, text: text(10 ** power) });
  }
  return ticks;
}

const STEPS = [1, 2, 5, 10];

/** Round numbers from 0 to `max` or a little more. */
export function linearTicks(max: number, text: (value: number) => string, wanted = 5): AxisTick[] {
  const raw = Math.max(max, 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = (STEPS.find((candidate) => candidate * power >= raw) ?? 10) * power;
  const count = Math.ceil(Math.max(max, 1) / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => ({ at: i * step, text: text(i * step) }));
}
