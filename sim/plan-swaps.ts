import type { KeyOp } from './checker.ts';
import type { PlainOp, PlannedClient, PlannedStep, TxnPart } from './plan.ts';
import { SimRandom } from './sim-random.ts';

/** What makes these values different from all others. */
const FIRST_VALUE = 8_000_000;

/** What swaps of two databases add to a plan; `keys` are in these two alone. */
export interface SwapPlan {
  readonly keys: readonly string[];
  readonly clients: readonly PlannedClient[];
}

/** Clients of two databases, and one that swaps them, in some of the seeds. Drawn from a stream of their own. */
export function makeSwaps(seed: number, zones: number, proxies: number): SwapPlan {
  const random = new SimRandom(seed, `swaps${zones}`);
  if (random.chance(0.75)) return { keys: [], clients: [] };
  const names = Array.from({ length: random.between(1, 2) }, (_, i) => `s${i + 1}`);
  const keys = names.flatMap((name) => [name, `${name}@3`]);
  const thinkUs = random.pick([1_000, 20_000, 100_000]);
  const transacting = random.chance(0.6);
  let value = FIRST_VALUE;
  const think = (meanUs: number): number => Math.ceil(random.exponential(meanUs));
  const next = (): PlannedStep => {
    if (!transacting || random.chance(0.7)) {
      return { thinkUs: think(thinkUs), key: random.pick(keys), op: opOf(random, value++) };
    }
    const parts = distinct(random, keys, random.between(2, 3)).map(
      (key): TxnPart => ({ key, op: opOf(random, value++) }),
    );
    const mode = parts.every(({ op }) => op.kind === 'get') ? 'look' : 'all';
    return { thinkUs: think(thinkUs), mode, parts, pauseUs: 0 };
  };
  const clients = Array.from({ length: random.between(3, 4) }, (_, c): PlannedClient => {
    const ops = Array.from({ length: random.between(10, 20) }, next);
    return { name: `S${c + 1}`, proxy: c % proxies, ops };
  });
  const swapUs = random.pick([20_000, 100_000, 400_000]);
  const swaps = Array.from({ length: random.between(1, 5) }, () => ({
    thinkUs: think(swapUs),
    key: '*',
    op: { kind: 'swap' } as const,
  }));
  clients.push({ name: 'W1', proxy: random.below(proxies), ops: swaps });
  return { keys, clients };
}

const KINDS = ['get', 'get', 'get', 'set', 'set', 'getset', 'setnx', 'append', 'incr', 'del', 'getdel'] as const;

function opOf(random: SimRandom, value: number): PlainOp & KeyOp {
  const kind = random.pick(KINDS);
  switch (kind) {
    case 'set':
    case 'getset':
    case 'setnx':
      return { kind, value: String(value) };
    case 'append':
      return { kind, value: `,${value}` };
    default:
      return { kind };
  }
}

function distinct(random: SimRandom, keys: readonly string[], count: number): string[] {
  const left = [...keys];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(random.below(left.length), 1)[0] ?? '');
}
