import { type Failure, uncertain } from '../src/base/failure.ts';
import { limits } from '../src/base/limits.ts';
import { flushNamespaces, swapDatabases } from '../src/quorum/flush.ts';
import { type Reply, SimpleString } from '../src/resp/reply.ts';
import type { HistoryOp, KeyOp, SimReply } from './checker.ts';
import { compact } from './long-values.ts';
import type { SimProxy } from './machines.ts';
import type { PlannedClient } from './plan.ts';
import { START_US } from './sim-clock.ts';
import { requestIdAt, simReply, stepOf, wholeAnswer } from './sim-commands.ts';
import { type Found, foundOf, lookAt, type TxnSetup, transactionOf } from './sim-transactions.ts';
import { pairOf, placeOf, SWAPPED_DATABASES } from './swap-keys.ts';
import { WorkloadClient } from './workload-client.ts';
import type { World } from './world.ts';

/** What a run's clients did, and what they noticed that must never be. */
export class Workload {
  readonly history: HistoryOp[] = [];
  readonly problems: string[] = [];
  readonly failures = new Map<Failure['kind'], number>();
  readonly #world: World;
  readonly #onEvent: (text: () => string) => void;
  readonly #running = new Map<HistoryOp, SimProxy>();
  #openClients = 0;
  #requests = 0;
  #nodesWallMs = 0;

  constructor(world: World, onEvent: (text: () => string) => void) {
    this.#world = world;
    this.#onEvent = onEvent;
    for (const proxy of world.proxies) proxy.onCrash = () => this.#onProxyCrash(proxy);
  }

  /** All clients have done all they had to do. */
  get finished(): boolean {
    return this.#openClients === 0;
  }

  /** Operations without an answer. */
  get running(): readonly HistoryOp[] {
    return [...this.#running.keys()];
  }

  /** `keys`: all that there are, for those who flush them. */
  start(client: PlannedClient, keys: readonly string[]): void {
    const proxy = this.#world.proxies[client.proxy];
    if (proxy === undefined) return;
    this.#openClients++;
    new WorkloadClient(this, this.#world, proxy, client, keys).next(0);
  }

  clientDone(): void {
    this.#openClients--;
  }

  /** A repeat that is yet to come keeps the run going, as a client does. */
  repeatPlanned(): void {
    this.#openClients++;
  }

  /** A request id of this moment, never given before. */
  newRequestId(): string {
    return requestIdAt(Math.floor((START_US + this.#world.scheduler.nowUs) / 1000), ++this.#requests);
  }

  /** Sends an operation; `done` gets its reply (null for a failure), or nothing ever if the proxy crashes. */
  send(
    proxy: SimProxy,
    client: string,
    key: string,
    op: Exclude<KeyOp, { readonly kind: 'flush' | 'swap' }>,
    done: (entry: HistoryOp) => void,
  ): void {
    const entry = this.#begin(proxy, client, key, op);
    let answered = false;
    proxy.coordinator?.submit({
      ...placeOf(key),
      step: stepOf(key, op),
      done: (outcome) => {
        if (answered) this.problems.push(`operation ${entry.id} was answered twice`);
        answered = true;
        this.#finish(entry, proxy, outcome);
        done(entry);
      },
    });
  }

  /** FLUSHDB of database 0: an operation on each of its keys. One that fails may have happened, or happen yet. */
  flush(proxy: SimProxy, client: string, keys: readonly string[], done: (entry: HistoryOp) => void): void {
    const flushed = keys.filter((key) => pairOf(key) === null);
    this.#changeMap(proxy, client, flushed, 'flush', done);
  }

  /** SWAPDB of the two databases that are for that: an operation on each pair of keys. */
  swap(proxy: SimProxy, client: string, keys: readonly string[], done: (entry: HistoryOp) => void): void {
    const pairs = new Set(keys.map(pairOf).filter((name) => name !== null));
    this.#changeMap(proxy, client, [...pairs], 'swap', done);
  }

  #changeMap(
    proxy: SimProxy,
    client: string,
    keys: readonly string[],
    kind: 'flush' | 'swap',
    done: (entry: HistoryOp) => void,
  ): void {
    const { coordinator, map, process } = proxy;
    if (coordinator === null || map === null) return;
    const { clock, caller } = coordinator;
    const entries = keys.map((key) => this.#begin(proxy, client, key, { kind }));
    const endMs = clock.monotonicMs() + limits.flushDeadlineMs;
    const left = (): number => endMs - clock.monotonicMs();
    const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
    const changing =
      kind === 'flush'
        ? flushNamespaces(map, caller, [0], left, pause)
        : swapDatabases(map, caller, ...SWAPPED_DATABASES, left, pause);
    void changing.then((failure) => {
      if (process?.alive !== true) return;
      for (const entry of entries) {
        if (failure === null) this.#finish(entry, proxy, { ok: true, reply: new SimpleString('OK') });
        else this.#finish(entry, proxy, { ok: false, failure: uncertain(failure.detail) });
      }
      for (const entry of entries.slice(0, 1)) done(entry);
    });
  }

  /** Operations that happen together, once, or not at all; `done` is called as that of `send`, with all of them. */
  transact(proxy: SimProxy, client: string, setup: TxnSetup, done: (entries: readonly HistoryOp[]) => void): void {
    const txn = this.history.length + 1;
    const entries = setup.parts.map(({ key, op }) => this.#begin(proxy, client, key, op, txn));
    let answered = false;
    proxy.coordinator?.transact({
      ...transactionOf(setup),
      done: (outcome) => {
        if (answered) this.problems.push(`transaction ${txn} was answered twice`);
        answered = true;
        const found = outcome.ok ? foundOf(outcome.reply) : null;
        for (const [index, entry] of entries.entries()) {
          if (found?.isDone === false) entry.op = { kind: 'get' };
          this.#finish(entry, proxy, outcome.ok ? { ok: true, reply: found?.replies[index] ?? null } : outcome);
        }
        done(entries);
      },
    });
  }

  /** Reads keys together; `done` is also told what made each of them. */
  look(
    proxy: SimProxy,
    client: string,
    keys: readonly string[],
    done: (entries: readonly HistoryOp[], found: Found | null) => void,
  ): void {
    const txn = this.history.length + 1;
    const entries = keys.map((key) => this.#begin(proxy, client, key, { kind: 'get' }, txn));
    proxy.coordinator?.transact({
      ...lookAt(keys),
      done: (outcome) => {
        const found = outcome.ok ? foundOf(outcome.reply) : null;
        for (const [index, entry] of entries.entries()) {
          this.#finish(entry, proxy, outcome.ok ? { ok: true, reply: found?.replies[index] ?? null } : outcome);
        }
        done(entries, found);
      },
    });
  }

  #begin(proxy: SimProxy, client: string, key: string, op: KeyOp, txn?: number): HistoryOp {
    const nowUs = this.#world.scheduler.nowUs;
    const wallMs = Math.floor(proxy.machine.wallUs() / 1000);
    const entry: HistoryOp = {
      id: this.history.length + 1,
      client,
      key,
      op: compactOp(op),
      ...(txn === undefined ? {} : { txn }),
      invokedUs: nowUs,
      returnedUs: Number.POSITIVE_INFINITY,
      lowestWallMs: wallMs,
      highestWallMs: Math.max(wallMs, this.#noteNodes()),
      outcome: { kind: 'unknown' },
    };
    this.history.push(entry);
    this.#running.set(entry, proxy);
    this.#onEvent(() => `op ${entry.id} ${client} sends`);
    return entry;
  }

  /** Before and after a wall clock moves: an operation has seen both. */
  noteClocks(): void {
    this.#noteNodes();
    for (const [entry, proxy] of this.#running) this.#noteWall(entry, proxy);
  }

  #finish(
    entry: HistoryOp,
    proxy: SimProxy,
    outcome: { readonly ok: true; readonly reply: Reply } | { readonly ok: false; readonly failure: Failure },
  ): void {
    this.#close(entry, proxy);
    if (outcome.ok) {
      entry.outcome = { kind: 'reply', reply: compactReply(simReply(outcome.reply, entry.op)) };
      const answer = entry.op.kind === 'juno' ? wholeAnswer(outcome.reply) : null;
      if (answer !== null) entry.answer = answer;
    } else {
      const { kind } = outcome.failure;
      this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
      entry.outcome = { kind: kind === 'uncertain' ? 'unknown' : 'none' };
      if (kind === 'corrupt') this.problems.push(`operation ${entry.id}: ${outcome.failure.detail}`);
    }
    this.#onEvent(() => `op ${entry.id} ${entry.client} ends ${entry.outcome.kind}`);
  }

  #close(entry: HistoryOp, proxy: SimProxy): void {
    entry.returnedUs = this.#world.scheduler.nowUs;
    this.#noteWall(entry, proxy);
    this.#running.delete(entry);
  }

  #noteWall(entry: HistoryOp, proxy: SimProxy): void {
    const wallMs = Math.floor(proxy.machine.wallUs() / 1000);
    entry.lowestWallMs = Math.min(entry.lowestWallMs, wallMs);
    entry.highestWallMs = Math.max(entry.highestWallMs, wallMs, this.#noteNodes());
  }

  /** Storage nodes write expired records dead, too, at any time: the highest that the wall clock of one ever showed. */
  #noteNodes(): number {
    for (const { machine } of this.#world.nodes) {
      this.#nodesWallMs = Math.max(this.#nodesWallMs, Math.floor(machine.wallUs() / 1000));
    }
    return this.#nodesWallMs;
  }

  #onProxyCrash(proxy: SimProxy): void {
    for (const [entry, owner] of this.#running) {
      if (owner !== proxy) continue;
      this.#close(entry, proxy);
      this.#onEvent(() => `op ${entry.id} ${entry.client} crashed`);
    }
  }
}

function compactReply(reply: SimReply): SimReply {
  return typeof reply === 'string' ? compact(reply) : reply;
}

function compactOp(op: KeyOp): KeyOp {
  if (!('value' in op)) return op;
  const value = compact(op.value);
  return op.kind === 'cas' && op.expected !== null
    ? { ...op, value, expected: compact(op.expected) }
    : { ...op, value };
}
