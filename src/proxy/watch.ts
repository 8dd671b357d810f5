import type { Step } from '../quorum/operation.ts';
import type { Ballot } from '../record/ballot.ts';
import { OK, type Reply } from '../resp/reply.ts';
import { ClusterFailure, type ClusterPort } from './cluster-port.ts';

/** How often a watch looks again at a record that was just being written in the same round. */
const TRIES = 20;

/** Sees by which write the record is what it is; pure but for the note. */
class OriginStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'meta';
  /** Null: written in the same round. */
  origin: Ballot | null = null;

  run(_record: unknown, context: Parameters<Step<Reply>['run']>[1]): { reply: Reply; change: null } {
    this.origin = context.origin ?? null;
    return { reply: OK, change: null };
  }
}

/** The ballot of the write that made what the key holds; rejects with ClusterFailure. */
export async function originOfKey(cluster: ClusterPort, namespace: number, key: Buffer): Promise<Ballot> {
  for (let tries = 1; ; tries++) {
    const step = new OriginStep();
    await new Promise<void>((resolve, reject) => {
      cluster.submit({
        namespace,
        key,
        step,
        done: (outcome) => (outcome.ok ? resolve() : reject(new ClusterFailure(outcome.failure))),
      });
    });
    if (step.origin !== null) return step.origin;
    if (tries >= TRIES) {
      throw new ClusterFailure({ kind: 'busy', detail: 'the watched key is written all the time; try again' });
    }
  }
}
