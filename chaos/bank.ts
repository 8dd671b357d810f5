import type { SerialTxn } from '../sim/serial-checker.ts';

/** Few enough for the judge to infer the order of blind writes, too. */
const TRANSACTIONS_PER_BANK = 600;
const ACCOUNTS = 6;
const NOTES = 3;

/** Some accounts among which money moves, and notes that are written over, while they are in use; all that was told of them. */
export interface Bank {
  /** Of each account also the key `<account>:last`: the mark of who changed it last. */
  readonly accounts: readonly string[];
  readonly notes: readonly string[];
  /** In the order in which they began. */
  readonly history: SerialTxn[];
  underWay: number;
}

export function lastOf(account: string): string {
  return `${account}:last`;
}

/** The bank that is in use; it is given up after so many transactions, and its history handed on when the last has ended. */
export class BankPool {
  readonly #onDone: (history: readonly SerialTxn[]) => void;
  readonly #retired = new Set<Bank>();
  #made = 0;
  #bank: Bank;

  constructor(onDone: (history: readonly SerialTxn[]) => void) {
    this.#onDone = onDone;
    this.#bank = this.#make();
  }

  /** Notes that a transaction begins; `release` must follow. */
  take(): Bank {
    if (this.#bank.history.length >= TRANSACTIONS_PER_BANK) {
      this.finish();
      this.#bank = this.#make();
    }
    this.#bank.underWay++;
    return this.#bank;
  }

  release(bank: Bank): void {
    bank.underWay--;
    if (bank.underWay === 0 && this.#retired.delete(bank)) this.#onDone(bank.history);
  }

  /** No transaction begins on the bank any more. */
  finish(): void {
    if (this.#bank.underWay === 0) this.#onDone(this.#bank.history);
    else this.#retired.add(this.#bank);
  }

  #make(): Bank {
    const number = ++this.#made;
    const names = (kind: string, count: number): string[] =>
      Array.from({ length: count }, (_, i) => `${kind}-${number}-${i + 1}`);
    return { accounts: names('bank', ACCOUNTS), notes: names('note', NOTES), history: [], underWay: 0 };
  }
}
