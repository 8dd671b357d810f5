import { limits } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import { LoadConnection } from './load-connection.ts';
import type { LoadPlan } from './load-plan.ts';
import { Preload } from './preload.ts';
import type { Progress } from './progress.ts';
import { RequestIds } from './request-ids.ts';
import { SeededRandom } from './seeded-random.ts';
import { Traffic, type TrafficParts } from './traffic.ts';
import { Workload } from './workload.ts';

export interface LoadParts extends Omit<TrafficParts, 'random'> {
  /** Of the request ids; everything else comes from the seed. */
  readonly random: Random;
}

export type LoadOutcome =
  | { readonly ok: true; readonly traffic: Traffic }
  | { readonly ok: false; readonly problem: string };

/** Everything that one `junokv load` does over the network: connect, preload, run. */
export class LoadRun {
  readonly #plan: LoadPlan;
  readonly #parts: LoadParts;
  readonly #connections: readonly LoadConnection[];
  #preload: Preload | null = null;
  #traffic: Traffic | null = null;
  #isStopped = false;

  constructor(plan: LoadPlan, parts: LoadParts) {
    this.#plan = plan;
    this.#parts = parts;
    this.#connections = Array.from({ length: plan.connections }, (_, index) => {
      const target = plan.targets[index % plan.targets.length] ?? { host: '', port: 0, tls: null };
      return new LoadConnection(index, target, plan.greeting, parts.clock);
    });
  }

  /** What it does right now, for the display. */
  progress(): Progress {
    const { keys } = this.#plan.workload;
    if (this.#traffic !== null) return { kind: 'traffic', traffic: this.#traffic, times: this.#plan.times };
    if (this.#preload !== null) return { kind: 'preload', done: this.#preload.done, keys };
    return { kind: 'connect', done: this.#connections.filter(({ isReady }) => isReady).length };
  }

  /** Resolves when it is over, with all connections closed. */
  async run(): Promise<LoadOutcome> {
    try {
      const problem = (await this.#connect()) ?? (await this.#fill());
      if (problem !== null) return { ok: false, problem };
      if (this.#isStopped) return { ok: false, problem: 'stopped before anything was sent' };
      const workload = new Workload(this.#plan.workload, this.#requestIds());
      const random = new SeededRandom(this.#plan.workload.seed, 'arrivals');
      this.#traffic = new Traffic(this.#plan, this.#connections, workload, { ...this.#parts, random });
      await this.#traffic.run();
      return { ok: true, traffic: this.#traffic };
    } finally {
      for (const connection of this.#connections) connection.close();
    }
  }

  /** First call: ends what is being done, waits for answers. Second call: waits no longer. */
  stop(): void {
    this.#isStopped = true;
    this.#preload?.stop();
    this.#traffic?.stop();
  }

  async #connect(): Promise<string | null> {
    for (let first = 0; first < this.#connections.length; first += limits.loadConnectsAtOnce) {
      const group = this.#connections.slice(first, first + limits.loadConnectsAtOnce);
      const problems = await Promise.all(group.map((connection) => connection.open()));
      const at = problems.findIndex((problem) => problem !== null);
      if (at >= 0) {
        const target = this.#plan.targets[(first + at) % this.#plan.targets.length];
        return `cannot connect to ${target?.host} port ${target?.port}: ${problems[at]}`;
      }
      if (this.#isStopped) return 'stopped while connecting';
    }
    return null;
  }

  async #fill(): Promise<string | null> {
    const { preload, preloadDepth } = this.#plan;
    if (preload === null) return null;
    const options = { keys: preload.keys, depth: preloadDepth };
    const workload = (nextKey: () => number): Workload => new Workload(preload, this.#requestIds(), nextKey);
    this.#preload = new Preload(this.#connections, workload, options, this.#parts.clock);
    return await this.#preload.run();
  }

  #requestIds(): RequestIds | null {
    return this.#plan.requestIds ? new RequestIds(this.#parts.clock, this.#parts.random) : null;
  }
}
