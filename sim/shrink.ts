import type { Plan, PlannedClient, PlannedStep } from './plan.ts';

/** Runs of one shrinking, at most. */
const RUNS = 600;

/**
 * A smaller plan that still fails: faults, clients, keys and operations are taken away as long as what is left fails.
 * Greedy, so the result is small but not always the smallest.
 */
export function shrink(plan: Plan, fails: (plan: Plan) => boolean): Plan {
  let runs = 0;
  let best = plan;
  const attempt = (candidate: Plan): boolean => {
    if (runs >= RUNS) return false;
    runs++;
    if (!fails(candidate)) return false;
    best = candidate;
    return true;
  };
  let before: number;
  do {
    before = sizeOf(best);
    for (const key of best.keys) if (best.keys.length > 1) attempt(withoutKey(best, key));
    for (const client of best.clients) {
      attempt({ ...best, clients: best.clients.filter((other) => other.name !== client.name) });
    }
    shrinkFaults(() => best, attempt);
    for (const { name } of best.clients) shrinkOps(() => best, name, attempt);
    for (const calmer of calmerPlans(best)) attempt(calmer);
  } while (sizeOf(best) < before && runs < RUNS);
  return best;
}

function sizeOf(plan: Plan): number {
  return plan.keys.length + plan.faults.length + plan.clients.reduce((sum, client) => sum + 1 + client.ops.length, 0);
}

function withoutKey(plan: Plan, key: string): Plan {
  return {
    ...plan,
    keys: plan.keys.filter((other) => other !== key),
    clients: plan.clients.map((client) => ({ ...client, ops: client.ops.flatMap((op) => stepWithoutKey(op, key)) })),
  };
}

/** Of transactions only those that look at things can do with fewer keys: the others might not add up. */
function stepWithoutKey(step: PlannedStep, key: string): PlannedStep[] {
  if (!('parts' in step)) return step.key === key ? [] : [step];
  const parts = step.parts.filter((part) => part.key !== key);
  if (parts.length === step.parts.length) return [step];
  return step.mode === 'look' && parts.length > 0 ? [{ ...step, parts }] : [];
}

/** Takes out ever smaller pieces of a list. */
function shrinkList<T>(current: () => readonly T[], attempt: (rest: readonly T[]) => boolean): void {
  for (let piece = Math.ceil(current().length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let from = 0; from < current().length; ) {
      const items = current();
      if (!attempt([...items.slice(0, from), ...items.slice(from + piece)])) from += piece;
    }
  }
}

function shrinkFaults(current: () => Plan, attempt: (plan: Plan) => boolean): void {
  shrinkList(
    () => current().faults,
    (faults) => attempt({ ...current(), faults }),
  );
}

function shrinkOps(current: () => Plan, name: string, attempt: (plan: Plan) => boolean): void {
  const client = (): PlannedClient | undefined => current().clients.find((other) => other.name === name);
  shrinkList(
    () => client()?.ops ?? [],
    (ops) => {
      const clients = current().clients.map((other) => (other.name === name ? { ...other, ops } : other));
      return attempt({ ...current(), clients });
    },
  );
}

function* calmerPlans(plan: Plan): Generator<Plan> {
  const { setup, links } = plan;
  yield { ...plan, links: { ...links, lossChance: 0 } };
  yield { ...plan, links: { ...links, duplicateChance: 0 } };
  yield { ...plan, links: { ...links, lateChance: 0 } };
  yield { ...plan, setup: { ...setup, disk: { ...setup.disk, writeErrorChance: 0, stallChance: 0 } } };
  yield { ...plan, setup: { ...setup, clockOffsetsUs: [], clockDriftPpm: [] } };
}
