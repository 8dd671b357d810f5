import { assert } from '../base/assert.ts';
import { full, uncertain } from '../base/failure.ts';
import type { Ballot } from '../record/ballot.ts';
import type { Attempt } from './attempt.ts';
import type { Pending } from './pending.ts';
import type { ProtocolCounters } from './protocol-counters.ts';

/** A COMMIT that carries the changes of these operations is about to be sent. */
export function markCommitSent<R>(
  pendings: readonly Pending<R>[],
  attempt: Attempt<R>,
  nowMonotonicMs: number,
  nowWallMs: number,
): void {
  for (let i = 0; i < pendings.length; i++) {
    const pending = pendings[i];
    if (pending === undefined || attempt.results[i]?.kind !== 'reply') continue;
    pending.commitOpen = true;
    if (pending.firstCommitMonotonicMs !== 0) continue;
    pending.firstCommitMonotonicMs = nowMonotonicMs;
    pending.firstCommitWallMs = nowWallMs;
  }
}

/**
 * A COMMIT with changes was refused. All of its operations remember the ballot and their replies: they happened
 * together or not at all, also those that only looked.
 */
export function noteRefused<R>(pendings: readonly Pending<R>[], attempt: Attempt<R>, ballot: Ballot): void {
  for (let i = 0; i < pendings.length; i++) {
    const result = attempt.results[i];
    if (result?.kind === 'reply') pendings[i]?.refused({ ballot, reply: result.reply });
  }
}

/** Answers each operation with what the attempt that holds gave it. */
export function answerPendings<R>(
  pendings: readonly Pending<R>[],
  attempt: Attempt<R>,
  counters: ProtocolCounters,
): void {
  for (let i = 0; i < pendings.length; i++) {
    const pending = pendings[i];
    const result = attempt.results[i];
    assert(pending !== undefined && result !== undefined, 'a result for each operation');
    if (result.kind === 'unknown') {
      counters.add('uncertain');
      pending.fail(uncertain('a write was refused and nothing tells any more whether it happened'));
    } else if (result.kind === 'full') {
      pending.fail(full('the disks of too many storage nodes are full'));
    } else {
      pending.reply(result.reply);
    }
  }
}
