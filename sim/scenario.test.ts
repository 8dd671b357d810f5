import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFECTS } from './defects.ts';
import { runScenario } from './scenario.ts';
import { SOUND_PARTS } from './world.ts';

const FOLDER = join(import.meta.dirname, 'scenarios');
/** Set to rewrite the expected outputs; read the difference before it is committed. */
const rewrite = process.env['SIM_REWRITE'] === '1';

/** The scenarios of the protocol's page that need what is built, by number and name. */
const SCENARIOS = [
  '01-expiry-crosses-set-xx',
  '02-expiry-two-clocks',
  '06-found-but-not-chosen',
  '07-second-try-forgets-first',
  '08-chain-answers-stale',
  '24-scan-skips',
  '25-birth-after-delete',
  '30-late-joiner',
  '31-one-fast-clock',
  'promise-forgotten',
];

/** Which broken rule each of them must notice. */
const GUARDS: readonly (readonly [scenario: string, defect: string])[] = [
  ['06-found-but-not-chosen', 'no-op-although-promises-differ'],
  ['07-second-try-forgets-first', 'second-try-forgets-first'],
  ['07-second-try-forgets-first', 'blind-retry'],
  ['25-birth-after-delete', 'blind-retry'],
  ['promise-forgotten', 'no-ceiling'],
];

function scenarioText(name: string): string {
  return readFileSync(join(FOLDER, `${name}.txt`), 'utf8');
}

describe('scenarios', () => {
  it('are all listed', () => {
    expect(
      readdirSync(FOLDER)
        .map((file) => file.replace(/\.txt$/, ''))
        .sort(),
    ).toEqual(SCENARIOS);
  });

  for (const name of SCENARIOS) {
    it(name, async () => {
      const text = scenarioText(name);
      const result = await runScenario(text, SOUND_PARTS);
      if (rewrite) writeFileSync(join(FOLDER, `${name}.txt`), result);
      else expect(result).toBe(text);
      expect(result).not.toContain('is not linearizable');
    });
  }

  for (const [name, defect] of GUARDS) {
    it(`${name} fails with ${defect}`, async () => {
      const parts = DEFECTS.get(defect);
      expect(parts).toBeDefined();
      if (parts !== undefined) expect(await runScenario(scenarioText(name), parts)).toContain('is not linearizable');
    });
  }
});
