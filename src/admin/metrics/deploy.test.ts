import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { metricGroups } from './metric-table.ts';

const DEPLOY = join(import.meta.dirname, '../../../deploy');
const DASHBOARDS = join(DEPLOY, 'grafana/dashboards');
const ALERTS = join(DEPLOY, 'prometheus/alerts.yml');

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const why = hasPromtool ? '' : ' (skipped: promtool, of the Debian package prometheus, is not installed)';

/** Names of series: those of metrics, and what Prometheus makes of a histogram. */
const SERIES = new Set(
  metricGroups
    .flatMap(({ metrics }) => metrics)
    .flatMap(({ name, type }) => (type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name])),
);

interface Target {
  readonly expr: string;
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
}

function panelsOf(file: string): readonly Panel[] {
  const json: { readonly panels: readonly Panel[] } = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8'));
  return json.panels;
}

function unknownSeries(text: string): string[] {
  return [...text.matchAll(/\bjunokv_[a-z0-9_]+/g)].map(([name]) => name).filter((name) => !SERIES.has(name));
}

const files = readdirSync(DASHBOARDS);

describe('what is in deploy/', () => {
  it('names metrics that exist', () => {
    for (const file of ['alerts.yml', 'alerts.test.yml']) {
      expect(unknownSeries(readFileSync(join(DEPLOY, 'prometheus', file), 'utf8')), file).toEqual([]);
    }
    const expressions = files
      .flatMap((file) => panelsOf(file))
      .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(40);
    expect(expressions.flatMap(unknownSeries)).toEqual([]);
  });

  it('shows panels that do not overlap, each with an id of its own and something in it', () => {
    for (const file of files) {
      const panels = panelsOf(file);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const places = new Set<string>();
      for (const { gridPos, title, type, targets = [] } of panels) {
        if (type !== 'row') expect(targets.length, title).toBeGreaterThan(0);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(x, title).toBeLessThan(24);
            expect(places.has(`${x} ${y}`), title).toBe(false);
            places.add(`${x} ${y}`);
          }
        }
      }
    }
  });
});

describe.skipIf(!hasPromtool)(`what promtool says of it${why}`, () => {
  function promtool(...args: string[]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, {
      encoding: 'utf8',
      cwd: join(DEPLOY, 'prometheus'),
    });
    return { status, text: `${stdout}${stderr}` };
  }

  it('finds the rules and the configuration right', () => {
    const rules = promtool('check', 'rules', ALERTS);
    expect(rules.text).toContain('SUCCESS');
    expect(rules.status, rules.text).toBe(0);
    const config = promtool('check', 'config', 'prometheus.yml');
    expect(config.status, config.text).toBe(0);
  });

  it('sees alerts fire when they should, and only then', { timeout: 60_000 }, () => {
    const tested = promtool('test', 'rules', 'alerts.test.yml');
    expect(tested.status, tested.text).toBe(0);
  });

  it('understands every expression of the dashboard', () => {
    const directory = mkdtempSync(join(tmpdir(), 'junokv-promtool-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const rules = files
      .flatMap((file) => panelsOf(file))
      .flatMap(({ id, targets = [] }) => targets.map(({ expr }, index) => ({ record: `panel${id}_${index}`, expr })))
      .map(({ record, expr }) => ({
        record,
        expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
      }));
    const path = join(directory, 'dashboard.yml');
    // JSON is YAML, too.
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const checked = promtool('check', 'rules', path);
    expect(checked.status, checked.text).toBe(0);
  });
});
