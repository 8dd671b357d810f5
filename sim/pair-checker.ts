import { apply, checkKey, type HistoryOp, type KeyState, START, type Verdict } from './checker.ts';
import { pairOf } from './swap-keys.ts';

/** What is found under the first and under the second of two names. */
type PairState = readonly [KeyState, KeyState];

/** Moments of the search before it gives up. */
const SEARCH_BOUND = 1_000_000;

/** By key, or by the name of two keys that are swapped: whether what was done there can have been. */
export function* verdicts(keys: readonly string[], history: readonly HistoryOp[]): Generator<[string, Verdict]> {
  for (const name of new Set(keys.map((key) => pairOf(key) ?? key))) {
    if (pairOf(name) === null) yield [name, checkKey(history.filter(({ key }) => key === name))];
    else
      yield [
        name,
        checkPair(
          `${name}@3`,
          history.filter(({ key }) => pairOf(key) === name),
        ),
      ];
  }
}

/**
 * Whether the operations on two keys of one name, in databases that are swapped, can be put in one order that respects real time
 * and explains every answer; a swap exchanges what the two hold. Nothing here expires.
 *
 * A write that was answered UNCERTAIN is of the data that its name meant when it was sent, or at some time until it took effect:
 * that may be what the other one means by then (protocol §8). One that was answered is of what its name means.
 */
export function checkPair(second: string, history: readonly HistoryOp[]): Verdict {
  return new PairSearch(second, history).run();
}

class PairSearch {
  readonly #second: string;
  /** By invocation. */
  readonly #answered: readonly HistoryOp[];
  readonly #unknown: readonly HistoryOp[];
  readonly #mayCross: boolean;
  readonly #seen = new Set<string>();
  readonly #done: boolean[];
  readonly #tried: boolean[];
  readonly #order: number[] = [];
  #longest: readonly number[] = [];
  #stuck: readonly number[] = [];
  #steps = 0;

  /** `second`: the name of the second key. */
  constructor(second: string, history: readonly HistoryOp[]) {
    const byInvocation = [...history].sort((a, b) => a.invokedUs - b.invokedUs || a.id - b.id);
    this.#second = second;
    this.#answered = byInvocation.filter(({ outcome }) => outcome.kind === 'reply');
    this.#unknown = byInvocation.filter(({ outcome, op }) => outcome.kind === 'unknown' && op.kind !== 'get');
    this.#mayCross = history.some(({ op }) => op.kind === 'swap');
    this.#done = this.#answered.map(() => false);
    this.#tried = this.#unknown.map(() => false);
  }

  run(): Verdict {
    if (this.#search([START, START], 0)) return { kind: 'linearizable' };
    if (this.#steps > SEARCH_BOUND) return { kind: 'undecided' };
    return { kind: 'violation', longest: this.#longest, stuck: this.#stuck };
  }

  /** `first`: index of the first answered operation that has no place yet. */
  #search(state: PairState, first: number): boolean {
    if (first === this.#answered.length) return true;
    if (++this.#steps > SEARCH_BOUND) return false;
    const memory = this.#memory(state, first);
    if (this.#seen.has(memory)) return false;
    this.#seen.add(memory);
    const may = this.#mayComeNow(first);
    if (this.#order.length > this.#longest.length) {
      this.#longest = [...this.#order];
      this.#stuck = may.map((i) => this.#answered[i]?.id ?? 0);
    }
    for (const i of may) {
      const entry = this.#answered[i];
      const next = entry === undefined ? null : this.#explained(state, entry);
      if (entry !== undefined && next !== null && this.#place(i, entry, next, first)) return true;
    }
    return this.#tryUnknown(state, first);
  }

  /** Answered operations that began before any that is open had ended. */
  #mayComeNow(first: number): number[] {
    const untilUs = this.#untilUs(first);
    const may: number[] = [];
    for (let i = first; i < this.#answered.length; i++) {
      if (!this.#done[i] && (this.#answered[i]?.invokedUs ?? 0) <= untilUs) may.push(i);
    }
    return may;
  }

  #untilUs(first: number): number {
    let untilUs = Number.POSITIVE_INFINITY;
    for (let i = first; i < this.#answered.length; i++) {
      if (!this.#done[i]) untilUs = Math.min(untilUs, this.#answered[i]?.returnedUs ?? 0);
    }
    return untilUs;
  }

  #place(index: number, { id }: HistoryOp, state: PairState, first: number): boolean {
    this.#done[index] = true;
    this.#order.push(id);
    let next = first;
    while (this.#done[next]) next++;
    if (this.#search(state, next)) return true;
    this.#done[index] = false;
    this.#order.pop();
    return false;
  }

  #tryUnknown(state: PairState, first: number): boolean {
    const untilUs = this.#untilUs(first);
    for (const [i, entry] of this.#unknown.entries()) {
      if (entry.invokedUs > untilUs) break;
      if (this.#tried[i]) continue;
      for (const next of this.#effects(state, entry)) {
        this.#tried[i] = true;
        this.#order.push(entry.id);
        if (this.#search(next, first)) return true;
        this.#tried[i] = false;
        this.#order.pop();
      }
    }
    return false;
  }

  #sideOf({ key }: HistoryOp): 0 | 1 {
    return key === this.#second ? 1 : 0;
  }

  /** Null if it cannot have been answered so there. */
  #explained(state: PairState, entry: HistoryOp): PairState | null {
    const { op, outcome } = entry;
    if (op.kind === 'swap') return [state[1], state[0]];
    const side = this.#sideOf(entry);
    const result = apply(state[side], op);
    if (outcome.kind !== 'reply' || result.reply !== outcome.reply) return null;
    return with2(state, side, result.state);
  }

  /** What an operation of which nothing is known may have made of it. */
  #effects(state: PairState, entry: HistoryOp): PairState[] {
    const { op } = entry;
    if (op.kind === 'swap') return [[state[1], state[0]]];
    const side = this.#sideOf(entry);
    const sides: readonly (0 | 1)[] = this.#mayCross ? [side, side === 0 ? 1 : 0] : [side];
    return sides.map((one) => with2(state, one, apply(state[one], op).state));
  }

  #memory([one, other]: PairState, first: number): string {
    const open = this.#done.map((isDone, i) => (isDone && i > first ? i : '')).join(' ');
    const tried = this.#tried.map((isTried, i) => (isTried ? i : '')).join(' ');
    return `${first}/${open.trim()}/${tried.trim()}/${one.value}/${other.value}`;
  }
}

function with2([one, other]: PairState, side: 0 | 1, state: KeyState): PairState {
  return side === 0 ? [state, other] : [one, state];
}
