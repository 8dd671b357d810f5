import { describe, expect, it, vi } from 'vitest';
import { DEFECTS } from './defects.ts';
import { makePlan, type Plan } from './plan.ts';
import { outsidePromises } from './promises.ts';
import { isFailure } from './report.ts';
import { type RunResult, runPlan } from './run-plan.ts';
import { GUARDS } from './scenario-files.ts';
import { shrink } from './shrink.ts';
import { type Parts, SOUND_PARTS } from './world.ts';

/** Their scenarios notice them (scenario.test.ts). */
const GUARDED: ReadonlySet<string> = new Set(GUARDS.map(([, name]) => name));

/** Seeds by which the others must have been noticed. */
const SEEDS = 100;

// Many runs, perhaps on a machine that does ten things at once.
vi.setConfig({ testTimeout: 300_000 });

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

/** Seeds 1 to `seeds`, in which nothing may be wrong; how often each branch was taken. */
async function runSound(zones: number, seeds: number): Promise<Map<string, number>> {
  const taken = new Map<string, number>();
  let undecided = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await run(seed, zones, SOUND_PARTS);
    expect(result.problems, `seed ${seed}`).toEqual([]);
    undecided += result.undecided;
    expect(result.operations).toBeGreaterThanOrEqual(150);
    expect(result.faults).toBeGreaterThanOrEqual(1);
    for (const [branch, count] of result.branches) taken.set(branch, (taken.get(branch) ?? 0) + count);
  }
  // The history of one key in thousands is too entangled to be decided in bounded time.
  expect(undecided).toBeLessThanOrEqual(Math.ceil(seeds / 25));
  return taken;
}

describe('the simulator', () => {
  for (const [zones, seeds] of [
    [5, 20],
    [1, 10],
  ] as const) {
    it(`finds nothing wrong in ${seeds} seeds of N=${zones}`, async () => {
      await runSound(zones, seeds);
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

  it('finds nothing wrong in 75 seeds of N=3, which take the branches of the protocol', async () => {
    const taken = await runSound(3, 75);
    const expected = ['read-repair', 'expired-written-dead', 'write-back', 'settled-applied', 'settled-not-applied'];
    const byNodes = ['node repair-written', 'sweeper killed', 'sweeper purged', 'learner recordsCopied'];
    const ofMembers = ['map move-begun', 'map shard-learned', 'map move-without-old-node', 'map node-gone'];
    expected.push(...byNodes, ...ofMembers);
    expected.push('intent-met', 'transaction-committed', 'transaction-aborted', 'transaction-restarted');
    expected.push('transaction-decided-aborted', 'transaction-resolved', 'node transaction-resolved');
    expected.push('intent-read-committed', 'intent-read-present');
    expected.push('snapshot-read', 'snapshot-again', 'snapshot-by-intents', 'snapshot-after-prepare');
    for (const branch of [...expected, 'chain-continued', 'chain-confirmed-by-read', 'hedged', 'base-fetched']) {
      expect(taken.get(branch), branch).toBeGreaterThan(0);
    }
  });
});

describe('deliberate defects', () => {
  for (const [name, parts] of DEFECTS) {
    if (!GUARDED.has(name)) it(`${name} is caught`, async () => expect(await firstCatch(parts, SEEDS)).not.toBeNull());
  }

  it('fail in a smaller plan, too', async () => {
    const parts = defect('commit-ignores-promise');
    const plan = makePlan((await firstCatch(parts, SEEDS)) ?? 0, 3);
    const fails = (candidate: Plan): boolean => isFailure(runPlan(candidate, parts, false));
    const operations = (clients: typeof plan.clients): number => clients.reduce((sum, { ops }) => sum + ops.length, 0);
    const small = await outsidePromises(() => shrink(plan, fails));
    expect(await outsidePromises(() => fails(small))).toBe(true);
    expect(operations(small.clients)).toBeLessThan(operations(plan.clients) / 4);
  });
});
