import { type Edge, SerialGraph } from './serial-graph.ts';
import { saturate } from './serial-saturation.ts';
import { KeyVersions } from './serial-versions.ts';

/**
 * What a transaction found and left at one key. Every write has a mark by which readers know it, never used twice at a key
 * (for an append the piece, for a set the value).
 */
export interface SerialAccess {
  readonly key: string;
  /** Marks of the writes that made the value, oldest first, as far as it shows them; empty: nothing was there; null: not told. */
  readonly found: readonly string[] | null;
  /** The mark of its own (last) write; null: it left nothing there; undefined: it wrote nothing. */
  readonly left?: string | null;
  /** Marks of writes of its own that it wrote over. */
  readonly hidden?: readonly string[];
}

/** One transaction (a command on one key is one as well) of a history. */
export interface SerialTxn {
  readonly id: number;
  readonly invokedUs: number;
  /** When it was answered; Infinity of one that was not, whose end is unknown. */
  readonly returnedUs: number;
  /** `refused`: must have no effect; `unknown`: happened once or not at all, at any time after it began; nothing was told. */
  readonly outcome: 'done' | 'refused' | 'unknown';
  readonly accesses: readonly SerialAccess[];
}

export interface SerialOptions {
  /** Keys whose value may go by itself (it expires): finding nothing there tells nothing. */
  readonly vanishing?: ReadonlySet<string>;
  /** Keys at which values occur that no known write has made, or several. */
  readonly anonymous?: ReadonlySet<string>;
}

/** What cannot be; empty if no reason was found why there should not be one serial order. */
export type SerialProblems = readonly string[];

/** Up to so many nodes what follows from two possible orders of writes is looked for, too: that takes quadratic time. */
const SMALL_NODES = 3_000;
/** Problems that are told of one history. */
const PROBLEMS_MOST = 20;
const NO_KEYS: ReadonlySet<string> = new Set();

/**
 * Whether there can be one serial order of all transactions that respects real time and explains all that was found, and in
 * which every transaction happened whole, once, or not at all (after Adya, and Elle by Kingsbury and Alvaro).
 *
 * Found are wrong marks (refused, unknown, twice, in the midst of a transaction) and cycles of what must come before what.
 * Where every write tells what it wrote over nothing escapes but what finding nothing could tell where values are deleted;
 * the order of blind writes is inferred as far as it is forced, in small histories.
 */
export function checkSerial(history: readonly SerialTxn[], options: SerialOptions = {}): SerialProblems {
  return new SerialCheck(history, options).run();
}

class SerialCheck {
  readonly #history: readonly SerialTxn[];
  readonly #vanishing: ReadonlySet<string>;
  readonly #keys = new Map<string, KeyVersions>();
  /** By the place in the history: unknown ones whose effect was never seen are left out. */
  readonly #happened: boolean[];
  readonly #problems: string[] = [];
  readonly #graph: SerialGraph;

  constructor(history: readonly SerialTxn[], options: SerialOptions) {
    this.#history = history;
    this.#vanishing = options.vanishing ?? NO_KEYS;
    this.#graph = new SerialGraph(history.length);
    this.#happened = history.map(({ outcome }) => outcome === 'done');
    const anonymous = options.anonymous ?? NO_KEYS;
    const say = (problem: string): void => {
      this.#problems.push(problem);
    };
    for (const [index, txn] of history.entries()) {
      for (const access of txn.accesses) {
        let versions = this.#keys.get(access.key);
        if (versions === undefined) {
          versions = new KeyVersions(access.key, history, anonymous.has(access.key), say);
          this.#keys.set(access.key, versions);
        }
        versions.noteWrites(index, access);
      }
    }
  }

  run(): SerialProblems {
    for (const [index, { outcome, accesses }] of this.#history.entries()) {
      if (outcome !== 'done') continue;
      for (const access of accesses) {
        for (const seen of this.#keys.get(access.key)?.noteFound(index, access) ?? []) this.#happened[seen] = true;
      }
    }
    if (this.#problems.length > 0) return this.#problems.slice(0, PROBLEMS_MOST);
    for (const [key, versions] of this.#keys) versions.addEdges(this.#graph, this.#happened, this.#vanishing.has(key));
    this.#addTime();
    const cycle = this.#graph.findCycle();
    if (cycle !== null) return [this.#cycleText(cycle)];
    if (this.#graph.nodes > SMALL_NODES) return [];
    return this.#inferMore();
  }

  #inferMore(): SerialProblems {
    const reach = saturate(this.#graph, [...this.#keys.values()], this.#happened);
    const cycle = this.#graph.findCycle();
    if (cycle !== null) return [this.#cycleText(cycle)];
    for (const [key, versions] of this.#keys) {
      if (!this.#vanishing.has(key)) versions.checkBlanks(reach, this.#happened);
    }
    return this.#problems.slice(0, PROBLEMS_MOST);
  }

  /** Time goes through nodes of its own, one for each end, so that there are not as many edges as pairs. */
  #addTime(): void {
    const history = this.#history;
    const happened = [...history.keys()].filter((index) => this.#happened[index] === true);
    const began = [...happened].sort((a, b) => (history[a]?.invokedUs ?? 0) - (history[b]?.invokedUs ?? 0));
    const ended = happened
      .filter((index) => history[index]?.outcome === 'done')
      .sort((a, b) => (history[a]?.returnedUs ?? 0) - (history[b]?.returnedUs ?? 0));
    let moment = -1;
    let next = 0;
    for (const index of began) {
      const invokedUs = history[index]?.invokedUs ?? 0;
      for (let done = ended[next]; done !== undefined; done = ended[++next]) {
        if ((history[done]?.returnedUs ?? Number.POSITIVE_INFINITY) >= invokedUs) break;
        const later = this.#graph.addNode();
        if (moment >= 0) this.#graph.add(moment, later, 'time', '');
        this.#graph.add(done, later, 'time', '');
        moment = later;
      }
      if (moment >= 0) this.#graph.add(moment, index, 'time', '');
    }
  }

  #cycleText(cycle: readonly Edge[]): string {
    const real = this.#history.length;
    // It begins at a transaction, not at a moment.
    const at = Math.max(
      0,
      cycle.findIndex(({ from }) => from < real),
    );
    const turned = [...cycle.slice(at), ...cycle.slice(0, at)];
    const idOf = (node: number): string => `#${this.#history[node]?.id ?? node}`;
    let text = '';
    let begun: Edge | null = null;
    for (const edge of turned) {
      begun ??= edge;
      if (edge.to >= real) continue;
      const { kind, key, from } = begun;
      text += `${idOf(from)} ${kind === 'time' ? 'ended before' : `${WORDS[kind]} at ${key}, before`} `;
      begun = null;
    }
    return `no serial order: ${text}${idOf(turned[0]?.from ?? 0)}`;
  }
}

const WORDS = {
  wr: 'wrote what was read',
  ww: 'wrote what was written over',
  rw: 'read what was written over',
} as const;
