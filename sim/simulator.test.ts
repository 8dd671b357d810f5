import { describe, expect, it } from 'vitest';
import { DEFECTS } from './defects.ts';
import { makePlan, type Plan } from './plan.ts';
import { outsidePromises } from './promises.ts';
import { isFailure } from './report.ts';
import { type RunResult, runPlan } from './run-plan.ts';
import { shrink } from './shrink.ts';
import { type Parts, SOUND_PARTS } from './world.ts';

/** Found by a longer search, or by their scenarios. */
const RARE = new Set([
  'no-ceiling',
  'second-try-forgets-first',
  'joint-reads-old-alone',
  'joint-promise-dropped',
  'joint-counts-old-alone',
  'restamped-commit',
]);

function defect(name: string): Parts {
  const parts = DEFECTS.get(name);
  if (parts === undefined) throw new Error(`no defect is called ${name}`);
  return parts;
}

function run(seed: number, zones: number, parts: Parts, trace = false): Promise<RunResult> {
  return outsidePromises(() => runPlan(makePlan(seed, zones), parts, trace));
}

async function firstCatch(parts: Parts, seeds: number): Promise<number | null> {
  for (let seed = 1; seed <= seeds; seed++) if (isFailure(await run(seed, 3, parts))) return seed;
  return null;
}

describe('the simulator', () => {
  for (const [zones, seeds] of [
    [3, 30],
    [5, 30],
    [1, 10],
  ] as const) {
    it(`finds nothing wrong in ${seeds} seeds of N=${zones}`, async () => {
      for (let seed = 1; seed <= seeds; seed++) {
        const result = await run(seed, zones, SOUND_PARTS);
        expect(result.problems, `seed ${seed}`).toEqual([]);
        expect(result.undecided, `seed ${seed}`).toBe(0);
        expect(result.operations).toBeGreaterThanOrEqual(100);
        expect(result.faults).toBeGreaterThanOrEqual(3);
      }
    });
  }

  it('repeats a run exactly, traced or not', async () => {
    const first = await run(11, 3, SOUND_PARTS, true);
    const second = await run(11, 3, SOUND_PARTS);
    expect(second.hash).toBe(first.hash);
    expect(second.history).toEqual(first.history);
    expect(first.trace.length).toBeGreaterThan(100);
    expect((await run(12, 3, SOUND_PARTS)).hash).not.toBe(first.hash);
  });

  it('takes the branches of the protocol', async () => {
    const taken = new Map<string, number>();
    for (let seed = 1; seed <= 40; seed++) {
      for (const [branch, count] of (await run(seed, 3, SOUND_PARTS)).branches) {
        taken.set(branch, (taken.get(branch) ?? 0) + count);
      }
    }
    const expected = ['read-repair', 'expired-written-dead', 'write-back', 'settled-applied', 'settled-not-applied'];
    for (const branch of [...expected, 'chain-continued', 'chain-confirmed-by-read', 'hedged', 'base-fetched']) {
      expect(taken.get(branch), branch).toBeGreaterThan(0);
    }
  });
});

describe('deliberate defects', () => {
  for (const [name, parts] of DEFECTS) {
    if (!RARE.has(name)) it(`${name} is caught`, async () => expect(await firstCatch(parts, 100)).not.toBeNull());
  }

  it('fail in a smaller plan, too', async () => {
    const parts = defect('commit-ignores-promise');
    const plan = makePlan((await firstCatch(parts, 100)) ?? 0, 3);
    const fails = (candidate: Plan): boolean => isFailure(runPlan(candidate, parts, false));
    const operations = (clients: typeof plan.clients): number => clients.reduce((sum, { ops }) => sum + ops.length, 0);
    const small = await outsidePromises(() => shrink(plan, fails));
    expect(await outsidePromises(() => fails(small))).toBe(true);
    expect(operations(small.clients)).toBeLessThan(operations(plan.clients) / 4);
  });
});
