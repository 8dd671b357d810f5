import { describe, expect, it } from 'vitest';
import { COMPARISONS, compare } from './comparisons.ts';
import { checkGuard, guardedRatios, parseGuard, readGuard } from './guard.ts';
import { findHierarchy } from './memory-cgroup.ts';
import { parseOptions, UsageError } from './options.ts';
import { planOf, systemsOfPlan, without } from './plan.ts';
import { ROWS } from './rows.ts';
import { isEtcd, SYSTEM_NAMES } from './systems.ts';
import { resultsOf } from './testing/made-up-results.ts';

const planned = (...args: string[]) => planOf(parseOptions(args) ?? expect.fail());

describe('rows', () => {
  it('have ids of their own, and redis-server to compare with', () => {
    expect(new Set(ROWS.map(({ id }) => id)).size).toBe(ROWS.length);
    expect(ROWS.filter(({ systems }) => !systems.includes('redis'))).toEqual([]);
  });

  it('are driven by clients that can: redis-benchmark neither mixes nor waits nor knows slots or etcd', () => {
    const hard = ['redis-2-replicas', 'redis-cluster', 'etcd', 'etcd-3'];
    for (const { id, client, operation, keyPattern, systems } of ROWS.filter((row) => row.client !== 'own')) {
      const wrong = operation === 'MIX' || keyPattern === 'zipf' || systems.some((name) => hard.includes(name));
      expect([id, client, wrong]).toEqual([id, 'redis-benchmark', false]);
    }
    expect(
      ROWS.filter(
        ({ operation, systems }) =>
          operation.startsWith('M') && operation !== 'MIX' && systems.includes('redis-cluster'),
      ),
    ).toEqual([]);
  });

  it('are all there for the comparisons, with their systems', () => {
    for (const { row: id, systems, against } of COMPARISONS) {
      expect(ROWS.find((row) => row.id === id)?.systems).toEqual(expect.arrayContaining([...systems, against]));
    }
  });
});

describe('the plan', () => {
  it('grows from form to form', () => {
    const counts = [planned('--quick'), planned(), planned('--full')].map(
      ({ rows, latency, memory }) => rows.length + latency.length + memory.length,
    );
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(planned('--full').rows).toHaveLength(ROWS.length);
    expect(systemsOfPlan(planned('--full'))).toHaveLength(SYSTEM_NAMES.length);
    expect(systemsOfPlan(planned('--quick')).sort()).toEqual([
      'junokv',
      'junokv-separate',
      'redis',
      'redis-2-replicas',
    ]);
  });

  it('takes named rows of any form, and named systems', () => {
    const { rows, memory, latency } = planned('--rows', 'memory,set-1kb-p1-', '--systems', 'redis,junokv');
    expect(rows.map(({ id, systems }) => [id, systems])).toEqual([['set-1kb-p1-c50', ['redis', 'junokv']]]);
    expect(memory.map(({ id }) => id)).toEqual(['memory-get']);
    expect(latency).toEqual([]);
    expect(planned('--rows', 'set-100b-p1-c50').rows.map(({ id }) => id)).toEqual(['set-100b-p1-c50']);
    expect(planned('--rows', 'set-100b-p1-c5').rows.length).toBeGreaterThan(1);
  });

  it('goes on without systems that the machine lacks', () => {
    const plan = without(planned('--full'), isEtcd);
    expect(systemsOfPlan(plan).some(isEtcd)).toBe(false);
    expect(plan.rows).toHaveLength(ROWS.length);
    expect(without(planned('--rows', 'synced', '--systems', 'etcd'), isEtcd).rows).toEqual([]);
  });
});

describe('options', () => {
  it('refuse what makes no sense', () => {
    for (const args of [
      ['--rounds', '0'],
      ['--systems', 'mysql'],
      ['--quick', '--full'],
      ['--no-such'],
      ['--guard', '--full'],
    ]) {
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
    expect(parseOptions(['--help'])).toBeNull();
  });

  it('of the guard are the short form with three rounds', () => {
    expect(parseOptions(['--guard'])).toMatchObject({ form: 'quick', rounds: 3, mode: 'guard' });
    expect(parseOptions([])).toMatchObject({ form: 'normal', rounds: 3, mode: 'measure', writeDocs: false });
  });
});

describe('the guard', () => {
  const results = resultsOf('get', { redis: [100], 'redis-2-replicas': [80], junokv: [40] });

  it('keeps three tenths of each ratio of junokv, and passes what it was made from', () => {
    const guarded = guardedRatios(results);
    expect(guarded).toEqual([
      { row: 'get', system: 'junokv', against: 'redis', least: 0.12 },
      { row: 'get', system: 'junokv', against: 'redis-2-replicas', least: 0.15 },
    ]);
    expect(checkGuard(results, guarded)).toMatchObject({
      passed: [expect.any(String), expect.any(String)],
      failed: [],
    });
    expect(parseGuard(JSON.stringify(guarded))).toEqual(guarded);
  });

  it('fails on a fallen ratio, on failed requests, and on what was not measured', () => {
    const slow = resultsOf('get', { redis: [100], 'redis-2-replicas': [80], junokv: [10] });
    expect(checkGuard(slow, guardedRatios(results)).failed).toHaveLength(2);
    expect(checkGuard(resultsOf('set', { redis: [1], junokv: [1] }), guardedRatios(results)).failed).toHaveLength(2);
    const [row] = results.rows;
    const [figures] = row?.systems.find(({ system }) => system === 'junokv')?.figures ?? [];
    if (row === undefined || figures === undefined) expect.fail();
    const systems = row.systems.map((one) =>
      one.system === 'junokv' ? { ...one, figures: [{ ...figures, errors: 3 }] } : one,
    );
    const failing = { ...results, rows: [{ ...row, systems }] };
    expect(checkGuard(failing, guardedRatios(results)).failed[0]).toContain('3 requests failed');
  });

  it('has a file that fits the short form', () => {
    const { rows } = planned('--guard');
    for (const { row: id, system, against } of readGuard()) {
      expect(rows.find((row) => row.id === id)?.systems).toEqual(expect.arrayContaining([system, against]));
    }
    expect(() => parseGuard('[]')).toThrow('nothing');
    expect(() => parseGuard('[{"row":"get","system":"mysql","against":"redis","least":1}]')).toThrow('no guard');
  });
});

it('comparisons take their rows and leave out what was not measured', () => {
  const results = resultsOf('set-100b-p1-c50-own', { 'redis-2-replicas': [100], junokv: [60] });
  expect(compare(results)).toMatchObject([{ system: 'junokv', ratio: 0.6, atLeast: 0.55, cpuRatio: 1 }]);
});

describe('findHierarchy', () => {
  const V1 =
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n' +
    '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';
  const V2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';

  it('finds the own group of version 1', () => {
    expect(findHierarchy(V1, '5:cpu:/a\n4:memory:/b/c\n0::/')).toMatchObject({
      parents: ['/sys/fs/cgroup/memory/b/c'],
      limitFile: 'memory.limit_in_bytes',
    });
  });

  it('finds the own group of version 2 and those around it', () => {
    expect(findHierarchy(V2, '0::/user.slice/session.scope')).toMatchObject({
      parents: ['/sys/fs/cgroup/user.slice/session.scope', '/sys/fs/cgroup/user.slice', '/sys/fs/cgroup'],
      limitFile: 'memory.max',
    });
    expect(findHierarchy(V2.replace(' / ', ' /a '), '0::/a/b')?.parents[0]).toBe('/sys/fs/cgroup/b');
  });

  it('says when there is none', () => {
    expect(findHierarchy('1 2 0:3 / / rw - ext4 /dev/a rw', '')).toBeNull();
  });
});
