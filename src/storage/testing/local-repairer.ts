import { silentLog } from '../../base/log.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { shardOf, slotOf } from '../../cluster/slot.ts';
import { MapHolder } from '../../quorum/map-holder.ts';
import { type RecordChange, WRITE_BACK } from '../../quorum/record-change.ts';
import type { RepairOutcome } from '../../quorum/repair.ts';
import { Repairer } from '../../quorum/repairer.ts';
import { FilteredTransport } from '../../quorum/testing/filtered-transport.ts';
import { InProcessTransport } from '../../rpc/in-process-transport.ts';
import type { RecordAddress } from '../../rpc/messages.ts';
import type { LocalQuorum } from './local-quorum.ts';

/** A storage node's repairer over the nodes of a local quorum, with a network of its own that a test can disturb. */
export class LocalRepairer {
  readonly network: InProcessTransport;
  readonly transport: FilteredTransport;
  readonly holder: MapHolder;
  readonly repairer: Repairer;
  readonly #quorum: LocalQuorum;

  constructor(quorum: LocalQuorum, proposer = 900) {
    const { clock, config, map } = quorum;
    this.#quorum = quorum;
    this.network = new InProcessTransport(clock);
    this.transport = new FilteredTransport(this.network, clock);
    this.holder = new MapHolder(config, map, clock, silentLog);
    this.repairer = new Repairer({
      clock,
      random: new SystemRandom(),
      log: silentLog,
      transport: this.transport,
      map: this.holder,
      proposer,
      nextProposer: (done) => clock.after(1, () => done(proposer + 1)),
    });
    for (let id = 1; id <= map.zones.length; id++) this.network.addNode(quorum.node(id));
  }

  addressOf(key: string, generation = 1): RecordAddress {
    const { ids } = this.#quorum;
    const map = this.holder.current;
    const bytes = Buffer.from(key);
    const shard = shardOf(slotOf(bytes), map.shards);
    return {
      id: ids.recordId(0, generation, bytes),
      shard,
      shardEpoch: map.shardEpochs[shard] ?? 0,
      namespace: 0,
      namespaceEpoch: map.namespaces[0]?.epoch ?? 0,
    };
  }

  /** Lets time pass until the outcome is there. */
  async repair(key: string, change: RecordChange = WRITE_BACK): Promise<RepairOutcome | null> {
    let outcome: RepairOutcome | null = null;
    this.repairer.repair(this.addressOf(key), change, (result) => {
      outcome = result;
    });
    await this.#quorum.pass(10_000, () => outcome !== null);
    await this.#quorum.pass(10);
    return outcome;
  }
}
