import { limits } from '../base/limits.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import type { ProcessParts } from './running.ts';

/** Asks until the store answers, and says once that it does not: without a proposer id no write can be made. */
export function takeProposer(
  store: ConfigStore,
  parts: ProcessParts,
  done: (proposer: number) => void,
  wasTold = false,
): void {
  void store.nextProposerId().then((result) => {
    if (result.ok) {
      done(result.value);
      return;
    }
    if (!wasTold)
      parts.log.error({ problem: result.problem }, 'no new proposer id; it is asked for until there is one');
    parts.clock.after(limits.proposerRetryMs, () => takeProposer(store, parts, done, true));
  });
}
