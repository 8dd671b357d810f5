import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runScenario } from './scenario.ts';
import type { Parts } from './world.ts';

export const SCENARIO_FOLDER = join(import.meta.dirname, 'scenarios');

/** Which broken rule a scenario must notice. */
export const GUARDS: readonly (readonly [scenario: string, defect: string])[] = [
  ['06-found-but-not-chosen', 'no-op-although-promises-differ'],
  ['07-second-try-forgets-first', 'second-try-forgets-first'],
  ['07-second-try-forgets-first', 'blind-retry'],
  ['21-flush-unfenced', 'flush-unfenced'],
  ['21-flush-unfenced', 'no-epoch-fence'],
  ['25-birth-after-delete', 'blind-retry'],
  ['promise-forgotten', 'no-ceiling'],
];

export function scenarioText(name: string): string {
  return readFileSync(join(SCENARIO_FOLDER, `${name}.txt`), 'utf8');
}

/** The first scenario whose answers cannot be explained with these parts; null if there is none. */
export async function catchingScenario(defect: string, parts: Parts): Promise<string | null> {
  for (const [scenario, guarded] of GUARDS) {
    if (guarded !== defect) continue;
    const result = await runScenario(scenarioText(scenario), parts);
    if (result.includes('is not linearizable')) return scenario;
  }
  return null;
}
