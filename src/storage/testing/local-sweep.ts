import { silentLog } from '../../base/log.ts';
import type { SweepFindings } from '../../rpc/sweep-messages.ts';
import type { NodeId } from '../../rpc/transport.ts';
import { PurgeQueue } from '../purge-queue.ts';
import { SweepCounts } from '../sweep-counts.ts';
import { type RangeSwept, sweepRange } from '../sweep-range.ts';
import { Sweeper } from '../sweeper.ts';
import type { LocalQuorum } from './local-quorum.ts';
import { LocalRepairer } from './local-repairer.ts';

/** One node of a local quorum that sweeps, with a network of its own. */
export class LocalSweep {
  readonly nodeId: NodeId;
  readonly repairer: LocalRepairer;
  readonly #quorum: LocalQuorum;

  constructor(quorum: LocalQuorum, nodeId: NodeId = 1) {
    this.nodeId = nodeId;
    this.#quorum = quorum;
    this.repairer = new LocalRepairer(quorum, 900 + nodeId);
  }

  /** Every shard once, to its end; all that was found. */
  async once(): Promise<SweepFindings> {
    const counts = new SweepCounts();
    const server = this.#quorum.node(this.nodeId).sweeps;
    const purges = new PurgeQueue();
    const tools = { nodeId: this.nodeId, server, repairer: this.repairer.repairer, counts, purges };
    for (let shard = 0; shard < this.#quorum.map.shards; shard++) {
      for (let afterId = ''; ; ) {
        const step: { swept: RangeSwept | null; done: boolean } = { swept: null, done: false };
        sweepRange(tools, shard, afterId, (swept) => {
          step.swept = swept;
          step.done = true;
        });
        await this.#quorum.pass(10_000, () => step.done);
        if (step.swept === null || step.swept.exhausted) break;
        afterId = step.swept.lastId;
      }
    }
    return counts;
  }

  /** Begins to sweep for ever. */
  start(): Sweeper {
    const { clock } = this.#quorum;
    const server = this.#quorum.node(this.nodeId).sweeps;
    const options = { nodeId: this.nodeId, server, repairer: this.repairer.repairer, clock, log: silentLog };
    const sweeper = new Sweeper(options);
    sweeper.start();
    return sweeper;
  }
}
