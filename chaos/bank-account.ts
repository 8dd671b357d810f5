/** A counter into which one client pays, and what it may hold by what that client was told. */
export class BankAccount {
  readonly name: string;
  readonly problems: string[] = [];
  #acknowledged = 0;
  #uncertain = 0;
  #highest = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The payment was answered with the new balance. */
  paid(amount: number, balance: number): void {
    this.#acknowledged += amount;
    this.#check(balance);
    if (balance <= this.#highest) this.problems.push(`${this.name}: ${balance} after ${this.#highest} and a payment`);
    this.#highest = Math.max(this.#highest, balance);
  }

  /** Whether the payment was made, or still will be, is unknown. */
  mayBePaid(amount: number): void {
    this.#uncertain += amount;
  }

  /** Nothing is under way any more. */
  audit(balance: number): void {
    this.#check(balance);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get uncertain(): number {
    return this.#uncertain;
  }

  #check(balance: number): void {
    const most = this.#acknowledged + this.#uncertain;
    if (balance >= this.#acknowledged && balance <= most) return;
    this.problems.push(`${this.name}: ${balance}, not from ${this.#acknowledged} to ${most}`);
  }
}
