import type { KeyOp } from './checker.ts';
import type { PlannedClient, PlannedOp, PlannedRepeat } from './plan.ts';
import { SimRandom } from './sim-random.ts';

/** Their values are out of the reach of all others', which INCR counts up from multiples of a thousand. */
const FIRST_VALUE = 5_000_000;

/**
 * Clients, in some of the seeds, whose writes carry request ids and are repeated: at once and long after, also through other
 * proxies. Drawn from a stream of their own.
 */
export function makeRequestClients(
  seed: number,
  nodes: number,
  proxies: number,
  keys: readonly string[],
): PlannedClient[] {
  const random = new SimRandom(seed, `requests${nodes}`);
  if (random.chance(0.4)) return [];
  const thinkUs = random.pick([2_000, 20_000, 100_000]);
  const mix = random.pick([
    ['set', 'create', 'update', 'destroy'],
    ['set', 'set', 'update'],
    ['create', 'destroy', 'create', 'destroy', 'set'],
  ] as const);
  const count = random.between(1, 2);
  let value = FIRST_VALUE;
  const nextValue = (): string => {
    value += 1_000;
    return String(value);
  };
  return Array.from({ length: count }, (_, c) => {
    const ops: PlannedOp[] = Array.from({ length: random.between(8, 14) }, () => ({
      thinkUs: Math.ceil(random.exponential(thinkUs)),
      key: random.pick(keys),
      // The id is made when the request is sent: it carries that time.
      op: { kind: 'juno', write: random.pick(mix), value: nextValue(), requestId: '' } satisfies KeyOp,
      repeats: makeRepeats(random, proxies),
    }));
    return { name: `R${c + 1}`, proxy: random.below(proxies), ops };
  });
}

function makeRepeats(random: SimRandom, proxies: number): PlannedRepeat[] {
  const afterUs = [0, 1_000, 10_000, 200_000, 2_200_000] as const;
  return Array.from({ length: random.between(0, 3) }, () => ({
    afterUs: random.pick(afterUs) + random.below(2_000),
    proxy: random.below(proxies),
  }));
}
