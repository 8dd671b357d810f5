import { lengthOf } from './long-values.ts';

/** What an operation does to one key; the sequential specification is `apply`. */
export type KeyOp =
  | { readonly kind: 'get' }
  | { readonly kind: 'set'; readonly value: string }
  /** `expiresAtMs`: wall clock milliseconds. */
  | { readonly kind: 'setpxat'; readonly value: string; readonly expiresAtMs: number }
  | { readonly kind: 'setnx'; readonly value: string }
  | { readonly kind: 'setxx'; readonly value: string }
  | { readonly kind: 'getset'; readonly value: string }
  | { readonly kind: 'cas'; readonly expected: string | null; readonly value: string }
  /** Of a value in pages, the new one shares all pages but the last. */
  | { readonly kind: 'append'; readonly value: string }
  /** Replies what was there before; as GET and APPEND in one transaction. */
  | { readonly kind: 'getappend'; readonly value: string }
  /** Into (or out of) an account, `balance|last payment`. Replies what was there before; `value`: which payment, never used twice. */
  | { readonly kind: 'pay'; readonly amount: number; readonly value: string }
  | { readonly kind: 'incr' }
  | { readonly kind: 'del' }
  | { readonly kind: 'getdel' }
  | { readonly kind: 'persist' }
  /** FLUSHDB, as one key sees it: the value is gone, and what it remembers of requests. */
  | { readonly kind: 'flush' }
  | { readonly kind: 'swap' }
  /** A write that is carried out once, however often it is sent with this request id (a UUID). */
  | {
      readonly kind: 'juno';
      readonly write: 'create' | 'update' | 'set' | 'destroy';
      readonly value: string;
      readonly requestId: string;
    };

/** A reply as the checker compares it. */
export type SimReply = string | number | null;

export type OpOutcome =
  | { readonly kind: 'reply'; readonly reply: SimReply }
  /** Answered UNCERTAIN, or its proxy crashed: it may take effect at any later time, or never. */
  | { readonly kind: 'unknown' }
  /** Answered UNAVAILABLE or BUSY: it must not take effect. */
  | { readonly kind: 'none' };

/**
 * One operation of a history. Wall times, which alone decide about expiry: the lowest that its proxy's clock showed while it
 * ran, and the highest that this one or a storage node's did (nodes sweep away what has expired).
 */
export interface HistoryOp {
  readonly id: number;
  readonly client: string;
  readonly key: string;
  /** Of a transaction that found that it must change nothing, `get` in the end. */
  op: KeyOp;
  /** The same for all operations that happen together. */
  readonly txn?: number;
  readonly invokedUs: number;
  /** When the answer came, or the proxy crashed. */
  returnedUs: number;
  lowestWallMs: number;
  highestWallMs: number;
  outcome: OpOutcome;
  /** Of a write with a request id: the whole of its answer, which all its repeats must have. */
  answer?: string;
}

export interface KeyState {
  readonly value: string | null;
  /** 0: never. */
  readonly expiresAtMs: number;
  /** What each write with a request id that was carried out has answered: ` id=answer`, in the order of the ids. */
  readonly requests: string;
}

export const START: KeyState = { value: null, expiresAtMs: 0, requests: '' };
const INTEGER = /^-?\d{1,15}$/;
/** In place of a request id: a write that is sent once and not remembered. */
const UNNAMED = '';
/** Nothing was changed, now; whether it was before cannot be told. */
export const FORGOTTEN_REPLY = '-UNCERTAIN';
export const NOT_AN_INTEGER_REPLY = '-ERR value is not an integer or out of range';

/** What is in an account; nothing is none. */
export function balanceOf(account: string | null): number {
  return account === null ? 0 : Number.parseInt(account, 10);
}

export function paid(account: string | null, { amount, value }: KeyOp & { readonly kind: 'pay' }): string {
  return `${balanceOf(account) + amount}|${value}`;
}

function absent(state: KeyState): KeyState {
  return state.value === null ? state : { ...state, value: null, expiresAtMs: 0 };
}

function holding(state: KeyState, value: string, expiresAtMs = 0): KeyState {
  return { ...state, value, expiresAtMs };
}

/** The sequential specification: reply and next state. An expired state is passed as absent. */
export function apply(state: KeyState, op: KeyOp): { readonly reply: SimReply; readonly state: KeyState } {
  switch (op.kind) {
    case 'get':
      return { reply: state.value, state };
    case 'set':
      return { reply: '+OK', state: holding(state, op.value) };
    case 'setpxat':
      return { reply: '+OK', state: holding(state, op.value, op.expiresAtMs) };
    case 'setnx':
      return state.value === null ? { reply: 1, state: holding(state, op.value) } : { reply: 0, state };
    case 'setxx':
      return state.value === null ? { reply: null, state } : { reply: '+OK', state: holding(state, op.value) };
    case 'getset':
      return { reply: state.value, state: holding(state, op.value) };
    case 'cas':
      return state.value === op.expected ? { reply: 1, state: holding(state, op.value) } : { reply: 0, state };
    case 'append': {
      const value = (state.value ?? '') + op.value;
      return { reply: lengthOf(value), state: holding(state, value, state.expiresAtMs) };
    }
    case 'getappend':
      return { reply: state.value, state: holding(state, (state.value ?? '') + op.value, state.expiresAtMs) };
    case 'pay':
      return { reply: state.value, state: holding(state, paid(state.value, op), state.expiresAtMs) };
    case 'incr': {
      if (state.value !== null && !INTEGER.test(state.value)) return { reply: NOT_AN_INTEGER_REPLY, state };
      const next = Number(state.value ?? '0') + 1;
      return { reply: next, state: holding(state, String(next), state.expiresAtMs) };
    }
    case 'del':
      return { reply: state.value === null ? 0 : 1, state: absent(state) };
    case 'getdel':
      return { reply: state.value, state: absent(state) };
    case 'persist':
      return state.value === null || state.expiresAtMs === 0
        ? { reply: 0, state }
        : { reply: 1, state: holding(state, state.value) };
    case 'swap':
    case 'flush':
      // Not the same state, even where it is equal: the answer does not say whether anything changed.
      return { reply: '+OK', state: { ...START } };
    case 'juno':
      return applyRequest(state, op);
  }
}

/** Carried out once; its repeats answer what it answered then. Errors are not remembered. */
function applyRequest(
  state: KeyState,
  { write, value, requestId }: KeyOp & { readonly kind: 'juno' },
): { readonly reply: SimReply; readonly state: KeyState } {
  const at = requestId === UNNAMED ? -1 : state.requests.indexOf(` ${requestId}=`);
  if (at >= 0) return { reply: state.requests.slice(at).split(/[ =]/)[2] ?? '', state };
  const live = state.value !== null;
  if (write === 'create' && live) return { reply: '-DUPKEY', state };
  if (write === 'update' && !live) return { reply: '-NOKEY', state };
  const reply = write === 'destroy' ? '+OK' : live ? 'updated' : 'created';
  // The TTLs of Juno's commands only grow, and these have none.
  const next = write === 'destroy' ? absent(state) : holding(state, value, state.expiresAtMs);
  if (requestId === UNNAMED) return { reply, state: next };
  // In the order of their ids, not of their times: states that differ in nothing else are the same.
  const requests = [...state.requests.split(' ').slice(1), `${requestId}=${reply}`].sort();
  return { reply, state: { ...next, requests: ` ${requests.join(' ')}` } };
}

/** What an answered operation may have made of a state; null if it cannot have been answered so there. */
function explain(state: KeyState, { op, outcome }: HistoryOp): KeyState | null {
  if (outcome.kind !== 'reply') return null;
  if (op.kind === 'juno' && outcome.reply === FORGOTTEN_REPLY) return state;
  const result = apply(state, op);
  return result.reply === outcome.reply ? result.state : null;
}

export type Verdict =
  | { readonly kind: 'linearizable' }
  /** `longest`: the longest order of answered operations that could be explained; `stuck` could not follow it. */
  | { readonly kind: 'violation'; readonly longest: readonly number[]; readonly stuck: readonly number[] }
  /** Too many possibilities to decide. */
  | { readonly kind: 'undecided' };

/** Operations after which nothing of the state before is left. */
const OVERWRITES: ReadonlySet<KeyOp['kind']> = new Set(['set', 'setpxat', 'getset', 'del', 'getdel', 'flush']);

/** Moments of the search before it gives up. */
const SEARCH_BOUND = 1_000_000;

/**
 * Whether the operations on one key can be put in one order that respects real time and explains every answer (Wing and
 * Gong, with the memory of Lowe).
 *
 * Expiry: a value expires by an event of its own. A process may cause it once its wall clock has reached the moment; so
 * at most as early as the fastest of the clocks that had an operation on this key (also a failed one), or of a storage node. Whoever began
 * after the moment, by its own clock, must not see the value.
 */
export function checkKey(history: readonly HistoryOp[]): Verdict {
  return new KeySearch(history).run();
}

class KeySearch {
  /** Answered operations, by invocation. */
  readonly #answered: readonly HistoryOp[];
  readonly #unknown: readonly HistoryOp[];
  /** By invocation: the highest wall clock that anyone who had begun by then ever had during an operation. */
  readonly #reach: { readonly invokedUs: number; readonly wallMs: number }[] = [];
  /** Moments that lead nowhere: by what is in place and the state, the sets of unknown operations used by then. */
  readonly #seen = new Map<string, bigint[]>();
  /** Short names of values and requests, for `#seen`. */
  readonly #names = new Map<string | null, number>();
  readonly #done: boolean[];
  #unknownDone = 0n;
  readonly #order: number[] = [];
  #longest: readonly number[] = [];
  #stuck: readonly number[] = [];
  #steps = 0;

  constructor(history: readonly HistoryOp[]) {
    const byInvocation = [...history].sort((a, b) => a.invokedUs - b.invokedUs || a.id - b.id);
    this.#answered = byInvocation.filter((op) => op.outcome.kind === 'reply');
    this.#unknown = withoutRepeats(
      byInvocation.filter((op) => op.outcome.kind === 'unknown' && op.op.kind !== 'get'),
      this.#answered,
    );
    this.#done = this.#answered.map(() => false);
    let wallMs = 0;
    for (const op of byInvocation) {
      wallMs = Math.max(wallMs, op.highestWallMs);
      this.#reach.push({ invokedUs: op.invokedUs, wallMs });
    }
  }

  run(): Verdict {
    if (this.#search(START, 0, false)) return { kind: 'linearizable' };
    if (this.#steps > SEARCH_BOUND) return { kind: 'undecided' };
    return { kind: 'violation', longest: this.#longest, stuck: this.#stuck };
  }

  /** `first`: index of the first answered operation that has no place yet. `afterUnknown`: the last step was an unknown one. */
  #search(state: KeyState, first: number, afterUnknown: boolean): boolean {
    if (first === this.#answered.length) return true;
    if (++this.#steps > SEARCH_BOUND) return false;
    if (this.#wasSeen(this.#memory(state, first))) return false;
    const untilUs = this.#earliestReturn(first);
    if (this.#order.length > this.#longest.length) this.#note(first, untilUs);
    const idle = this.#idle(state, first, untilUs);
    const op = this.#answered[idle];
    if (op !== undefined) return this.#place(idle, op, state, first);
    if (this.#tryAnswered(state, first, untilUs)) return true;
    if (state.expiresAtMs !== 0 && this.#mayExpire(state, untilUs) && this.#search(absent(state), first, false))
      return true;
    return this.#tryUnknown(state, first, untilUs, afterUnknown);
  }

  /** Nothing may come before this that began after it. */
  #earliestReturn(first: number): number {
    let untilUs = Number.POSITIVE_INFINITY;
    for (let i = first; i < this.#answered.length; i++) {
      const op = this.#answered[i];
      if (op === undefined || op.invokedUs > untilUs) break;
      if (!this.#done[i]) untilUs = Math.min(untilUs, op.returnedUs);
    }
    return untilUs;
  }

  /**
   * Index of an answered operation that may come now and changes nothing, or -1: wherever else it could come, it can come
   * here as well.
   */
  #idle(state: KeyState, first: number, untilUs: number): number {
    for (let i = first; i < this.#answered.length; i++) {
      const op = this.#answered[i];
      if (op === undefined || op.invokedUs > untilUs) break;
      if (!this.#done[i] && maySee(op, state) && explain(state, op) === state) return i;
    }
    return -1;
  }

  #tryAnswered(state: KeyState, first: number, untilUs: number): boolean {
    for (let i = first; i < this.#answered.length; i++) {
      const op = this.#answered[i];
      if (op === undefined || op.invokedUs > untilUs) break;
      if (this.#done[i] || !maySee(op, state)) continue;
      const explained = explain(state, op);
      if (explained !== null && this.#place(i, op, explained, first)) return true;
    }
    return false;
  }

  #place(index: number, op: HistoryOp, state: KeyState, first: number): boolean {
    this.#done[index] = true;
    this.#order.push(op.id);
    let next = first;
    while (this.#done[next]) next++;
    if (this.#search(state, next, false)) return true;
    this.#done[index] = false;
    this.#order.pop();
    return false;
  }

  #tryUnknown(state: KeyState, first: number, untilUs: number, afterUnknown: boolean): boolean {
    const tried = new Set<string>();
    for (let i = 0; i < this.#unknown.length; i++) {
      const op = this.#unknown[i];
      if (op === undefined || op.invokedUs > untilUs) break;
      const bit = 1n << BigInt(i);
      if ((this.#unknownDone & bit) !== 0n || !maySee(op, state)) continue;
      const result = apply(state, op.op);
      if (result.state === state) continue;
      // What is written over unseen need not have happened.
      if (afterUnknown && OVERWRITES.has(op.op.kind)) continue;
      // Of those with the same effect the one that began first can stand for all.
      const effect = `${this.#stateName(result.state)} ${'value' in op.op ? i : op.op.kind}`;
      if (tried.has(effect)) continue;
      tried.add(effect);
      this.#unknownDone |= bit;
      this.#order.push(op.id);
      // Of a request that must be remembered more is left than its value.
      if (this.#search(result.state, first, op.op.kind !== 'juno' || op.op.requestId === UNNAMED)) return true;
      this.#unknownDone &= ~bit;
      this.#order.pop();
    }
    return false;
  }

  #mayExpire(state: KeyState, untilUs: number): boolean {
    let reached = 0;
    for (const { invokedUs, wallMs } of this.#reach) {
      if (invokedUs > untilUs) break;
      reached = wallMs;
    }
    return reached >= state.expiresAtMs;
  }

  #memory(state: KeyState, first: number): string {
    let memory = `${first} ${this.#stateName(state)}`;
    for (let i = first + 1; i < this.#answered.length; i++) if (this.#done[i]) memory += ` ${i}`;
    return memory;
  }

  #stateName({ value, expiresAtMs, requests }: KeyState): string {
    return `${this.#name(value)} ${expiresAtMs} ${requests === '' ? '' : this.#name(requests)}`;
  }

  #name(value: string | null): number {
    let name = this.#names.get(value);
    if (name === undefined) {
      name = this.#names.size;
      this.#names.set(value, name);
    }
    return name;
  }

  /** Who has used fewer unknown operations can do all that one who has used more can. */
  #wasSeen(memory: string): boolean {
    const used = this.#unknownDone;
    const before = this.#seen.get(memory);
    if (before === undefined) {
      this.#seen.set(memory, [used]);
      return false;
    }
    for (const fewer of before) if ((fewer & used) === fewer) return true;
    before.push(used);
    return false;
  }

  #note(first: number, untilUs: number): void {
    this.#longest = [...this.#order];
    const stuck: number[] = [];
    for (let i = first; i < this.#answered.length; i++) {
      const op = this.#answered[i];
      if (op === undefined || op.invokedUs > untilUs) break;
      if (!this.#done[i]) stuck.push(op.id);
    }
    this.#stuck = stuck;
  }
}

/**
 * Of several sendings of one request without an answer the first can stand for all. Where no sending of it was answered, it
 * is all the same whether it is remembered: it then goes without its id, which leaves fewer states to search.
 */
function withoutRepeats(unknown: readonly HistoryOp[], answered: readonly HistoryOp[]): HistoryOp[] {
  const answeredIds = new Set(answered.map(({ op }) => (op.kind === 'juno' ? op.requestId : UNNAMED)));
  const met = new Set<string>();
  const kept: HistoryOp[] = [];
  for (const entry of unknown) {
    const { op } = entry;
    if (op.kind !== 'juno') {
      kept.push(entry);
    } else if (!met.has(op.requestId)) {
      met.add(op.requestId);
      kept.push(answeredIds.has(op.requestId) ? entry : { ...entry, op: { ...op, requestId: UNNAMED } });
    }
  }
  return kept;
}

/** A process whose clock was past the moment when it began must not see the value. */
function maySee(op: HistoryOp, state: KeyState): boolean {
  return state.expiresAtMs === 0 || op.lowestWallMs < state.expiresAtMs;
}
