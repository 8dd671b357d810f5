import { assert } from '../src/base/assert.ts';
import type { SerialAccess, SerialTxn } from './serial-checker.ts';
import type { SerialGraph } from './serial-graph.ts';
import type { Reach } from './serial-saturation.ts';

/** In place of a writer: several have left this mark, so it tells nothing. */
const AMBIGUOUS = -1;

/** What is known of the values that one key had, by their marks; transactions by their place in the history. */
export class KeyVersions {
  readonly key: string;
  /** Deletions have marks of their own, which nobody can find. */
  readonly writers = new Map<string, number>();
  /** Of each mark, who found it last in the value. */
  readonly readers = new Map<string, number[]>();
  readonly #history: readonly SerialTxn[];
  readonly #isAnonymous: boolean;
  readonly #say: (problem: string) => void;
  readonly #refused = new Map<string, number>();
  readonly #hidden = new Map<string, number>();
  /** What came directly after what. */
  readonly #next = new Map<string, string>();
  readonly #previous = new Map<string, string>();
  /** Who found nothing. */
  readonly #blanks: number[] = [];
  /** Who has left nothing, or may have. */
  readonly #deleters: number[] = [];
  /** Of those who found nothing, who has left a value there. */
  readonly #firsts: number[] = [];

  constructor(key: string, history: readonly SerialTxn[], isAnonymous: boolean, say: (problem: string) => void) {
    this.key = key;
    this.#history = history;
    this.#isAnonymous = isAnonymous;
    this.#say = say;
  }

  /** Of each transaction, before anything else. */
  noteWrites(index: number, { left, hidden }: SerialAccess): void {
    const isRefused = this.#history[index]?.outcome === 'refused';
    for (const mark of hidden ?? []) (isRefused ? this.#refused : this.#hidden).set(mark, index);
    if (left === undefined) return;
    if (isRefused) {
      if (left !== null) this.#refused.set(left, index);
      return;
    }
    const mark = left ?? deletion(index);
    if (left === null) this.#deleters.push(index);
    const isTaken = this.writers.has(mark);
    assert(!isTaken || this.#isAnonymous, `the mark ${mark} of ${this.key} is used twice`);
    this.writers.set(mark, isTaken ? AMBIGUOUS : index);
  }

  /** What an answered transaction has found. Returns whose effects it has seen. */
  noteFound(index: number, { found, left }: SerialAccess): readonly number[] {
    if (found === null) return [];
    const seen: number[] = [];
    const known = found.filter((mark) => this.#isKnown(index, mark));
    if (new Set(known).size < known.length) {
      this.#say(`${this.#id(index)} finds the same write twice at ${this.key}: ${found.join(' ')}`);
    }
    for (const mark of known) {
      const writer = this.writers.get(mark) ?? AMBIGUOUS;
      if (writer !== AMBIGUOUS) seen.push(writer);
    }
    const last = found.at(-1);
    if (last === undefined) {
      this.#blanks.push(index);
      if (typeof left === 'string') this.#firsts.push(index);
      return seen;
    }
    if (known.length < found.length) return seen;
    for (let i = 1; i < found.length; i++) this.#follows(found[i - 1] ?? '', found[i] ?? '');
    if (left !== undefined) this.#follows(last, left ?? deletion(index));
    const others = this.readers.get(last);
    if (others === undefined) this.readers.set(last, [index]);
    else others.push(index);
    return seen;
  }

  /** What comes before what at this key, by itself. */
  addEdges(graph: SerialGraph, happened: readonly boolean[], isVanishing: boolean): void {
    for (const [mark, writer] of this.writers) {
      if (writer === AMBIGUOUS || happened[writer] !== true) continue;
      const next = this.#next.get(mark);
      const after = next === undefined ? AMBIGUOUS : (this.writers.get(next) ?? AMBIGUOUS);
      if (after !== AMBIGUOUS) graph.add(writer, after, 'ww', this.key);
      for (const reader of this.readers.get(mark) ?? []) {
        graph.add(writer, reader, 'wr', this.key);
        if (after !== AMBIGUOUS) graph.add(reader, after, 'rw', this.key);
      }
    }
    if (this.#deleters.length === 0 && !isVanishing) this.#addBirth(graph, happened);
  }

  /** Where nothing is ever deleted, who finds nothing comes before all who write. */
  #addBirth(graph: SerialGraph, happened: readonly boolean[]): void {
    if (this.#blanks.length === 0) return;
    const [first, second] = this.#firsts;
    const birth = graph.addNode();
    for (const reader of this.#blanks) graph.add(reader, reader === first ? birth : (first ?? birth), 'rw', this.key);
    if (second !== undefined && first !== undefined) graph.add(second, first, 'rw', this.key);
    for (const writer of this.writers.values()) {
      if (writer === AMBIGUOUS || happened[writer] !== true || writer === first) continue;
      graph.add(birth, writer, 'rw', this.key);
    }
  }

  /** Who finds nothing after a value was written there needs somebody who has deleted it. */
  checkBlanks(reach: Reach, happened: readonly boolean[]): void {
    if (this.#deleters.length === 0) return;
    for (const reader of this.#blanks) {
      for (const [mark, writer] of this.writers) {
        if (writer === AMBIGUOUS || happened[writer] !== true || mark === deletion(writer)) continue;
        if (!reach.has(writer, reader)) continue;
        if (this.#deleters.some((deleter) => this.#mayComeBetween(writer, deleter, reader, reach, happened))) continue;
        this.#say(`${this.#id(reader)} finds nothing at ${this.key}, where ${this.#id(writer)} wrote before`);
        return;
      }
    }
  }

  #mayComeBetween(
    writer: number,
    deleter: number,
    reader: number,
    reach: Reach,
    happened: readonly boolean[],
  ): boolean {
    if (deleter === reader) return false;
    if (happened[deleter] === true) return !reach.has(reader, deleter) && !reach.has(deleter, writer);
    return (this.#history[deleter]?.invokedUs ?? 0) <= (this.#history[reader]?.returnedUs ?? 0);
  }

  /** False of a mark that tells nothing, also where that is said to be wrong. */
  #isKnown(index: number, mark: string): boolean {
    const where = `${this.#id(index)} finds ${mark} at ${this.key}`;
    const writer = this.writers.get(mark);
    if (writer === index) this.#say(`${where}, which it has yet to write`);
    if (writer !== undefined) return writer !== AMBIGUOUS;
    const refused = this.#refused.get(mark);
    const hidden = this.#hidden.get(mark);
    if (refused !== undefined) this.#say(`${where}: ${this.#id(refused)} was refused`);
    else if (hidden !== undefined) this.#say(`${where}, which ${this.#id(hidden)} wrote over itself`);
    else if (!this.#isAnonymous) this.#say(`${where}, which nobody wrote`);
    return false;
  }

  #follows(before: string, after: string): void {
    const next = this.#next.get(before);
    if (next !== undefined && next !== after) {
      this.#say(
        `${this.#markId(next)} and ${this.#markId(after)} both write over ${this.#markId(before)} at ${this.key}`,
      );
    }
    const previous = this.#previous.get(after);
    if (previous !== undefined && previous !== before) {
      const both = `${this.#markId(previous)} and ${this.#markId(before)}`;
      this.#say(`${this.#markId(after)} writes over ${both} at ${this.key}`);
    }
    this.#next.set(before, after);
    this.#previous.set(after, before);
  }

  #markId(mark: string): string {
    const writer = this.writers.get(mark) ?? AMBIGUOUS;
    return writer === AMBIGUOUS ? mark : this.#id(writer);
  }

  #id(index: number): string {
    return `#${this.#history[index]?.id ?? index}`;
  }
}

function deletion(index: number): string {
  return `\u0000${index}`;
}
