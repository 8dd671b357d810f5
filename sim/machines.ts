import type { NodeProposer } from '../src/admin/node-proposer.ts';
import type { ConfigStore } from '../src/cluster/config-store.ts';
import type { Coordinator } from '../src/quorum/coordinator.ts';
import type { MapHolder } from '../src/quorum/map-holder.ts';
import type { ProtocolCounters } from '../src/quorum/protocol-counters.ts';
import type { Reply } from '../src/resp/reply.ts';
import type { NodeWork } from '../src/storage/node-peer-parts.ts';
import type { StorageNode } from '../src/storage/storage-node.ts';
import type { MachineTime, SimProcess } from './sim-clock.ts';
import type { SimDisk } from './sim-disk.ts';
import { nodeName, type SimLink } from './sim-network.ts';

/** A storage node's machine: its disk and clock stay when its process ends. Zones count from 0. */
export class SimNode {
  readonly nodeId: number;
  readonly zone: number;
  readonly machine: MachineTime;
  disk: SimDisk;
  /** Disks that it had, and distrusted ones that it began anew: each makes another incarnation of the node. */
  lives = 1;
  isDistrusted = false;
  process: SimProcess | null = null;
  node: StorageNode | null = null;
  /** To its peers. */
  link: SimLink | null = null;
  proposer: NodeProposer | null = null;
  counters: ProtocolCounters | null = null;
  work: readonly NodeWork[] = [];

  constructor(nodeId: number, zone: number, disk: SimDisk, machine: MachineTime) {
    this.nodeId = nodeId;
    this.zone = zone;
    this.disk = disk;
    this.machine = machine;
  }

  get name(): string {
    return nodeName(this.nodeId);
  }

  get incarnation(): string {
    return `${this.name}.${this.lives}`;
  }
}

export class SimProxy {
  readonly name: string;
  readonly machine: MachineTime;
  process: SimProcess | null = null;
  coordinator: Coordinator<Reply> | null = null;
  map: MapHolder | null = null;
  store: ConfigStore | null = null;
  link: SimLink | null = null;
  /** Told when the process ends: its clients never hear from it again. */
  onCrash: () => void = () => {};

  constructor(name: string, machine: MachineTime) {
    this.name = name;
    this.machine = machine;
  }
}

/** What a node has done by itself: as a proposer, and whatever its kinds of work count. */
export function* countsOf({ counters, work }: SimNode): Iterable<readonly [string, number]> {
  for (const [branch, count] of counters?.entries() ?? []) if (count > 0) yield [`node ${branch}`, count];
  for (const each of work) {
    if (!('counts' in each) || typeof each.counts !== 'object') continue;
    const kind = each.constructor.name.toLowerCase();
    for (const [name, count] of Object.entries(each.counts ?? {})) {
      if (typeof count === 'number') yield [`${kind} ${name}`, count];
    }
  }
}
