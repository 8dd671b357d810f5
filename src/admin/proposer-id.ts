import { limits } from '../base/limits.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import type { ProcessParts } from './running.ts';

/** Asks until the store answers: without a proposer id no write can be made. */
export function takeProposer(store: ConfigStore, parts: ProcessParts, done: (proposer: number) => void): void {
  void store.nextProposerId().then((result) => {
    if (result.ok) {
      done(result.value);
      return;
    }
    parts.log.error({ problem: result.problem }, 'no new proposer id');
    parts.clock.after(limits.proposerRetryMs, () => takeProposer(store, parts, done));
  });
}
