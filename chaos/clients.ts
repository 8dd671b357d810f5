import { Redis } from 'ioredis';
import { type Place, redisOptions } from '../compat-tests/support/place.ts';
import type { HistoryOp, KeyOp, OpOutcome } from '../sim/checker.ts';
import { SimRandom } from '../sim/sim-random.ts';
import { BankAccount } from './bank-account.ts';
import { commandOf, isCutOff, type OperationDraw, outcomeOf, replyOf } from './key-commands.ts';
import type { ChaosKey, KeyPool } from './key-pool.ts';

/** Of all operations, so many in a hundred are payments into the client's accounts. */
const BANK_SHARE = 25;
const ACCOUNTS_PER_CLIENT = 3;
const PAYMENT_MAX = 100;
const RECONNECT_MS = 100;
/** Longer than a proxy is ever paused, and than it may take to answer. */
const COMMAND_MS = 20_000;
/** How often a request whose end is unknown is sent again under its id. */
const REPEATS = 3;

/** What became of the operations, of all clients. */
export class Tally {
  operations = 0;
  /** Whether they took effect is unknown. */
  uncertain = 0;
  /** Refused: nothing was done. */
  unavailable = 0;
  /** Of several keys, and answered. */
  transactions = 0;
  /** Given up by EXEC, for what was watched had changed. */
  givenUp = 0;
  longestMs = 0;
  /** By the error's first word, or the client's own words. */
  readonly errors = new Map<string, number>();
  readonly problems: string[] = [];
  /** Operations that were answered, since the last call of `takeAnswered`. */
  #answered = 0;
  #lastAnswerMs = performance.now();
  /** The longest time in which no client at all was answered. */
  longestSilenceMs = 0;

  note(outcome: OpOutcome, startMs: number): void {
    const nowMs = performance.now();
    this.operations++;
    this.longestMs = Math.max(this.longestMs, nowMs - startMs);
    if (outcome.kind === 'unknown') this.uncertain++;
    else if (outcome.kind === 'none') this.unavailable++;
    else {
      this.#answered++;
      this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#lastAnswerMs);
      this.#lastAnswerMs = nowMs;
    }
  }

  noteTransaction(happened: boolean): void {
    if (happened) this.transactions++;
    else this.givenUp++;
  }

  noteError(message: string): void {
    const name = isCutOff(message) ? 'connection lost' : (message.split(' ', 1)[0] ?? '');
    this.errors.set(name, (this.errors.get(name) ?? 0) + 1);
  }

  takeAnswered(): number {
    const answered = this.#answered;
    this.#answered = 0;
    return answered;
  }
}

export interface ClientSetup {
  readonly number: number;
  readonly seed: number;
  /** A connection is made to each of them. */
  readonly places: readonly Place[];
  readonly pool: KeyPool;
  readonly tally: Tally;
  readonly draw: OperationDraw;
  /** Operations a second that this client begins, on average. */
  readonly rate: number;
  nextId(): number;
}

/** One application: a connection to each place, one operation at a time, at whichever is there. */
export class ChaosClient {
  readonly accounts: readonly BankAccount[];
  readonly #setup: ClientSetup;
  readonly #random: SimRandom;
  readonly #connections: readonly Redis[];
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(setup: ClientSetup) {
    this.#setup = setup;
    this.#random = new SimRandom(setup.seed, `client${setup.number}`);
    this.#connections = setup.places.map(openConnection);
    const names = Array.from({ length: ACCOUNTS_PER_CLIENT }, (_, i) => `account-${setup.number}-${i + 1}`);
    this.accounts = names.map((name) => new BankAccount(name));
  }

  start(): void {
    this.#running = this.#work();
  }

  /** Waits for the operation under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    for (const connection of this.#connections) connection.disconnect();
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      await new Promise((resolve) => setTimeout(resolve, this.#random.exponential(1_000 / this.#setup.rate)));
      const connection = this.#connection();
      if (connection === null) continue;
      if (this.#random.below(100) < BANK_SHARE) await this.#pay(connection);
      else await this.#operate(connection);
    }
  }

  /** Any that is there; null while none is. */
  #connection(): Redis | null {
    const ready = this.#connections.filter(({ status }) => status === 'ready');
    return ready.length === 0 ? null : this.#random.pick(ready);
  }

  async #operate(connection: Redis): Promise<void> {
    const { pool, draw } = this.#setup;
    const key = pool.take();
    const op = draw.next();
    let outcome = await this.#send(connection, key, op);
    for (let i = 0; op.kind === 'juno' && outcome.kind === 'unknown' && i < REPEATS; i++) {
      const other = this.#connection();
      if (other !== null) outcome = await this.#send(other, key, op);
    }
    pool.release(key);
  }

  async #send(connection: Redis, key: ChaosKey, op: KeyOp): Promise<OpOutcome> {
    const { tally, nextId, number } = this.#setup;
    const startMs = performance.now();
    const entry: HistoryOp = {
      id: nextId(),
      client: `client${number}`,
      key: key.name,
      op,
      invokedUs: startMs * 1_000,
      returnedUs: Number.POSITIVE_INFINITY,
      lowestWallMs: Date.now(),
      highestWallMs: 0,
      outcome: { kind: 'unknown' },
    };
    key.history.push(entry);
    entry.outcome = await this.#outcome(connection, key.name, op);
    entry.returnedUs = performance.now() * 1_000;
    entry.highestWallMs = Date.now();
    tally.note(entry.outcome, startMs);
    return entry.outcome;
  }

  async #outcome(connection: Redis, key: string, op: KeyOp): Promise<OpOutcome> {
    const { tally } = this.#setup;
    const [command, ...args] = commandOf(key, op);
    let reply: unknown;
    try {
      reply = await connection.call(command, args);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const { outcome, problem } = outcomeOf(op, message);
      if (outcome.kind !== 'reply') tally.noteError(message);
      if (problem) tally.problems.push(`${command} ${key}: ${message}`);
      return outcome;
    }
    return { kind: 'reply', reply: replyOf(op, reply) };
  }

  async #pay(connection: Redis): Promise<void> {
    const { tally } = this.#setup;
    const account = this.#random.pick(this.accounts);
    const amount = this.#random.between(1, PAYMENT_MAX);
    const startMs = performance.now();
    try {
      const balance = await connection.incrby(account.name, amount);
      account.paid(amount, balance);
      tally.note({ kind: 'reply', reply: balance }, startMs);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const { outcome, problem } = outcomeOf({ kind: 'getdel' }, message);
      if (outcome.kind === 'unknown') account.mayBePaid(amount);
      tally.note(outcome, startMs);
      tally.noteError(message);
      if (problem) tally.problems.push(`incrby ${account.name}: ${message}`);
    }
  }
}

/** Sends nothing twice, and nothing later. */
export function openConnection(place: Place): Redis {
  const connection = new Redis({
    ...redisOptions(place),
    protocol: 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // With the connection goes the command: its end is unknown.
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_MS,
    retryStrategy: () => RECONNECT_MS,
  });
  // Each command has its own error, and 'close' leads to another try.
  connection.on('error', () => undefined);
  return connection;
}
