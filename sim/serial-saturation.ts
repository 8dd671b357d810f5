import type { SerialGraph } from './serial-graph.ts';
import type { KeyVersions } from './serial-versions.ts';

/** Which nodes of a graph can be reached from which; a bit for each pair. */
export class Reach {
  readonly #nodes: number;
  readonly #words: number;
  readonly #rows: Int32Array;

  constructor(graph: SerialGraph) {
    this.#nodes = graph.nodes;
    this.#words = Math.ceil(graph.nodes / 32);
    this.#rows = new Int32Array(this.#nodes * this.#words);
    const after: number[][] = Array.from({ length: this.#nodes }, () => []);
    const before = new Int32Array(this.#nodes);
    graph.each((from, to) => {
      after[from]?.push(to);
      before[to] = (before[to] ?? 0) + 1;
    });
    // From the last to the first: the graph has no cycle.
    const order: number[] = [];
    for (let node = 0; node < this.#nodes; node++) if (before[node] === 0) order.push(node);
    for (let i = 0; i < order.length; i++) {
      for (const to of after[order[i] ?? 0] ?? []) {
        const left = (before[to] ?? 0) - 1;
        before[to] = left;
        if (left === 0) order.push(to);
      }
    }
    for (const node of order.reverse()) for (const to of after[node] ?? []) this.#absorb(node, to);
  }

  has(from: number, to: number): boolean {
    return (((this.#rows[from * this.#words + (to >> 5)] ?? 0) >>> (to & 31)) & 1) === 1;
  }

  /** A new edge. */
  add(from: number, to: number): void {
    for (let node = 0; node < this.#nodes; node++) if (node === from || this.has(node, from)) this.#absorb(node, to);
  }

  /** All that `to` reaches, and itself, is reached by `node`. */
  #absorb(node: number, to: number): void {
    const at = node * this.#words;
    const from = to * this.#words;
    const rows = this.#rows;
    for (let word = 0; word < this.#words; word++) rows[at + word] = (rows[at + word] ?? 0) | (rows[from + word] ?? 0);
    const bit = at + (to >> 5);
    rows[bit] = (rows[bit] ?? 0) | (1 << (to & 31));
  }
}

/**
 * Adds to a graph without cycles what follows from every writer of a value coming either before the writer of another value
 * or after all who found that one; over and over, until nothing more follows or there is a cycle.
 */
export function saturate(graph: SerialGraph, keys: readonly KeyVersions[], happened: readonly boolean[]): Reach {
  const reach = new Reach(graph);
  let goesOn = true;
  const add = (from: number, to: number, kind: 'rw' | 'ww', key: string): void => {
    if (from === to || reach.has(from, to)) return;
    if (reach.has(to, from)) isCyclic = true;
    graph.add(from, to, kind, key);
    reach.add(from, to);
    goesOn = true;
  };
  let isCyclic = false;
  while (goesOn && !isCyclic) {
    goesOn = false;
    for (const { key, writers, readers } of keys) {
      for (const [mark, found] of readers) {
        const writer = writers.get(mark) ?? -1;
        if (writer < 0) continue;
        for (const other of writers.values()) {
          if (other < 0 || other === writer || happened[other] !== true) continue;
          for (const reader of found) {
            if (reader === other) continue;
            if (reach.has(writer, other)) add(reader, other, 'rw', key);
            if (reach.has(other, reader)) add(other, writer, 'ww', key);
          }
        }
      }
    }
  }
  return reach;
}
