import { describe, expect, it, vi } from 'vitest';
import { makePlan, type Plan, type PlannedStep, type TxnPart } from './plan.ts';
import { outsidePromises } from './promises.ts';
import { type RunResult, runPlan } from './run-plan.ts';
import { SOUND_PARTS } from './world.ts';

const ACCOUNTS = ['a1', 'a2', 'a3'];
/** Many runs, perhaps on a machine that does ten things at once. */
const LONG_MS = 300_000;
/** A transfer of three keys sends fewer requests than this, with all that comes after it. */
const STEPS = 45;

function step(thinkUs: number, parts: readonly TxnPart[], mode: 'all' | 'look' = 'all'): PlannedStep {
  return { thinkUs, mode, parts, pauseUs: 0 };
}

function transfer(value: string): TxnPart[] {
  return ACCOUNTS.map((key, i) => ({ key, op: { kind: 'pay', amount: i === 0 ? -2 : 1, value } }));
}

const LOOK: readonly TxnPart[] = ACCOUNTS.map((key) => ({ key, op: { kind: 'get' } }));

/** A transfer by the first proxy, which dies with so many requests sent, and what others do at the second one meanwhile. */
function planOf(messages: number, shards: number, others: readonly PlannedStep[]): Plan {
  const { setup, links } = makePlan(5, 3);
  return {
    setup: { ...setup, shards, nodesPerZone: 1, sparesPerZone: 0, fsync: 'always', express: messages % 2 === 0 },
    links: { ...links, lossChance: 0, duplicateChance: 0, lateChance: 0 },
    keys: ACCOUNTS,
    clients: [
      { name: 'payer', proxy: 0, ops: [step(1_000, transfer('1')), step(200_000, LOOK, 'look')] },
      { name: 'other', proxy: 1, ops: others },
    ],
    faults: [{ kind: 'crash-sending', atUs: 500, forUs: 150_000, proxy: 0, messages }],
  };
}

function run(plan: Plan): Promise<RunResult> {
  return outsidePromises(() => runPlan(plan, SOUND_PARTS, false));
}

vi.setConfig({ testTimeout: LONG_MS });

describe('a coordinator that dies at any step of a transaction', () => {
  for (const [who, others] of [
    ['who looks', [2_000, 3_000, 3_000, 50_000].map((thinkUs) => step(thinkUs, LOOK, 'look'))],
    ['who writes', [step(3_000, transfer('2')), step(5_000, LOOK, 'look')]],
    ['the sweep', []],
  ] as const) {
    it(`leaves it whole, or nothing of it, ended by ${who}`, async () => {
      let died = 0;
      let committed = 0;
      for (let messages = 1; messages <= STEPS; messages++) {
        const result = await run(planOf(messages, messages % 3 === 0 ? 1 : 8, others));
        expect(result.problems, `after ${messages} requests`).toEqual([]);
        const [first] = result.history.filter(({ client }) => client === 'payer');
        if (first?.outcome.kind === 'unknown') died++;
        const last = result.history.findLast(({ key, client }) => key === 'a1' && client.startsWith('last'));
        if (last?.outcome.kind === 'reply' && last.outcome.reply !== null) committed++;
      }
      expect(died).toBeGreaterThan(STEPS / 4);
      expect(committed).toBeGreaterThan(0);
      if (others.length === 0) expect(committed).toBeLessThan(STEPS);
    });
  }
});
