import { ValueType } from '../../record/value.ts';
import { type ErrorReply, WRONGTYPE } from '../../resp/reply.ts';
import type { KeysView } from '../command.ts';
import { KeyedView } from './keyed-view.ts';
import { decodeScore } from './score.ts';
import { compareScored, type Scored } from './scored-elements.ts';

export type Algebra = 'inter' | 'union' | 'diff';
export type Aggregate = 'sum' | 'min' | 'max';

/** Elements are looked up in other sets so many at a time: their pages are asked for together. */
const LOOKUP_BATCH = 1_024;

/** A sorted set, or a set, whose members have the score 1; by member. */
export class Operand {
  readonly count: number;
  readonly #view: KeyedView | null;
  readonly #isScored: boolean;
  readonly weight: number;

  /** `view` null: there is no such key. */
  constructor(view: KeyedView | null, isScored: boolean, weight: number) {
    this.#view = view;
    this.#isScored = isScored;
    this.weight = weight;
    this.count = view?.count ?? 0;
  }

  need(members: readonly Buffer[]): void {
    this.#view?.need(members);
  }

  has(member: Buffer): boolean {
    return this.#view?.has(member) ?? false;
  }

  /** Weighted, NaN for infinity times 0; null if it is not there. */
  scoreOf(member: Buffer): number | null {
    if (this.#view === null) return null;
    if (!this.#isScored) return this.#view.has(member) ? this.weight : null;
    const bytes = this.#view.find(member);
    return bytes === null ? null : decodeScore(bytes) * this.weight;
  }

  visit(see: (member: Buffer, score: number) => void, from = 0, to = this.count): void {
    this.#view?.visit(
      (member, value) => see(member, this.#weighted(this.#isScored ? decodeScore(value) : 1)),
      from,
      to,
    );
  }

  /** Infinity times 0 is 0 here. */
  #weighted(score: number): number {
    const weighted = score * this.weight;
    return Number.isNaN(weighted) ? 0 : weighted;
  }
}

/** The operands at `count` places of the view from `from` on; or one of them is something else. */
export function operandsOf(
  view: KeysView,
  from: number,
  count: number,
  weights: readonly number[],
): Operand[] | ErrorReply {
  const operands: Operand[] = [];
  for (let i = 0; i < count; i++) {
    const value = view.live(from + i)?.value;
    const weight = weights[i] ?? 1;
    if (value === undefined) operands.push(new Operand(null, true, weight));
    else if (value.type === ValueType.zset)
      operands.push(new Operand(new KeyedView(value, 2, view.pages(from + i)), true, weight));
    else if (value.type === ValueType.set)
      operands.push(new Operand(new KeyedView(value, 1, view.pages(from + i)), false, weight));
    else return WRONGTYPE;
  }
  return operands;
}

/** `b` may be NaN, as in Redis, where a score is found for an intersection: a sum with it is 0, and it is no least or greatest. */
function joined(aggregate: Aggregate, a: number, b: number): number {
  // Not Math.min and Math.max: of two zeros the first stays, whatever its sign.
  if (aggregate !== 'sum') {
    const isBetter = aggregate === 'min' ? b < a : b > a;
    return isBetter ? b : a;
  }
  const sum = a + b;
  // Infinities of both signs.
  return Number.isNaN(sum) ? 0 : sum;
}

/** The elements in order. */
export function combine(algebra: Algebra, operands: readonly Operand[], aggregate: Aggregate): Scored[] {
  const found =
    algebra === 'inter'
      ? intersect(operands, aggregate)
      : algebra === 'union'
        ? unite(operands, aggregate)
        : subtract(operands);
  return found.sort(compareScored);
}

/** How many members are in all of them, counted up to `atMost`. */
export function countIntersection(operands: readonly Operand[], atMost: number): number {
  let count = 0;
  eachOfSmallest(operands, (members, others) => {
    let left = members.map(({ member }) => member);
    for (const other of others) {
      other.need(left);
      left = left.filter((member) => other.has(member));
    }
    count += left.length;
    return count < atMost;
  });
  return Math.min(count, atMost);
}

function intersect(operands: readonly Operand[], aggregate: Aggregate): Scored[] {
  const found: Scored[] = [];
  eachOfSmallest(operands, (members, others) => {
    let left = members;
    for (const other of others) {
      other.need(left.map(({ member }) => member));
      left = left.flatMap(({ member, score }) => {
        const more = other.scoreOf(member);
        return more === null ? [] : [{ member, score: joined(aggregate, score, more) }];
      });
    }
    found.push(...left);
    return true;
  });
  return found;
}

/** The elements of the smallest operand in batches, with the others, the smaller first; until `see` says false. */
function eachOfSmallest(
  operands: readonly Operand[],
  see: (members: Scored[], others: readonly Operand[]) => boolean,
): void {
  const [first, ...others] = operands.toSorted((a, b) => a.count - b.count);
  if (first === undefined) return;
  for (let from = 0; from < first.count; from += LOOKUP_BATCH) {
    const members: Scored[] = [];
    first.visit((member, score) => members.push({ member, score }), from, Math.min(first.count, from + LOOKUP_BATCH));
    if (!see(members, others)) return;
  }
}

function unite(operands: readonly Operand[], aggregate: Aggregate): Scored[] {
  const found = new Map<string, { readonly member: Buffer; score: number }>();
  for (const operand of operands.toSorted((a, b) => a.count - b.count)) {
    operand.visit((member, score) => {
      const name = member.toString('latin1');
      const known = found.get(name);
      if (known === undefined) found.set(name, { member, score });
      else known.score = joined(aggregate, known.score, score);
    });
  }
  return [...found.values()];
}

/** What is in the first and in none of the others, with the first's scores. */
function subtract([first, ...others]: readonly Operand[]): Scored[] {
  const found: Scored[] = [];
  for (let from = 0; first !== undefined && from < first.count; from += LOOKUP_BATCH) {
    let members: Scored[] = [];
    first.visit((member, score) => members.push({ member, score }), from, Math.min(first.count, from + LOOKUP_BATCH));
    for (const other of others) {
      other.need(members.map(({ member }) => member));
      members = members.filter(({ member }) => !other.has(member));
    }
    found.push(...members);
  }
  return found;
}
