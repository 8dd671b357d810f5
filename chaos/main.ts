import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Report } from '../crash-tests/report.ts';
import { runFullDisk } from './full-disk.ts';
import { runStorm } from './storm.ts';

const USAGE = `Usage: npm run chaos -- [--minutes M] [--seed S] [--rate N] [--only storm|full-disk] [--verbose]

  --minutes M  how long faults happen (default 2)
  --seed S     which faults and which operations (default: another one each time)
  --rate N     operations a second, of all clients (default 700)
  --only       storm: only the faults; full-disk: only the disks that fill up
  --verbose    a line for each fault`;

function fail(message: string): never {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!(value >= min && value <= max)) fail(`--${name}: ${text} is not a number from ${min} to ${max}`);
  return value;
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    rate: { type: 'string', default: '700' },
    only: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
if (values.help === true) {
  console.log(USAGE);
  process.exit(0);
}
const minutes = numberOf('minutes', values.minutes, 0.1, 1_440);
const seed = Math.floor(numberOf('seed', values.seed, 0, Number.MAX_SAFE_INTEGER));
if (values.only !== undefined && !['storm', 'full-disk'].includes(values.only)) fail(`--only: ${values.only}`);
const rate = numberOf('rate', values.rate, 1, 100_000);

// Leaving by process.exit ends the servers, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const report = new Report();
for (const [part, run] of [
  ['storm', () => runStorm({ seed, minutes, rate, isVerbose: values.verbose }, report)],
  ['full-disk', () => runFullDisk(report)],
] as const) {
  if (values.only !== undefined && values.only !== part) continue;
  try {
    await run();
  } catch (error) {
    report.check(`${part}: ran to its end`, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
  }
}
console.log(`\n${report.summary}`);
process.exit(report.failed === 0 ? 0 : 1);
