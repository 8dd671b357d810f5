import { swapEpoch } from '../cluster/databases.ts';
import type { ClusterMap } from '../cluster/map.ts';
import type { Step } from '../quorum/operation.ts';
import { type Ballot, isNoBallot, sameBallot } from '../record/ballot.ts';
import type { LiveRecord } from '../record/state.ts';
import { OK, type Reply } from '../resp/reply.ts';
import { ClusterFailure, type ClusterPort } from './cluster-port.ts';
import type { WatchedKey } from './transaction-state.ts';

/** How often a watch looks again at a record that was just being written in the same round. */
const TRIES = 20;

/** Sees by which write the record is what it is; pure but for the note. */
class OriginStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'meta';
  /** Null: written in the same round. */
  origin: Ballot | null = null;
  isLive = false;

  run(record: LiveRecord | null, context: Parameters<Step<Reply>['run']>[1]): { reply: Reply; change: null } {
    this.origin = context.origin ?? null;
    this.isLive = record !== null;
    return { reply: OK, change: null };
  }
}

/** What `isWritten` compares with later; rejects with ClusterFailure. */
export async function watchedKey(cluster: ClusterPort, namespace: number, key: Buffer): Promise<WatchedKey> {
  for (let tries = 1; ; tries++) {
    const step = new OriginStep();
    const swapped = swapEpoch(cluster.map(), namespace);
    await new Promise<void>((resolve, reject) => {
      cluster.submit({
        namespace,
        key,
        step,
        done: (outcome) => (outcome.ok ? resolve() : reject(new ClusterFailure(outcome.failure))),
      });
    });
    const { origin, isLive } = step;
    if (origin !== null) return { namespace, key, origin, isLive, swapEpoch: swapped };
    if (tries >= TRIES) {
      throw new ClusterFailure({ kind: 'busy', detail: 'the watched key is written all the time; try again' });
    }
  }
}

/**
 * Whether a watched key was written since, if `origin` is by which write it is what it is now. SWAPDB counts as a write where
 * there is a value before or behind it; of a tombstone behind it nobody can tell, so it counts too.
 */
export function isWritten(watched: WatchedKey, origin: Ballot, map: ClusterMap): boolean {
  if (swapEpoch(map, watched.namespace) === watched.swapEpoch) return !sameBallot(origin, watched.origin);
  return watched.isLive || !isNoBallot(origin);
}
