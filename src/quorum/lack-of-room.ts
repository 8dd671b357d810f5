import type { Attempt, OpenedBase } from './attempt.ts';
import type { Pending } from './pending.ts';

/** The record would be larger than it is. */
export function grows<R>({ changed, live, expired }: Attempt<R>, base: OpenedBase): boolean {
  if (!changed || live === null) return false;
  return base.live === null || expired || live.sizeBytes > base.live.sizeBytes;
}

/** There is no room for this attempt: the operations that changed something are marked. False if there is none. */
export function noteFull<R>(pendings: readonly Pending<R>[], attempt: Attempt<R>): boolean {
  let any = false;
  for (let i = 0; i < pendings.length; i++) {
    const result = attempt.results[i];
    const pending = pendings[i];
    if (pending === undefined || pending.full || result?.kind !== 'reply' || !result.changed) continue;
    pending.full = true;
    any = true;
  }
  return any;
}
