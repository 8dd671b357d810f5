import type { SimRandom } from '../sim/sim-random.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { drawNodeFault, type FaultContext, passMs, pause, runNodeFault } from './node-faults.ts';

/** For the proxies to find a node again that was away, before another zone is disturbed. */
const SETTLE_MS = 1_500;
const ZONES = 3;

/** Draws faults and lets them happen: those of storage nodes in one zone at a time, those of proxies whenever they come. */
export class FaultDriver {
  readonly #cluster: ChaosCluster;
  readonly #random: SimRandom;
  readonly #proxyRandom: SimRandom;
  readonly #context: FaultContext;
  readonly #counts = new Map<string, number>();
  readonly #problems: string[] = [];
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    cluster: ChaosCluster,
    randoms: { nodes: SimRandom; proxies: SimRandom },
    reserveBytes: number,
    note: (text: string) => void,
  ) {
    this.#cluster = cluster;
    this.#random = randoms.nodes;
    this.#proxyRandom = randoms.proxies;
    this.#context = { cluster, random: randoms.nodes, reserveBytes, note };
  }

  /** How many there were of each kind. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Faults that could not be done or undone. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  start(): void {
    this.#running = Promise.all([
      this.#whileRunning(() => this.#nodeFaults()),
      this.#whileRunning(() => this.#proxyFault()),
    ]);
  }

  /** Resolves when every fault has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #whileRunning(fault: () => Promise<void>): Promise<void> {
    while (!this.#isStopped) {
      try {
        await fault();
      } catch (error) {
        this.#problems.push(error instanceof Error ? error.message : String(error));
        return;
      }
    }
  }

  /** In one zone, of one of its nodes or of all at once. */
  async #nodeFaults(): Promise<void> {
    await passMs(SETTLE_MS + this.#random.between(0, 1_000));
    if (this.#isStopped) return;
    const zone = this.#random.between(1, ZONES);
    const nodes = this.#cluster.nodes.filter((node) => node.zone === zone);
    const struck = this.#random.chance(0.4) ? nodes : [this.#random.pick(nodes)];
    await Promise.all(
      struck.map((node) => {
        const kind = drawNodeFault(node, this.#random);
        this.#count(kind);
        this.#context.note(`zone ${zone}: node ${node.number}: ${kind}`);
        return runNodeFault(kind, node, this.#context);
      }),
    );
  }

  async #proxyFault(): Promise<void> {
    const random = this.#proxyRandom;
    await passMs(random.between(4_000, 12_000));
    if (this.#isStopped) return;
    const index = random.below(this.#cluster.proxies.length);
    const proxy = this.#cluster.proxies[index];
    if (proxy === undefined) return;
    if (random.chance(0.5)) {
      this.#count('proxy pause');
      this.#context.note(`proxy ${index + 1}: pause`);
      await pause(proxy.pid, random.between(50, 3_000));
      return;
    }
    this.#count('proxy kill');
    this.#context.note(`proxy ${index + 1}: kill`);
    await proxy.kill();
    await passMs(random.between(0, 2_000));
    await this.#cluster.startProxy(index);
  }

  #count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }
}
