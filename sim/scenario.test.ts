import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFECTS } from './defects.ts';
import { runScenario } from './scenario.ts';
import { failsScenario, GUARDS, SCENARIO_FOLDER, scenarioText, UNEXPLAINED } from './scenario-files.ts';
import { SOUND_PARTS } from './world.ts';

/** Set to rewrite the expected outputs; read the difference before it is committed. */
const rewrite = process.env['SIM_REWRITE'] === '1';

/** The scenarios of the protocol's page that need what is built, by number and name, and some of our own. */
const SCENARIOS = [
  '01-expiry-crosses-set-xx',
  '02-expiry-two-clocks',
  '03-purge-of-expired-live',
  '04-purge-floor-lost',
  '04-purge-floor-restart',
  '05-absent-is-no-proof',
  '06-found-but-not-chosen',
  '07-second-try-forgets-first',
  '08-chain-answers-stale',
  '09-joint-counts-old-alone',
  '09-joint-reads-old-alone',
  '10-joint-promise-dropped',
  '11-stale-side-serves',
  '12-learner-takes-highest',
  '13-purge-during-move',
  '14-restamped-commit',
  '15-ballot-zero-under-floor',
  '16-t-already-gone',
  '17-refused-coordinator-commits',
  '18-one-read-round',
  '18-prepare-is-no-snapshot',
  '19-purge-drops-promise',
  '20-learner-keeps-old-data',
  '21-flush-unfenced',
  '22-money-moved-twice',
  '23-purge-under-intent',
  '24-scan-skips',
  '25-birth-after-delete',
  '26-t-dead-is-no-answer',
  '27-learner-forgets-promise',
  '28-flush-settles-late',
  '29-intent-pages-missed',
  '30-late-joiner',
  '31-one-fast-clock',
  'amnesic-node-votes',
  'copy-across-epochs',
  'learner-copies-from-one',
  'pages-outlast-deadline',
  'promise-evicted',
  'promise-forgotten',
  'purge-queue-without-all',
  'purge-without-all-replicas',
  'swap-under-intent',
  'swap-unfenced',
  't-deleted-early',
];

describe('scenarios', () => {
  it('are all listed', () => {
    expect(
      readdirSync(SCENARIO_FOLDER)
        .map((file) => file.replace(/\.txt$/, ''))
        .sort(),
    ).toEqual(SCENARIOS);
  });

  for (const name of SCENARIOS) {
    it(name, async () => {
      const text = scenarioText(name);
      const result = await runScenario(text, SOUND_PARTS);
      if (rewrite) writeFileSync(join(SCENARIO_FOLDER, `${name}.txt`), result);
      else expect(result).toBe(text);
      expect(result).not.toMatch(UNEXPLAINED);
    });
  }

  for (const [name, defect] of GUARDS) {
    it(`${name} fails with ${defect}`, async () => {
      const parts = DEFECTS.get(defect);
      expect(parts).toBeDefined();
      if (parts !== undefined) expect(await failsScenario(name, parts)).toBe(true);
    });
  }
});
