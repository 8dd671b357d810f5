import { randomInt } from 'node:crypto';
import type { JunoClient, JunoError } from '../src/juno-ext/client/src/types.ts';
import { WriteLedger } from './write-ledger.ts';

const KEYS = 10;

export interface IncrementFigures {
  readonly done: number;
  /** Given up after conflicts, or refused: nothing was written. */
  readonly refused: number;
  /** Ended without an answer that tells whether it was written. */
  readonly open: number;
  readonly longestMs: number;
  /** Errors that no kill explains. */
  readonly problems: readonly string[];
}

/** Clients that increment a few keys by compareAndSet, each as fast as it can. */
export class IncrementLoad {
  readonly #ledgers = new Map<string, WriteLedger>();
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();
  #figures = noFigures();
  #given = 0;

  /** `name`: what its keys begin with; there must be none yet. */
  constructor(name = 'counter') {
    for (let i = 0; i < KEYS; i++) this.#ledgers.set(`${name}-${i}`, new WriteLedger());
  }

  start(clients: readonly JunoClient[]): void {
    this.#running = Promise.all(clients.map((client) => this.#work(client)));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** What happened since the last call. */
  takeFigures(): IncrementFigures {
    const figures = this.#figures;
    this.#figures = noFigures();
    return figures;
  }

  /** Rows of key, value, successes and open writes; and what is wrong with them. For when nothing is under way. */
  async check(client: JunoClient): Promise<{ rows: (string | number)[][]; problems: string[] }> {
    const rows: (string | number)[][] = [];
    const problems: string[] = [];
    for (const [key, ledger] of this.#ledgers) {
      const found = await client.get(key);
      if (!found.ok || found.value === null) {
        problems.push(`${key}: ${found.ok ? 'there is no such key' : found.error.message}`);
        continue;
      }
      const value = found.value.value.toString();
      rows.push([key, Number(value), ledger.successes, ledger.open]);
      problems.push(...ledger.checkCounter(value, found.value.recordVersion).map((problem) => `${key}: ${problem}`));
    }
    return { rows, problems };
  }

  async #work(client: JunoClient): Promise<void> {
    const keys = [...this.#ledgers];
    while (!this.#isStopped) {
      const [key, ledger] = keys[randomInt(keys.length)] ?? [];
      if (key === undefined || ledger === undefined) return;
      const startMs = performance.now();
      let written = '';
      const result = await client.compareAndSet(key, (current) => {
        written = String(Number(current?.value.toString() ?? 0) + 1);
        return written;
      });
      const figures = this.#figures;
      figures.longestMs = Math.max(figures.longestMs, performance.now() - startMs);
      if (!result.ok) {
        this.#failed(ledger, key, result.error);
      } else if (result.value === null) {
        figures.problems.push(`${key}: nothing was written`);
      } else {
        figures.done += 1;
        ledger.succeeded(written, result.value.recordVersion);
      }
    }
  }

  #failed(ledger: WriteLedger, key: string, error: JunoError): void {
    const figures = this.#figures;
    switch (error.kind) {
      case 'timed-out':
      case 'uncertain':
        // Without a request id it was the read that failed.
        if (error.requestId === null) {
          figures.refused += 1;
        } else {
          figures.open += 1;
          this.#given += 1;
          ledger.leftOpen(`open-${this.#given}`);
        }
        return;
      case 'version-conflict':
      case 'duplicate-key':
      case 'unavailable':
      case 'busy':
        figures.refused += 1;
        return;
      default:
        figures.problems.push(`${key}: ${error.kind} ${error.message}`);
    }
  }
}

function noFigures() {
  return { done: 0, refused: 0, open: 0, longestMs: 0, problems: [] as string[] };
}
