/** A part of a bar; the parts of one bar are stacked. */
export interface Segment {
  readonly value: number;
  readonly colour: string;
  /** Shown when pointed at. */
  readonly name?: string;
}

export interface Bar {
  readonly label: string;
  readonly segments: readonly Segment[];
  /** Shown behind the bar. */
  readonly text: string;
  /** Ends of the thin line that shows the spread. */
  readonly least?: number;
  readonly most?: number;
}

export interface BarGroup {
  readonly label: string;
  readonly bars: readonly Bar[];
}

export interface BarChart {
  readonly title: string;
  readonly axis: string;
  readonly groups: readonly BarGroup[];
  /** A line across all bars. */
  readonly reference?: number;
  /** What the colours are, below the bars. */
  readonly legend?: readonly { readonly name: string; readonly colour: string }[];
}

/** A line from the first to the last of some points, on a logarithmic axis. */
export interface RangeChart {
  readonly title: string;
  readonly axis: string;
  /** What the points of each line are, from left to right. */
  readonly pointNames: readonly string[];
  readonly groups: readonly {
    readonly label: string;
    readonly lines: readonly { readonly label: string; readonly points: readonly number[]; readonly colour: string }[];
  }[];
}

const WIDTH = 960;
const LEFT = 285;
const RIGHT = 150;
const TOP = 62;
const BAR = 15;
const STEP = 19;
const GROUP_GAP = 26;
const LEGEND_COLUMNS = 5;
const LEGEND_STEP = 18;
const PLOT = WIDTH - LEFT - RIGHT;
const INK = '#24292f';
const FAINT = '#d0d7de';
const PALE = '#57606a';

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${escapeXml(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, stroke: string, more = ''): string {
  const ends = `x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"`;
  return `<line ${ends} stroke="${stroke}" ${more}/>`;
}

function frame(title: string, axis: string, height: number, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
      `font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escapeXml(title)}</title>`,
    // Readable on dark pages, too.
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(12, 22, title, 'font-size="15" font-weight="bold"'),
    text(12, 40, axis, `fill="${PALE}"`),
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

/** 1, 2 or 5 times a power of ten: steps of an axis, about five of them up to `most`. */
export function axisStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  const times = most / 5 / power;
  return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

function number(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Horizontal bars in groups, from zero. */
export function barChart({ title, axis, groups, reference, legend = [] }: BarChart): string {
  const ends = groups.flatMap(({ bars }) => bars.map((bar) => Math.max(bar.most ?? 0, total(bar.segments))));
  const most = Math.max(...ends, reference ?? 0, Number.MIN_VALUE);
  const step = axisStep(most);
  const x = (value: number): number => LEFT + (value / most) * PLOT;
  const bottom = TOP + groups.reduce((sum, { bars }) => sum + GROUP_GAP + bars.length * STEP, 0) + 4;
  const body: string[] = [];
  for (let value = 0; value <= most * 1.0001; value += step) {
    body.push(line(x(value), TOP, x(value), bottom, FAINT));
    body.push(text(x(value), bottom + 15, number(value), `text-anchor="middle" fill="${PALE}"`));
  }
  let y = TOP;
  for (const { label, bars } of groups) {
    body.push(text(12, y + 17, label, 'font-weight="bold"'));
    y += GROUP_GAP;
    for (const bar of bars) {
      body.push(...drawBar(bar, y, x));
      y += STEP;
    }
  }
  if (reference !== undefined) body.push(line(x(reference), TOP, x(reference), bottom, INK, 'stroke-dasharray="4 3"'));
  body.push(...drawLegend(legend, bottom + 30));
  const legendHeight = LEGEND_STEP * Math.ceil(legend.length / LEGEND_COLUMNS);
  return frame(title, axis, bottom + 26 + legendHeight, body);
}

function drawLegend(legend: NonNullable<BarChart['legend']>, top: number): string[] {
  const width = (WIDTH - 24) / LEGEND_COLUMNS;
  return legend.flatMap(({ name, colour }, i) => {
    const [x, y] = [12 + width * (i % LEGEND_COLUMNS), top + LEGEND_STEP * Math.floor(i / LEGEND_COLUMNS)];
    return [`<rect x="${round(x)}" y="${y}" width="11" height="11" fill="${colour}"/>`, text(x + 16, y + 10, name)];
  });
}

function total(segments: readonly Segment[]): number {
  return segments.reduce((sum, { value }) => sum + value, 0);
}

function drawBar(bar: Bar, y: number, x: (value: number) => number): string[] {
  const middle = y + BAR / 2;
  const parts = [text(LEFT - 8, middle + 4, bar.label, 'text-anchor="end"')];
  let from = 0;
  for (const { value, colour, name } of bar.segments) {
    const width = x(from + value) - x(from);
    const rect = `<rect x="${round(x(from))}" y="${y}" width="${round(width)}" height="${BAR}" fill="${colour}"`;
    const hint = name === undefined ? null : `${name}: ${number(value)}`;
    parts.push(hint === null ? `${rect}/>` : `${rect}><title>${escapeXml(hint)}</title></rect>`);
    from += value;
  }
  if (bar.least !== undefined && bar.most !== undefined) {
    parts.push(line(x(bar.least), middle, x(bar.most), middle, INK));
    for (const end of [bar.least, bar.most]) parts.push(line(x(end), middle - 3, x(end), middle + 3, INK));
  }
  parts.push(text(x(Math.max(from, bar.most ?? 0)) + 6, middle + 4, bar.text));
  return parts;
}

/** Lines with points, in groups, on a logarithmic axis. Points must be above zero. */
export function rangeChart({ title, axis, pointNames, groups }: RangeChart): string {
  const values = groups.flatMap(({ lines }) => lines.flatMap(({ points }) => points));
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const x = (value: number): number => LEFT + ((Math.log10(value) - low) / (high - low)) * PLOT;
  const bottom = TOP + groups.reduce((sum, { lines }) => sum + GROUP_GAP + lines.length * STEP, 0) + 4;
  const body: string[] = [];
  for (let power = low; power <= high; power++) {
    body.push(line(x(10 ** power), TOP, x(10 ** power), bottom, FAINT));
    body.push(text(x(10 ** power), bottom + 15, number(10 ** power), `text-anchor="middle" fill="${PALE}"`));
  }
  let y = TOP;
  for (const { label, lines } of groups) {
    body.push(text(12, y + 17, label, 'font-weight="bold"'));
    y += GROUP_GAP;
    for (const { label: name, points, colour } of lines) {
      const middle = y + BAR / 2;
      body.push(text(LEFT - 8, middle + 4, name, 'text-anchor="end"'));
      body.push(line(x(points[0] ?? 1), middle, x(points.at(-1) ?? 1), middle, colour, 'stroke-width="3"'));
      for (const [i, point] of points.entries()) {
        const dot = `<circle cx="${round(x(point))}" cy="${round(middle)}" r="5" fill="${colour}">`;
        body.push(`${dot}<title>${escapeXml(`${pointNames[i] ?? ''}: ${number(point)}`)}</title></circle>`);
      }
      body.push(text(x(points.at(-1) ?? 1) + 9, middle + 4, points.map((point) => point.toPrecision(2)).join(' / ')));
      y += STEP;
    }
  }
  return frame(title, `${axis}: ${pointNames.join(' / ')}`, bottom + 26, body);
}
