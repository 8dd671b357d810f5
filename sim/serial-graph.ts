/**
 * Why one transaction comes before another: it wrote what the other one read (`wr`) or wrote over (`ww`), it read what the
 * other one wrote over (`rw`), or it had ended before the other one began (`time`).
 */
export type EdgeKind = 'wr' | 'ww' | 'rw' | 'time';

const KINDS: readonly EdgeKind[] = ['wr', 'ww', 'rw', 'time'];
/** A knot's shortest cycle is looked for from its nodes one after the other, with so many steps in all. */
const CYCLE_STEPS = 1_000_000;

/** `from` comes before `to`: nodes of the graph. `key`: at which key, '' for time. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  readonly key: string;
}

/** A graph of what comes before what, of hundreds of thousands of nodes if need be. */
export class SerialGraph {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #kind: number[] = [];
  readonly #key: number[] = [];
  readonly #keys: string[] = [''];
  readonly #keyNumbers = new Map<string, number>([['', 0]]);
  #nodes: number;

  /** Nodes 0 to `nodes - 1` are there from the start. */
  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  get nodes(): number {
    return this.#nodes;
  }

  addNode(): number {
    return this.#nodes++;
  }

  /** From a node to itself nothing is added. */
  add(from: number, to: number, kind: EdgeKind, key: string): void {
    if (from === to) return;
    let number = this.#keyNumbers.get(key);
    if (number === undefined) {
      number = this.#keys.length;
      this.#keys.push(key);
      this.#keyNumbers.set(key, number);
    }
    this.#from.push(from);
    this.#to.push(to);
    this.#kind.push(KINDS.indexOf(kind));
    this.#key.push(number);
  }

  /** Calls `visit` for each edge. */
  each(visit: (from: number, to: number) => void): void {
    for (let i = 0; i < this.#from.length; i++) visit(this.#from[i] ?? 0, this.#to[i] ?? 0);
  }

  /** Edges that lead from a node back to it, as few as could be found; null if there is no way back anywhere. */
  findCycle(): readonly Edge[] | null {
    const out = this.#sorted();
    const knot = findKnot(this.#nodes, out, this.#to);
    if (knot === null) return null;
    const inside = new Set(knot);
    let shortest: number[] | null = null;
    const starts = Math.ceil(CYCLE_STEPS / knot.length);
    for (const start of knot.slice(0, starts)) {
      const found = this.#cycleFrom(start, out, inside);
      if (found !== null && (shortest === null || found.length < shortest.length)) shortest = found;
    }
    return (shortest ?? []).map((index) => this.#edge(index));
  }

  #edge(index: number): Edge {
    return {
      from: this.#from[index] ?? 0,
      to: this.#to[index] ?? 0,
      kind: KINDS[this.#kind[index] ?? 0] ?? 'time',
      key: this.#keys[this.#key[index] ?? 0] ?? '',
    };
  }

  /** Breadth first. Time goes in steps of its own, so what it says is found last. */
  #cycleFrom(start: number, out: OutEdges, inside: ReadonlySet<number>): number[] | null {
    const via = new Map<number, number>();
    const queue = [start];
    for (let i = 0; i < queue.length; i++) {
      const node = queue[i] ?? 0;
      for (let at = out.first[node] ?? 0; at < (out.first[node + 1] ?? 0); at++) {
        const edge = out.edges[at] ?? 0;
        const to = this.#to[edge] ?? 0;
        if (!inside.has(to) || via.has(to)) continue;
        via.set(to, edge);
        if (to === start) return this.#wayBack(start, via);
        queue.push(to);
      }
    }
    return null;
  }

  #wayBack(start: number, via: ReadonlyMap<number, number>): number[] {
    const way: number[] = [];
    let node = start;
    do {
      const edge = via.get(node) ?? 0;
      way.push(edge);
      node = this.#from[edge] ?? start;
    } while (node !== start);
    return way.reverse();
  }

  /** The edges by where they begin. */
  #sorted(): OutEdges {
    const first = new Int32Array(this.#nodes + 1);
    for (const from of this.#from) first[from + 1] = (first[from + 1] ?? 0) + 1;
    for (let i = 0; i < this.#nodes; i++) first[i + 1] = (first[i + 1] ?? 0) + (first[i] ?? 0);
    const next = first.slice();
    const edges = new Int32Array(this.#from.length);
    for (let i = 0; i < this.#from.length; i++) {
      const from = this.#from[i] ?? 0;
      const at = next[from] ?? 0;
      edges[at] = i;
      next[from] = at + 1;
    }
    return { first, edges };
  }
}

/** `edges[first[n]]` to `edges[first[n + 1] - 1]` begin at node n. */
interface OutEdges {
  readonly first: Int32Array;
  readonly edges: Int32Array;
}

/** The first strongly connected component of more than one node (Tarjan, without recursion); null if there is none. */
function findKnot(nodes: number, { first, edges }: OutEdges, to: readonly number[]): number[] | null {
  const order = new Int32Array(nodes).fill(-1);
  const low = new Int32Array(nodes);
  const cursor = first.slice();
  const onStack = new Uint8Array(nodes);
  const stack: number[] = [];
  const path: number[] = [];
  let count = 0;
  const enter = (node: number): void => {
    order[node] = count;
    low[node] = count++;
    onStack[node] = 1;
    stack.push(node);
    path.push(node);
  };
  for (let root = 0; root < nodes; root++) {
    if (order[root] !== -1) continue;
    enter(root);
    while (path.length > 0) {
      const node = path[path.length - 1] ?? 0;
      const at = cursor[node] ?? 0;
      if (at < (first[node + 1] ?? 0)) {
        cursor[node] = at + 1;
        const next = to[edges[at] ?? 0] ?? 0;
        if (order[next] === -1) enter(next);
        else if (onStack[next] === 1) low[node] = Math.min(low[node] ?? 0, order[next] ?? 0);
        continue;
      }
      path.pop();
      const parent = path[path.length - 1];
      if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[node] ?? 0);
      if (low[node] !== order[node]) continue;
      const knot = stack.splice(stack.lastIndexOf(node));
      if (knot.length > 1) return knot;
      onStack[node] = 0;
    }
  }
  return null;
}
