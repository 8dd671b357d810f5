import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Report } from '../report.ts';
import { FULL, PARTS, type Part, runProduction, SHORT } from './production.ts';

const USAGE = `Usage: npm run test:production -- [--full] [--only ${PARTS.join('|')}] [--etcd-seconds N] [--minutes M] [--rate N] [--seed S]

  --full            takes about a quarter of an hour instead of three minutes
  --only            one part: rolling: every process restarted in turn; etcd: etcd killed; proxy: proxies killed;
                    compat: the compat suite through HAProxy; chaos: faults, through HAProxy
  --etcd-seconds N  how long etcd is dead (default ${SHORT.etcdSeconds}; with --full ${FULL.etcdSeconds})
  --minutes M       how long faults happen (default ${SHORT.chaosMinutes}; with --full ${FULL.chaosMinutes})
  --rate N          operations a second while they do (default ${SHORT.rate}; with --full ${FULL.rate})
  --seed S          which faults and which operations (default: another one each time)`;

function fail(message: string): never {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    'etcd-seconds': { type: 'string' },
    minutes: { type: 'string' },
    rate: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    help: { type: 'boolean' },
  },
});
if (values.help === true) {
  console.log(USAGE);
  process.exit(0);
}

function numberOf(name: 'etcd-seconds' | 'minutes' | 'rate' | 'seed', usual: number, min: number, max: number): number {
  const text = values[name];
  const value = text === undefined ? usual : Number(text);
  if (!(value >= min && value <= max)) fail(`--${name}: ${text} is not a number from ${min} to ${max}`);
  return value;
}

const usual = values.full ? FULL : SHORT;
const parts: readonly Part[] = values.only === undefined ? PARTS : PARTS.filter((part) => part === values.only);
if (parts.length === 0) fail(`--only: ${values.only}`);
const options = {
  ...usual,
  parts,
  etcdSeconds: numberOf('etcd-seconds', usual.etcdSeconds, 1, 86_400),
  chaosMinutes: numberOf('minutes', usual.chaosMinutes, 0.1, 1_440),
  rate: numberOf('rate', usual.rate, 1, 100_000),
  seed: Math.floor(numberOf('seed', 0, 0, Number.MAX_SAFE_INTEGER)),
};

// Leaving by process.exit ends all processes, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const report = new Report();
try {
  await runProduction(options, report);
} catch (error) {
  report.check('ran to its end', [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
}
console.log(`\n${report.summary}`);
process.exit(report.failed === 0 ? 0 : 1);
