import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { SerialProblems, SerialTxn } from '../sim/serial-checker.ts';

export interface JudgedBank {
  readonly number: number;
  readonly problems: SerialProblems;
}

/** Sends finished histories of transactions to a thread that looks for a reason why they can have no serial order. */
export class SerialJudge {
  readonly #worker = new Worker(new URL('./serial-judge-thread.ts', import.meta.url));
  readonly #waiting = new Map<number, readonly SerialTxn[]>();
  readonly #violations: string[] = [];
  readonly #directory: string;
  #given = 0;
  #transactions = 0;
  #idle: (() => void) | null = null;
  #isBroken = false;

  /** `directory`: where bad histories are left; made when there is one. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#worker.on('message', (judged: JudgedBank) => this.#onJudged(judged));
    this.#worker.on('error', (error) => {
      this.#violations.push(`the judge has failed: ${error.stack ?? error.message}`);
      this.#isBroken = true;
      this.#idle?.();
    });
  }

  get histories(): number {
    return this.#given;
  }

  get transactions(): number {
    return this.#transactions;
  }

  /** What can have no serial order, and where its history is. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  submit(history: readonly SerialTxn[]): void {
    this.#given++;
    this.#transactions += history.length;
    this.#waiting.set(this.#given, history);
    this.#worker.postMessage({ number: this.#given, history });
  }

  /** Resolves when all that was submitted is judged. */
  async finish(): Promise<void> {
    if (this.#waiting.size > 0 && !this.#isBroken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle = resolve;
      await promise;
    }
    await this.#worker.terminate();
  }

  #onJudged({ number, problems }: JudgedBank): void {
    const history = this.#waiting.get(number) ?? [];
    this.#waiting.delete(number);
    if (problems.length > 0) this.#violations.push(`${problems.join('; ')}, see ${this.#keep(number, history)}`);
    if (this.#waiting.size === 0) this.#idle?.();
  }

  #keep(number: number, history: readonly SerialTxn[]): string {
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, `bank-${number}.txt`);
    writeFileSync(path, history.map((txn) => `${JSON.stringify(txn)}\n`).join(''));
    return path;
  }
}
