import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../compat-tests/support/free-port.ts';
import { makeTempDir, startJunokv } from '../compat-tests/support/junokv-server.ts';
import { checkNothingReadable } from './plain-text.ts';
import { type Report, table } from './report.ts';
import { WriteLoad } from './write-load.ts';

const WRITERS = 8;
/** How long a load lasts from its first acknowledged write. */
const LOAD_MIN_MS = 300;
const LOAD_MAX_MS = 1_500;
/** On a machine that is busy with other things. */
const FIRST_WRITE_MS = 30_000;

/** `kill -9` of a whole one-process cluster during a write load, again and again on the same data. */
export async function killOneProcess(rounds: number, report: Report): Promise<void> {
  console.log(`\nOne process, killed (kill -9) under load ${rounds} times, ${WRITERS} writers\n`);
  const dir = makeTempDir('crash');
  const port = await freePort();
  const load = new WriteLoad(WRITERS);
  const rows: (string | number)[][] = [['round', 'acknowledged', 'unanswered', 'keys checked', 'lost', 'start ms']];
  const lost: string[] = [];
  const problems: string[] = [];
  let server = await startJunokv({ engine: 'rocksdb', dir, port });
  try {
    for (let round = 1; round <= rounds; round++) {
      load.start([port]);
      await load.untilAcknowledged(FIRST_WRITE_MS);
      await new Promise((resolve) => setTimeout(resolve, randomInt(LOAD_MIN_MS, LOAD_MAX_MS)));
      await server.process.kill();
      const written = await load.stop();
      const startMs = performance.now();
      server = await startJunokv({ engine: 'rocksdb', dir, port });
      const readyMs = performance.now() - startMs;
      const checked = await load.check(port);
      lost.push(...checked.lost);
      problems.push(...written.problems, ...written.sharedProblems);
      if (written.acknowledged === 0) problems.push(`round ${round}: nothing was acknowledged`);
      const row = [round, written.acknowledged, written.unanswered, checked.keysRead, checked.lost.length];
      rows.push([...row, Math.round(readyMs)]);
      console.log(`  round ${round}: ${written.acknowledged} acknowledged, ${checked.lost.length} lost`);
    }
    const { output } = server.process;
    await server.stop();
    console.log(`\n${table(rows)}\n`);
    report.check('every acknowledged write is there after kill -9, and none was done twice', lost);
    report.check('no error was answered before a kill', problems);
    checkNothingReadable(report, 'one process', [join(dir, 'data')], output);
  } finally {
    await server.process.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}
