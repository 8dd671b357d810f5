import type { HistoryOp, KeyOp, SimReply } from './checker.ts';
import { expand } from './long-values.ts';
import type { SimProxy } from './machines.ts';
import type { PlainOp, PlannedClient, PlannedOp, PlannedRepeat, PlannedStep, PlannedTxn } from './plan.ts';
import { START_US } from './sim-clock.ts';
import type { Workload } from './workload.ts';
import type { World } from './world.ts';

/** A client whose proxy is away looks again after so long. */
const RECONNECT_US = 5_000;

/** One connection: the next operation goes out after the last one was answered. */
export class WorkloadClient {
  readonly #workload: Workload;
  readonly #world: World;
  readonly #proxy: SimProxy;
  readonly #planned: PlannedClient;
  readonly #seen = new Map<string, SimReply>();
  readonly #keys: readonly string[];
  #index = 0;

  constructor(workload: Workload, world: World, proxy: SimProxy, planned: PlannedClient, keys: readonly string[]) {
    this.#keys = keys;
    this.#workload = workload;
    this.#world = world;
    this.#proxy = proxy;
    this.#planned = planned;
  }

  next(extraUs: number): void {
    const planned = this.#planned.ops[this.#index];
    if (planned === undefined) {
      this.#workload.clientDone();
      return;
    }
    this.#world.scheduler.after(planned.thinkUs + extraUs, null, () => this.#send(planned));
  }

  #send(planned: PlannedStep): void {
    const isReady = this.#whenUp(this.#proxy, () => this.#send(planned));
    if (!isReady) return;
    this.#index++;
    if ('parts' in planned) {
      this.#transact(planned);
      return;
    }
    const op = this.#resolve(planned);
    for (const repeat of planned.repeats ?? []) this.#plan(repeat, planned.key, op);
    this.#deliver(this.#proxy, planned.key, op, () => this.next(0));
  }

  #transact({ mode, parts, pauseUs }: PlannedTxn): void {
    const { name } = this.#planned;
    const proxy = this.#proxy;
    const resolved = parts.map(({ key, op }) => ({ key, op: this.#resolvePlain(key, op) }));
    const keys = parts.map(({ key }) => key);
    const next = (): void => this.next(0);
    if (mode === 'look') {
      this.#until(proxy, (end) => this.#workload.look(proxy, name, keys, end), next);
      return;
    }
    if (mode !== 'watched') {
      const setup = { mode, parts: resolved };
      this.#until(proxy, (end) => this.#workload.transact(proxy, name, setup, end), next);
      return;
    }
    let watched: readonly string[] | null = null;
    const first = (end: () => void): void => {
      this.#workload.look(proxy, name, keys, (_entries, found) => {
        watched = found?.origins ?? null;
        end();
      });
    };
    const second = (): void => {
      const origins = watched;
      // Nothing was watched, or the connection is another one.
      if (origins === null || proxy.process?.alive !== true) next();
      else
        this.#until(
          proxy,
          (end) => this.#workload.transact(proxy, name, { mode, parts: resolved, origins }, end),
          next,
        );
    };
    this.#until(proxy, first, () => this.#world.scheduler.after(pauseUs, null, second));
  }

  #plan(repeat: PlannedRepeat, key: string, op: KeyOp): void {
    const proxy = this.#world.proxies[repeat.proxy];
    if (proxy === undefined) return;
    this.#workload.repeatPlanned();
    const send = (): void => {
      if (this.#whenUp(proxy, send)) this.#deliver(proxy, key, op, () => this.#workload.clientDone());
    };
    this.#world.scheduler.after(repeat.afterUs, null, send);
  }

  /** True if the proxy can be spoken to; else `again` is called in a while. */
  #whenUp(proxy: SimProxy, again: () => void): boolean {
    const { process } = proxy;
    const { scheduler } = this.#world;
    if (process !== null && process.pausedUntilUs <= scheduler.nowUs) return true;
    scheduler.after(RECONNECT_US, null, again);
    return false;
  }

  #deliver(proxy: SimProxy, key: string, op: KeyOp, ended: () => void): void {
    const start = (end: () => void): void => {
      const done = (entry: HistoryOp): void => {
        if (entry.outcome.kind === 'reply') this.#see(entry, entry.outcome.reply);
        end();
      };
      if (op.kind === 'flush') this.#workload.flush(proxy, this.#planned.name, this.#keys, done);
      else if (op.kind === 'swap') this.#workload.swap(proxy, this.#planned.name, this.#keys, done);
      else this.#workload.send(proxy, this.#planned.name, key, op, done);
    };
    this.#until(proxy, start, ended);
  }

  /** `ended` is called once: after the answer, or when the connection is found to be gone. */
  #until(proxy: SimProxy, start: (end: () => void) => void, ended: () => void): void {
    const { process } = proxy;
    const { scheduler } = this.#world;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      watch.cancel();
      ended();
    };
    // A crash answers nothing: the client notices that its connection is gone.
    const look = (): void => {
      if (process?.alive === true) watch = scheduler.after(RECONNECT_US, null, look);
      else end();
    };
    let watch = scheduler.after(RECONNECT_US, null, look);
    start(end);
  }

  #resolve(planned: PlannedOp): KeyOp {
    const { op, key } = planned;
    if (op.kind === 'flush' || op.kind === 'swap') return op;
    if (op.kind === 'juno') return { ...op, requestId: this.#workload.newRequestId() };
    return this.#resolvePlain(key, op);
  }

  #resolvePlain(key: string, op: PlainOp): PlainOp {
    if (op.kind === 'setpxat') {
      const nowMs = Math.floor((START_US + this.#world.scheduler.nowUs) / 1000);
      return { ...op, expiresAtMs: nowMs + op.expiresAtMs };
    }
    if (op.kind === 'cas' && op.expected !== null) {
      const seen = this.#seen.get(key);
      return { ...op, expected: seen === undefined || seen === null ? op.expected : expand(String(seen)) };
    }
    return op;
  }

  #see(entry: HistoryOp, reply: SimReply): void {
    const { op, key } = entry;
    if (op.kind === 'juno') return;
    if (op.kind === 'get' || op.kind === 'incr') this.#seen.set(key, reply);
    else if ('value' in op && op.kind !== 'append' && reply !== 0) this.#seen.set(key, op.value);
  }
}
