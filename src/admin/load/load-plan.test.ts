import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { configurationWith } from '../configuration.ts';
import type { Configuration } from '../option-table.ts';
import { type LoadPlan, planLoad } from './load-plan.ts';

function plan(changes: Partial<Configuration>, durationGiven = false, password = ''): LoadPlan {
  const planned = planLoad(configurationWith(changes), durationGiven, password);
  if (!planned.ok) throw new Error(planned.problem);
  return planned.plan;
}

function problem(changes: Partial<Configuration>): string {
  const planned = planLoad(configurationWith(changes), false, '');
  return planned.ok ? '' : planned.problem;
}

describe('planLoad', () => {
  it('ends by time; by a number of requests only with a bound', () => {
    expect(plan({}).times).toEqual({ rampMs: 0, warmupMs: 2_000, durationMs: 30_000, requests: 0 });
    expect(plan({ requests: 5 }).times).toMatchObject({ durationMs: limits.loadRequestsMaxMs, requests: 5 });
    expect(plan({ requests: 5, duration: 1_000 }, true).times).toMatchObject({ durationMs: 1_000, requests: 5 });
  });

  it('greets with what is needed, in the right order', () => {
    expect(plan({}).greeting).toEqual([]);
    expect(plan({ database: 3, namespace: 'shop', username: 'app' }, false, 'pw').greeting).toEqual([
      ['AUTH', 'app', 'pw'],
      ['JUNO.NAMESPACE', 'shop'],
      ['SELECT', '3'],
    ]);
    expect(plan({}, false, 'pw').greeting).toEqual([['AUTH', 'pw']]);
  });

  it('bounds what an open loop may have under way, by number and by bytes', () => {
    expect(plan({ rate: 10, connections: 64 }).depth * 64).toBe(limits.loadOpenRequests);
    const large = plan({ rate: 10, connections: 64, valueSize: [{ minBytes: 1, maxBytes: 1_048_576, weight: 1 }] });
    expect(large.depth * 64 * 1_048_576).toBeLessThanOrEqual(limits.loadRequestBytes);
    expect(large.depth).toBeGreaterThan(10);
    expect(plan({ pipeline: 7 }).depth).toBe(7);
  });

  it('preloads with SETs of one key after the other', () => {
    expect(plan({}).preload).toBeNull();
    const { preload } = plan({ preload: true, commands: 'juno', keyDistribution: { kind: 'hot', share: 1 } });
    expect(preload).toMatchObject({ operations: [{ command: 'JUNO.SET' }], keyDistribution: { kind: 'sequential' } });
  });

  it.each<[Partial<Configuration>, string]>([
    [{ mix: [{ operation: 'create', weight: 1 }] }, "'create' is not an operation of --commands redis"],
    [{ rate: 10, pipeline: 2 }, '--pipeline: with --rate'],
    [{ requestIds: true }, '--request-ids: only --commands juno has them'],
    [{ username: 'a' }, '--username: a password is needed as well'],
    [{ target: [] }, '--target: at least one'],
    [{ keys: limits.loadKeys + 1 }, '--keys: at most'],
    [{ requests: limits.loadRequests + 1 }, '--requests: at most'],
    [
      { connections: 1_000, pipeline: 1_000, preload: true, valueSize: [{ minBytes: 0, maxBytes: 2_000, weight: 1 }] },
      'together',
    ],
  ])('%j is refused', (changes, text) => {
    expect(problem(changes)).toContain(text);
  });
});
