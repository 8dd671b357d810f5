import { type Failure, unavailable, uncertain } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { nodesOf, withRaisedGenerations } from '../cluster/cluster-map.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import { updateClusterMap } from '../cluster/config-store.ts';
import { withSwappedDatabases } from '../cluster/databases.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { MessageType } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { adoptedByQuorum } from './adopted.ts';
import type { MapHolder } from './map-holder.ts';
import type { NodeCaller } from './node-caller.ts';

const RETRY_MS = 50;

/** What is left of the time, in milliseconds. */
type TimeLeft = () => number;
type Pause = (ms: number) => Promise<void>;

/**
 * FLUSHDB (protocol §8): raises the generation of the databases, as clients name them, under a new epoch. Null, which is OK,
 * only after Q zones of every shard have durably adopted the new map: no other proxy can then serve the old generation.
 */
export function flushNamespaces(
  holder: MapHolder,
  caller: NodeCaller,
  databases: readonly number[],
  deadlineMs: TimeLeft,
  pause: Pause,
): Promise<Failure | null> {
  return changeEverywhere(holder, caller, (map) => withRaisedGenerations(map, databases), deadlineMs, pause);
}

/** SWAPDB: likewise, two databases of one group exchange what they are stored as. */
export function swapDatabases(
  holder: MapHolder,
  caller: NodeCaller,
  one: number,
  other: number,
  deadlineMs: TimeLeft,
  pause: Pause,
): Promise<Failure | null> {
  return changeEverywhere(holder, caller, (map) => withSwappedDatabases(map, one, other), deadlineMs, pause);
}

async function changeEverywhere(
  holder: MapHolder,
  caller: NodeCaller,
  change: (map: ClusterMap) => ClusterMap,
  deadlineMs: TimeLeft,
  pause: Pause,
): Promise<Failure | null> {
  const stored = await updateClusterMap(holder.store, change);
  if (!stored.ok) {
    const detail = `the cluster map could not be changed: ${stored.problem}`;
    return stored.uncertain === true ? uncertain(detail) : unavailable(detail);
  }
  holder.adopt(stored.value);
  const adopted = new Set<NodeId>();
  const text = encodeClusterMap(stored.value);
  while (!adoptedByQuorum(stored.value, adopted)) {
    if (deadlineMs() <= 0) return uncertain('it is decided, but too few storage nodes have confirmed it yet');
    await handOut(caller, stored.value, text, adopted);
    if (!adoptedByQuorum(stored.value, adopted)) await pause(RETRY_MS);
  }
  return null;
}

function handOut(caller: NodeCaller, map: ClusterMap, text: string, adopted: Set<NodeId>): Promise<void> {
  return new Promise((resolve) => {
    const missing = nodesOf(map).filter((node) => !adopted.has(node.id));
    let open = missing.length;
    for (const node of missing) {
      caller.call(node.id, { type: MessageType.adoptMap, map: text }, limits.deadlineMs / 2, (response) => {
        if (response.type === MessageType.mapAdopted && response.mapEpoch >= map.epoch) adopted.add(node.id);
        open--;
        // Enough is enough: a node that is down must not hold the others up.
        if (open === 0 || adoptedByQuorum(map, adopted)) resolve();
      });
    }
  });
}
