import type { Redis } from 'ioredis';
import type { Place } from '../compat-tests/support/place.ts';
import type { OpOutcome } from '../sim/checker.ts';
import type { SerialAccess, SerialTxn } from '../sim/serial-checker.ts';
import { SimRandom } from '../sim/sim-random.ts';
import { type Bank, type BankPool, lastOf } from './bank.ts';
import { openConnection, type Tally } from './clients.ts';
import { outcomeOf } from './key-commands.ts';

const PAYMENT_MAX = 100;
/** ioredis's words for several commands with which the connection has gone. */
const ABORTED = /^Command aborted due to connection close/;

export interface TransferSetup {
  readonly number: number;
  readonly seed: number;
  /** A connection is made to each of them. */
  readonly places: readonly Place[];
  readonly banks: BankPool;
  readonly tally: Tally;
  /** Gets a line for each look at which the money was not all there, or more. */
  readonly wrongSums: string[];
  /** Transactions a second that this client begins, on average. */
  readonly rate: number;
  nextId(): number;
}

/** What a transaction was told; null: it was given up, for what it had watched has changed. */
type Told = readonly SerialAccess[] | null;

interface Plan {
  readonly name: string;
  /** As far as is known before: what it leaves, if it happens. */
  readonly accesses: readonly SerialAccess[];
  run(connection: Redis): Promise<Told>;
}

/** Moves money between accounts, looks whether all of it is there, and writes notes: with commands over several keys, at any proxy. */
export class TransferClient {
  readonly #setup: TransferSetup;
  readonly #random: SimRandom;
  readonly #connections: readonly Redis[];
  #isStopped = false;
  #marks = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(setup: TransferSetup) {
    this.#setup = setup;
    this.#random = new SimRandom(setup.seed, `transfers${setup.number}`);
    this.#connections = setup.places.map(openConnection);
  }

  start(): void {
    this.#running = this.#work();
  }

  /** Waits for the transaction under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    for (const connection of this.#connections) connection.disconnect();
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      await new Promise((resolve) => setTimeout(resolve, this.#random.exponential(1_000 / this.#setup.rate)));
      const ready = this.#connections.filter(({ status }) => status === 'ready');
      if (ready.length > 0) await this.#transact(this.#random.pick(ready));
    }
  }

  async #transact(connection: Redis): Promise<void> {
    const { banks, tally, nextId } = this.#setup;
    const bank = banks.take();
    const plan = this.#draw(bank);
    const startMs = performance.now();
    const begun: SerialTxn = {
      id: nextId(),
      invokedUs: startMs * 1_000,
      returnedUs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      accesses: plan.accesses,
    };
    const at = bank.history.push(begun) - 1;
    const ended = (): SerialTxn => ({ ...begun, returnedUs: performance.now() * 1_000 });
    let outcome: OpOutcome = { kind: 'none' };
    try {
      const told = await plan.run(connection);
      bank.history[at] = { ...ended(), outcome: told === null ? 'refused' : 'done', accesses: told ?? plan.accesses };
      tally.noteTransaction(told !== null);
      outcome = { kind: 'reply', reply: null };
    } catch (error) {
      outcome = this.#failed(plan.name, error);
      if (outcome.kind === 'none') bank.history[at] = { ...ended(), outcome: 'refused' };
    }
    tally.note(outcome, startMs);
    banks.release(bank);
  }

  #failed(name: string, error: unknown): OpOutcome {
    const { tally } = this.#setup;
    const message = error instanceof Error ? error.message : String(error);
    const { outcome, problem } = outcomeOf({ kind: 'getdel' }, message);
    tally.noteError(message);
    if (problem && !ABORTED.test(message)) tally.problems.push(`${name}: ${message}`);
    return outcome;
  }

  #draw(bank: Bank): Plan {
    const dice = this.#random.below(100);
    if (dice < 35) return this.#transfer(bank);
    if (dice < 55) return this.#watchedTransfer(bank);
    if (dice < 80) return this.#audit(bank, dice < 70);
    if (dice < 90) return this.#writeNotes(bank);
    return this.#readNotes(bank);
  }

  #newMark(): string {
    return `${this.#setup.number}.${++this.#marks}`;
  }

  /** MULTI, INCRBY and GETSET at two accounts, EXEC. */
  #transfer(bank: Bank): Plan {
    const [from, to, amount] = this.#drawTransfer(bank);
    const mark = this.#newMark();
    const left = (account: string) => ({ key: lastOf(account), left: mark });
    return {
      name: 'transfer',
      accesses: [from, to].map((account) => ({ ...left(account), found: null })),
      run: async (connection) => {
        const [, before, , beforeTo] = await exec(connection, [
          ['incrby', from, String(-amount)],
          ['getset', lastOf(from), mark],
          ['incrby', to, String(amount)],
          ['getset', lastOf(to), mark],
        ]);
        return [
          { ...left(from), found: marks(before) },
          { ...left(to), found: marks(beforeTo) },
        ];
      },
    };
  }

  /** WATCH, GET, MULTI, SET, EXEC. */
  #watchedTransfer(bank: Bank): Plan {
    const [from, to, amount] = this.#drawTransfer(bank);
    const mark = this.#newMark();
    const keys = [from, lastOf(from), to, lastOf(to)];
    const accesses = [lastOf(from), lastOf(to)].map((key) => ({ key, left: mark, found: null }));
    return {
      name: 'watched transfer',
      accesses,
      run: async (connection) => {
        await connection.watch(keys);
        const found = await this.#getOneByOne(connection, keys);
        const replies = await execIfSame(connection, [
          ['set', from, String(Number(found[0] ?? 0) - amount)],
          ['set', lastOf(from), mark],
          ['set', to, String(Number(found[2] ?? 0) + amount)],
          ['set', lastOf(to), mark],
        ]);
        if (replies === null) return null;
        return [
          { key: lastOf(from), left: mark, found: marks(found[1]) },
          { key: lastOf(to), left: mark, found: marks(found[3]) },
        ];
      },
    };
  }

  async #getOneByOne(connection: Redis, keys: readonly string[]): Promise<(string | null)[]> {
    try {
      return await Promise.all(keys.map((key) => connection.get(key)));
    } catch (error) {
      // What fails here has changed nothing; the connection must not keep its watch.
      await connection.unwatch().catch(() => undefined);
      throw new Error(`UNAVAILABLE while reading: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** All balances and marks at once. */
  #audit({ accounts }: Bank, byMulti: boolean): Plan {
    const keys = [...accounts, ...accounts.map(lastOf)];
    return {
      name: byMulti ? 'GETs in MULTI' : 'MGET',
      accesses: accounts.map((account) => ({ key: lastOf(account), found: null })),
      run: async (connection) => {
        const found = byMulti
          ? await exec(
              connection,
              keys.map((key) => ['get', key]),
            )
          : await connection.mget(keys);
        const balances = found.slice(0, accounts.length).map((balance) => Number(balance ?? 0));
        const sum = balances.reduce((total, balance) => total + balance, 0);
        if (sum !== 0) this.#setup.wrongSums.push(`${sum} in all accounts together: ${balances.join(' ')}`);
        return accounts.map((account, i) => ({ key: lastOf(account), found: marks(found[accounts.length + i]) }));
      },
    };
  }

  /** Over what was there, unseen. */
  #writeNotes({ notes }: Bank): Plan {
    const mark = this.#newMark();
    const chosen = this.#random.chance(0.3) ? [this.#random.pick(notes)] : notes.slice(this.#random.below(2));
    const accesses = chosen.map((key) => ({ key, found: null, left: mark }));
    return {
      name: 'notes written',
      accesses,
      run: async (connection) => {
        const pairs = chosen.flatMap((key) => [key, mark]);
        if (this.#random.chance(0.5)) await connection.mset(pairs);
        else
          await exec(
            connection,
            chosen.map((key) => ['set', key, mark]),
          );
        return accesses;
      },
    };
  }

  #readNotes({ notes }: Bank): Plan {
    const chosen = this.#random.chance(0.3) ? [this.#random.pick(notes)] : notes;
    return {
      name: 'notes read',
      accesses: chosen.map((key) => ({ key, found: null })),
      run: async (connection) => {
        const found =
          chosen.length === 1 ? [await connection.get(chosen[0] ?? '')] : await connection.mget([...chosen]);
        return chosen.map((key, i) => ({ key, found: marks(found[i]) }));
      },
    };
  }

  #drawTransfer({ accounts }: Bank): readonly [from: string, to: string, amount: number] {
    const from = this.#random.below(accounts.length);
    const to = (from + 1 + this.#random.below(accounts.length - 1)) % accounts.length;
    return [accounts[from] ?? '', accounts[to] ?? '', this.#random.between(1, PAYMENT_MAX)];
  }
}

/** A value as what it shows of who wrote it. */
function marks(found: unknown): string[] {
  return typeof found === 'string' ? [found] : [];
}

/** The replies of a transaction's commands; null if something watched has changed. */
async function execIfSame(connection: Redis, commands: string[][]): Promise<unknown[] | null> {
  const replies = await connection.multi(commands).exec();
  return (
    replies?.map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    }) ?? null
  );
}

async function exec(connection: Redis, commands: string[][]): Promise<unknown[]> {
  const replies = await execIfSame(connection, commands);
  if (replies === null) throw new Error('EXEC answers nil although nothing was watched');
  return replies;
}
