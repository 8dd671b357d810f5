import type { PlannedClient, PlannedTxn, TxnPart } from './plan.ts';
import type { Fault } from './plan-faults.ts';
import { SimRandom } from './sim-random.ts';

/** What makes values of transactions different from all others'. */
const FIRST_VALUE = 9_000_000;
/** Money moves between accounts, and stays the same together. */
export const ACCOUNT = /^a\d+$/;
/** One of these holds something, once any does. */
export const HOLDER = /^h\d+$/;

interface Surroundings {
  readonly seed: number;
  readonly zones: number;
  readonly proxies: number;
  /** Of the other clients. */
  readonly keys: readonly string[];
}

/** What transactions add to a plan; `keys` are of their own. */
export interface TransactionPlan {
  readonly keys: readonly string[];
  readonly clients: readonly PlannedClient[];
  readonly faults: readonly Fault[];
}

const NONE: TransactionPlan = { keys: [], clients: [], faults: [] };

/** Clients with transactions, in some of the seeds, and proxies that die in the midst of them. Drawn from a stream of their own. */
export function makeTransactions({ seed, zones, proxies, keys }: Surroundings): TransactionPlan {
  const random = new SimRandom(seed, `transactions${zones}`);
  if (random.chance(0.4)) return NONE;
  const accounts = names('a', random.between(2, 5));
  const holders = names('h', random.between(2, 3));
  const draw = new TransactionDraw(random, accounts, holders, keys);
  const count = random.between(2, 5);
  const thinkUs = random.pick([1_000, 10_000, 50_000, 150_000]);
  const clients = Array.from({ length: count }, (_, c): PlannedClient => {
    const ops = Array.from({ length: random.between(8, 20) }, () => ({
      ...draw.next(),
      thinkUs: Math.ceil(random.exponential(thinkUs)),
      pauseUs: Math.ceil(random.exponential(20_000)),
    }));
    return { name: `T${c + 1}`, proxy: random.below(proxies), ops };
  });
  return { keys: [...accounts, ...holders], clients, faults: makeDeaths(random, proxies) };
}

function names(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
}

/** At every step of a transaction, sooner or later. */
function makeDeaths(random: SimRandom, proxies: number): Fault[] {
  const count = random.pick([0, 1, 3, 8]);
  const spanUs = random.pick([300_000, 2_000_000]);
  return Array.from({ length: count }, () => ({
    kind: 'crash-sending' as const,
    atUs: random.below(spanUs),
    forUs: random.pick([100, 5_000, 100_000]),
    proxy: random.below(proxies),
    messages: random.between(1, 40),
  }));
}

type Drawn = Pick<PlannedTxn, 'mode' | 'parts'>;

class TransactionDraw {
  readonly #random: SimRandom;
  readonly #accounts: readonly string[];
  readonly #holders: readonly string[];
  readonly #keys: readonly string[];
  #value = FIRST_VALUE;

  constructor(random: SimRandom, accounts: readonly string[], holders: readonly string[], keys: readonly string[]) {
    this.#random = random;
    this.#accounts = accounts;
    this.#holders = holders;
    this.#keys = keys;
  }

  next(): Drawn {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 25) return { mode: random.chance(0.3) ? 'watched' : 'all', parts: this.#transfer() };
    if (dice < 40) return { mode: 'look', parts: looks(random.chance(0.7) ? this.#accounts : this.#some(4)) };
    if (dice < 52) return { mode: 'all-or-none', parts: this.#move() };
    if (dice < 58) return { mode: 'look', parts: looks(this.#holders) };
    if (dice < 74) return { mode: 'all', parts: this.#some(4).map((key) => this.#append(key)) };
    if (dice < 84)
      return { mode: random.chance(0.3) ? 'watched' : 'all', parts: this.#some(3).map((key) => this.#set(key)) };
    return { mode: 'all', parts: this.#some(3).map((key) => this.#any(key)) };
  }

  /** So much less here, so much more there. */
  #transfer(): TxnPart[] {
    const random = this.#random;
    const accounts = this.#distinct(this.#accounts, random.between(2, 3));
    const value = this.#newValue();
    let left = 0;
    return accounts.map((key, index) => {
      const amount = index === accounts.length - 1 ? -left : random.between(-50, 50);
      left += amount;
      return { key, op: { kind: 'pay', amount, value } };
    });
  }

  /** From one holder to another, or to the first of all if there was none. */
  #move(): TxnPart[] {
    const [from = '', to = ''] = this.#distinct(this.#holders, 2);
    const value = this.#newValue();
    if (this.#random.chance(0.3)) {
      return this.#holders.map((key, index) => ({ key, op: index === 0 ? { kind: 'setnx', value } : { kind: 'get' } }));
    }
    return [
      { key: from, op: { kind: 'getdel' } },
      { key: to, op: { kind: 'setnx', value } },
    ];
  }

  #append(key: string): TxnPart {
    return { key, op: { kind: 'getappend', value: `,${this.#newValue()}` } };
  }

  #set(key: string): TxnPart {
    return { key, op: { kind: 'set', value: this.#newValue() } };
  }

  #any(key: string): TxnPart {
    const random = this.#random;
    const value = this.#newValue();
    const expiresAtMs = random.between(0, random.pick([20, 300, 2_000]));
    const op = random.pick(['getset', 'setpxat', 'del', 'getdel', 'get', 'persist'] as const);
    if (op === 'getset') return { key, op: { kind: op, value } };
    if (op === 'setpxat') return { key, op: { kind: op, value, expiresAtMs } };
    return { key, op: { kind: op } };
  }

  #some(most: number): readonly string[] {
    const random = this.#random;
    return this.#distinct(this.#keys, Math.min(this.#keys.length, random.between(1, most)));
  }

  #distinct(from: readonly string[], count: number): readonly string[] {
    const left = [...from];
    return Array.from({ length: Math.min(count, left.length) }, () =>
      left.splice(this.#random.below(left.length), 1),
    ).flat();
  }

  #newValue(): string {
    this.#value += 1_000;
    return String(this.#value);
  }
}

function looks(keys: readonly string[]): TxnPart[] {
  return keys.map((key) => ({ key, op: { kind: 'get' } }));
}
