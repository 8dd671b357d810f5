import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { CommitRound } from './commit-round.ts';
import type { PageTransfer } from './page-transfer.ts';
import type { ProtocolCounters } from './protocol-counters.ts';

/** What bringing a node up needs. */
export interface CatchUpContext {
  readonly clock: Clock;
  readonly counters: ProtocolCounters;
  readonly pageTransfer: PageTransfer;
}

/**
 * A node answered a COMMIT with STALE: copies the pages that it lacks, once there is a node that has acknowledged, and
 * sends the COMMIT again. `progress` is called with every step.
 */
export function catchUpPages(
  context: CatchUpContext,
  round: CommitRound,
  node: NodeId,
  index: number,
  progress: () => void,
  tries = 0,
): void {
  const { clock, counters, pageTransfer } = context;
  const source = round.acknowledged[0];
  if (source === undefined) {
    if (tries >= limits.pageCatchUpTries || round.ended) return;
    clock.after(limits.roundTickMs, () => catchUpPages(context, round, node, index, progress, tries + 1));
    return;
  }
  pageTransfer.catchUp(node, source, round.commit, progress, (complete) => {
    if (complete === null) return;
    counters.add('pages-caught-up');
    round.sendAgain(index, complete);
  });
}
