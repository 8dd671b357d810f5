import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runScenario } from './scenario.ts';
import type { Parts } from './world.ts';

export const SCENARIO_FOLDER = join(import.meta.dirname, 'scenarios');

/** Which broken rule a scenario must notice. */
export const GUARDS: readonly (readonly [scenario: string, defect: string])[] = [
  ['03-purge-of-expired-live', 'purge-of-expired-live'],
  ['04-purge-floor-lost', 'purge-keeps-no-floor'],
  ['04-purge-floor-restart', 'no-ceiling'],
  ['05-absent-is-no-proof', 'absent-is-proof'],
  ['06-found-but-not-chosen', 'no-op-although-promises-differ'],
  ['07-second-try-forgets-first', 'second-try-forgets-first'],
  ['07-second-try-forgets-first', 'blind-retry'],
  ['09-joint-counts-old-alone', 'joint-counts-old-alone'],
  ['09-joint-reads-old-alone', 'joint-reads-old-alone'],
  ['10-joint-promise-dropped', 'joint-promise-dropped'],
  ['11-stale-side-serves', 'joint-reads-old-alone'],
  ['12-learner-takes-highest', 'learner-takes-highest'],
  ['13-purge-during-move', 'purge-during-move'],
  ['14-restamped-commit', 'restamped-commit'],
  ['16-t-already-gone', 'no-reread-after-t'],
  ['17-refused-coordinator-commits', 'refused-coordinator-commits'],
  ['18-one-read-round', 'one-read-round'],
  ['18-prepare-is-no-snapshot', 'snapshot-by-prepare'],
  ['19-purge-drops-promise', 'purge-drops-promise'],
  ['20-learner-keeps-old-data', 'learner-keeps-old-data'],
  ['21-flush-unfenced', 'flush-unfenced'],
  ['21-flush-unfenced', 'no-epoch-fence'],
  ['22-money-moved-twice', 'intent-ignored'],
  ['23-purge-under-intent', 'purge-under-intent'],
  ['23-purge-under-intent', 'intent-on-one-record'],
  ['25-birth-after-delete', 'blind-retry'],
  ['27-learner-forgets-promise', 'learner-forgets-promise'],
  ['amnesic-node-votes', 'amnesic-node-votes'],
  ['copy-across-epochs', 'copy-across-epochs'],
  ['learner-copies-from-one', 'learner-copies-from-one'],
  ['promise-evicted', 'eviction-without-floor'],
  ['promise-forgotten', 'no-ceiling'],
  ['purge-queue-without-all', 'purge-without-all-replicas'],
  ['purge-without-all-replicas', 'purge-without-all-replicas'],
  ['swap-under-intent', 'swap-ignored'],
  ['swap-unfenced', 'flush-unfenced'],
  ['t-deleted-early', 't-deleted-early'],
];

/** Show a broken rule by their messages: another rule (here the learner's floor) keeps the answers right all the same. */
const TRACED: ReadonlySet<string> = new Set(['14-restamped-commit']);

/** What a check says of answers that cannot be. */
export const UNEXPLAINED = /is not linearizable|are not serializable/;

export function scenarioText(name: string): string {
  return readFileSync(join(SCENARIO_FOLDER, `${name}.txt`), 'utf8');
}

/** Whether the answers of the scenario cannot be explained with these parts. */
export async function failsScenario(name: string, parts: Parts): Promise<boolean> {
  const text = scenarioText(name);
  const result = await runScenario(text, parts);
  return UNEXPLAINED.test(result) || (TRACED.has(name) && result !== text);
}

/** The first scenario whose answers cannot be explained with these parts; null if there is none. */
export async function catchingScenario(defect: string, parts: Parts): Promise<string | null> {
  for (const [scenario, guarded] of GUARDS) {
    if (guarded !== defect) continue;
    if (await failsScenario(scenario, parts)) return scenario;
  }
  return null;
}
