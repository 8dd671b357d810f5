import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HistoryOp, Verdict } from '../sim/checker.ts';

export interface JudgedHistory {
  readonly number: number;
  readonly verdict: Verdict;
}

/** Sends finished histories of single keys to a thread that looks for an order which explains them. */
export class Judge {
  readonly #worker = new Worker(new URL('./judge-thread.ts', import.meta.url));
  readonly #waiting = new Map<number, readonly HistoryOp[]>();
  readonly #violations: string[] = [];
  readonly #directory: string;
  #given = 0;
  #undecided = 0;
  #idle: (() => void) | null = null;

  /** `directory`: where bad histories are left; made when there is one. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#worker.on('message', (judged: JudgedHistory) => this.#onJudged(judged));
  }

  get histories(): number {
    return this.#given;
  }

  /** Histories with too many possibilities. */
  get undecided(): number {
    return this.#undecided;
  }

  /** What has no explanation: the key, and where its history is. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  submit(history: readonly HistoryOp[]): void {
    this.#given++;
    this.#waiting.set(this.#given, history);
    this.#worker.postMessage({ number: this.#given, history });
  }

  /** Resolves when all that was submitted is judged. */
  async finish(): Promise<void> {
    if (this.#waiting.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle = resolve;
      await promise;
    }
    await this.#worker.terminate();
  }

  #onJudged({ number, verdict }: JudgedHistory): void {
    const history = this.#waiting.get(number) ?? [];
    this.#waiting.delete(number);
    if (verdict.kind === 'undecided') this.#undecided++;
    if (verdict.kind === 'violation') {
      const key = history[0]?.key ?? '';
      this.#violations.push(`${key}: its history cannot be explained, see ${this.#keep(key, history, verdict)}`);
    }
    if (this.#waiting.size === 0) this.#idle?.();
  }

  /** A file with a line for each operation, in the order in which they began. */
  #keep(key: string, history: readonly HistoryOp[], verdict: Verdict & { readonly kind: 'violation' }): string {
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, `${key}.txt`);
    const ordered = [...history].sort((a, b) => a.invokedUs - b.invokedUs);
    const lines = ordered.map((op) => {
      const place = verdict.longest.indexOf(op.id);
      const stuck = verdict.stuck.includes(op.id) ? ' STUCK' : '';
      return `${place < 0 ? '   -' : String(place).padStart(4)} ${JSON.stringify(op)}${stuck}`;
    });
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  }
}
