import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ImportProblem } from './import-problem.ts';

const FILE = 'state.json';
const FORMAT_VERSION = 1;

/** How far an import is: plain data, by what kind of source it has. */
export interface ImportState {
  /** What is imported into what: another command must not go on with it. */
  readonly source: string;
  readonly target: string;
  readonly [field: string]: unknown;
}

/** The directory of one import. */
export class StateDirectory {
  readonly path: string;
  readonly #clock: Clock;
  #dueMs = Number.NEGATIVE_INFINITY;

  /** Made if it is not there. Throws ImportProblem. */
  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
    try {
      mkdirSync(path, { recursive: true });
    } catch (error) {
      throw new ImportProblem(`cannot make ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** What an earlier run of the same import left; null if there was none. Throws ImportProblem where it was another's. */
  load(source: string, target: string): ImportState | null {
    let text: string;
    try {
      text = readFileSync(join(this.path, FILE), 'utf8');
    } catch {
      return null;
    }
    let state: unknown;
    try {
      state = JSON.parse(text);
    } catch {
      throw new ImportProblem(`${join(this.path, FILE)} is damaged: remove the directory to begin anew`);
    }
    if (!isState(state) || state['formatVersion'] !== FORMAT_VERSION) {
      throw new ImportProblem(`${join(this.path, FILE)} is of no import that can be gone on with: remove it`);
    }
    if (state.source === source && state.target === target) return state;
    throw new ImportProblem(
      `${this.path} belongs to an import of ${state.source} into ${state.target}: give another --state, or remove it`,
    );
  }

  /** Whether it is time to save again. */
  get isDue(): boolean {
    return this.#clock.monotonicMs() >= this.#dueMs;
  }

  save(state: ImportState): void {
    const startMs = this.#clock.monotonicMs();
    const path = join(this.path, FILE);
    writeFileSync(`${path}.new`, JSON.stringify({ formatVersion: FORMAT_VERSION, ...state }), { flush: true });
    renameSync(`${path}.new`, path);
    const endMs = this.#clock.monotonicMs();
    this.#dueMs = endMs + Math.max(limits.importStateMs, (endMs - startMs) / limits.importStateShare);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function isState(value: unknown): value is ImportState {
  return typeof value === 'object' && value !== null && 'source' in value && 'target' in value;
}

/** A number of a state; 0 where it is none. */
export function numberIn(state: ImportState | null, field: string): number {
  const value = state?.[field];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}

/** Pairs of numbers of a state; none where it has none. */
export function pairsIn(state: ImportState | null, field: string): (readonly [number, number])[] {
  const value = state?.[field];
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).flatMap((pair) => {
    const [one, other] = Array.isArray(pair) ? (pair as unknown[]) : [];
    return typeof one === 'number' && typeof other === 'number' ? [[one, other] as const] : [];
  });
}

/** A text of a state; '' where it is none. */
export function textIn(state: ImportState | null, field: string): string {
  const value = state?.[field];
  return typeof value === 'string' ? value : '';
}
