import type { Place } from '../compat-tests/support/place.ts';
import type { Report } from '../crash-tests/report.ts';
import { BankPool } from './bank.ts';
import { Tally } from './clients.ts';
import { SerialJudge } from './serial-judge.ts';
import { TransferClient } from './transfer-client.ts';

const CLIENTS = 6;
/** Of transactions, at most so many may end without it being known whether they happened, or be refused: all want the same few keys. */
const FAILED_MOST = 0.05;

export interface TransfersSetup {
  readonly seed: number;
  readonly places: readonly Place[];
  /** Transactions a second, of all clients. */
  readonly rate: number;
  /** Where bad histories are left. */
  readonly directory: string;
  nextId(): number;
}

/** Clients whose transactions take the same keys from one another, and what is wrong with what they were told. */
export class Transfers {
  readonly #tally = new Tally();
  readonly #judge: SerialJudge;
  readonly #banks: BankPool;
  readonly #clients: readonly TransferClient[];
  readonly #wrongSums: string[] = [];

  constructor({ seed, places, rate, directory, nextId }: TransfersSetup) {
    const tally = this.#tally;
    this.#judge = new SerialJudge(directory);
    this.#banks = new BankPool((history) => this.#judge.submit(history));
    const common = {
      seed,
      places,
      tally,
      banks: this.#banks,
      wrongSums: this.#wrongSums,
      rate: rate / CLIENTS,
      nextId,
    };
    this.#clients = Array.from({ length: CLIENTS }, (_, i) => new TransferClient({ ...common, number: i + 1 }));
  }

  start(): void {
    for (const client of this.#clients) client.start();
  }

  /** Resolves when the last transaction has ended and all are judged. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
    this.#banks.finish();
    await this.#judge.finish();
  }

  get summary(): string {
    const { transactions, givenUp, uncertain, unavailable } = this.#tally;
    const failed = `${uncertain} uncertain, ${unavailable} refused`;
    return `${transactions} transactions answered, ${givenUp} given up for what they had watched, ${failed}; ${this.#judge.histories} histories`;
  }

  check(report: Report): void {
    report.check('transactions have one serial order that explains every answer', this.#judge.violations);
    report.check('money that moves by transactions stays the same together, at every look', this.#wrongSums);
    const { transactions, operations, uncertain, unavailable, problems } = this.#tally;
    report.check('transactions were carried out', transactions === 0 ? ['none was'] : []);
    report.check('no error of a transaction that no fault explains', problems);
    const most = operations * FAILED_MOST;
    report.check(
      `less than ${FAILED_MOST * 100} % of the transactions uncertain, less than ${FAILED_MOST * 100} % refused`,
      uncertain >= most || unavailable >= most ? [this.summary] : [],
    );
  }
}
