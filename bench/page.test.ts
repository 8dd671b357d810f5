import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { LatencyPoint } from './latency.ts';
import type { OpenFigures } from './open-loop.ts';
import { PAGE_FILE, pageText, readResults } from './page.ts';
import { plotsOf } from './plots.ts';
import type { Results } from './results.ts';
import { resultsText } from './results-text.ts';
import { axisStep, barChart, rangeChart } from './svg-chart.ts';
import { SYSTEM_NAMES, type SystemName } from './systems.ts';
import { resultsOf } from './testing/made-up-results.ts';

const OPEN: OpenFigures = {
  answeredPerSecond: 50,
  p50Ms: 0.2,
  p90Ms: 0.5,
  p99Ms: 2,
  p999Ms: 9,
  maxMs: 10,
  generatorP99Ms: 0.1,
  errors: 0,
  unanswered: 0,
};

function point(system: SystemName, p99Ms: number): LatencyPoint {
  const figures = { ...OPEN, p99Ms };
  return { system, share: 0.5, of: 'junokv', ratePerSecond: 50, p99LeastMs: 1, p99MostMs: 3, figures };
}

const RESULTS: Results = {
  ...resultsOf('get-100b-p1-c50', { redis: [100, 120], junokv: [50, 40] }),
  latency: [
    {
      id: 'latency-get',
      title: 'GET at fixed rates',
      maximum: [{ system: 'junokv', perSecond: 100 }],
      points: [point('redis', 1), point('junokv', 2)],
    },
  ],
  skipped: ['instructions: there is no perf on this machine'],
  failed: ['memory-get: killed'],
};

/** Tags that are opened and closed in their order, attributes quoted: enough of XML for what we write. */
function problemOfXml(text: string): string | null {
  const open: string[] = [];
  for (const [, closing, name = '', more = ''] of text.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<>]*")*\s*\/?)>/g)) {
    if (closing === '/') {
      if (open.pop() !== name) return `</${name}> closes something else`;
    } else if (!more.endsWith('/')) open.push(name);
  }
  const rest = text.replaceAll(/<\/?[a-z]+(\s+[\w:-]+="[^"<>]*")*\s*\/?>/g, '');
  if (
    /[<>]|&(?!amp;|lt;|gt;|quot;)|NaN|Infinity/.test(rest + text.replaceAll(/>[^<]*</g, '><').replaceAll(/[<>]/g, ''))
  ) {
    return 'a loose character, or no number';
  }
  return open.length === 0 ? null : `${open.join(', ')} not closed`;
}

/** Texts that stand out of the picture, at a generous width of each character. */
function textsOutside(svg: string): string[] {
  const width = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1] ?? Number.NaN);
  return [...svg.matchAll(/<text x="([\d.-]+)" y="[\d.]+" ([^>]*)>([^<]*)</g)].flatMap(
    ([, at, more = '', text = '']) => {
      const size = Number(/font-size="(\d+)"/.exec(more)?.[1] ?? 12);
      const length = text.length * size * 0.58;
      const start = Number(at) - (more.includes('"end"') ? length : more.includes('"middle"') ? length / 2 : 0);
      return start < 0 || start + length > width ? [text] : [];
    },
  );
}

describe('pictures', () => {
  it('have axes in steps of 1, 2 or 5', () => {
    expect([1, 4, 0.3, 70, 1_200].map(axisStep)).toEqual([0.2, 1, expect.closeTo(0.1), 20, 500]);
  });

  it('are well-formed, whatever the labels', () => {
    const bars = [{ label: 'a<b & "c"', segments: [{ value: 1, colour: '#000000' }], text: '1', least: 0.5, most: 2 }];
    const bar = barChart({ title: '<t>', axis: 'x', groups: [{ label: 'g', bars }], reference: 1 });
    expect(problemOfXml(bar)).toBeNull();
    const lines = [{ label: 'l', points: [0.1, 1, 20], colour: '#000000' }];
    const range = rangeChart({ title: 't', axis: 'ms', pointNames: ['a', 'b', 'c'], groups: [{ label: 'g', lines }] });
    expect(problemOfXml(range)).toBeNull();
    expect(range.match(/<circle/g)).toHaveLength(3);
    expect(problemOfXml('<a><b></a></b>')).not.toBeNull();
    expect(problemOfXml('<a>x < y</a>')).not.toBeNull();
  });

  it('show twice the width for twice the value', () => {
    const bar = (value: number) => ({ label: '', segments: [{ value, colour: '#123456' }], text: '' });
    const svg = barChart({ title: '', axis: '', groups: [{ label: '', bars: [bar(1), bar(2)] }] });
    const [one = 0, two = 0] = [...svg.matchAll(/width="([\d.]+)" height="15" fill="#123456"/g)].map((match) =>
      Number(match[1]),
    );
    expect(two / one).toBeCloseTo(2, 1);
  });

  it('are made of what was measured', () => {
    const plots = plotsOf(RESULTS);
    expect(plots.map(({ file }) => file)).toEqual([
      'reads.svg',
      'value-sizes.svg',
      'connections.svg',
      'cpu.svg',
      'latency-get.svg',
    ]);
    expect(plots.map(({ svg }) => problemOfXml(svg))).toEqual(plots.map(() => null));
    expect(plotsOf({ ...RESULTS, rows: [], latency: [] })).toEqual([]);
  });

  it('have room for the longest names', () => {
    const rates = Object.fromEntries(SYSTEM_NAMES.map((name) => [name, [100, 1]]));
    const all = resultsOf('get-100b-p1-c50', rates);
    const points = SYSTEM_NAMES.map((of) => ({ ...point('redis', 123.4), of }));
    const latency = [{ id: 'latency-get', title: 'GET', maximum: [], points }];
    const outside = plotsOf({ ...all, latency }).flatMap(({ svg }) => textsOutside(svg));
    expect(outside).toEqual([]);
    expect(textsOutside('<svg viewBox="0 0 50 9"><text x="20" y="1" >far too long</text>')).toEqual(['far too long']);
  });
});

describe('the page', () => {
  it('has ratios before rates, and says what was not measured', () => {
    const text = resultsText(RESULTS, plotsOf(RESULTS));
    expect(text).toMatch(/GET, pipeline 1, to redis-server +\| junokv +\| +0\.41 \| 0\.33-0\.50 \| +0\.50 \| no/);
    expect(text).toContain('![CPU time per operation](performance/cpu.svg)');
    expect(text).toContain('p99 of junokv at 50% of its maximum: 2.0 times');
    expect(text).toContain('Not measured on this machine:\n\n- instructions: there is no perf');
    expect(text).toContain('Failed:\n\n- memory-get: killed');
    expect(text.indexOf('### Ratios')).toBeLessThan(text.indexOf('### All rows'));
  });

  it('is made of the recorded figures and the introduction (else run npm run bench -- --render)', () => {
    const results = readResults();
    const page = pageText(results);
    expect(readFileSync(PAGE_FILE, 'utf8')).toBe(page);
    for (const [, picture = ''] of page.matchAll(/\]\((performance\/[a-z0-9-]+\.svg)\)/g)) {
      expect([picture, existsSync(new URL(`../docs/${picture}`, import.meta.url))]).toEqual([picture, true]);
    }
  });
});
