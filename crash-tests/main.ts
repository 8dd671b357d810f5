import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { readProcessorTimes, stolenBetween } from '../compat-tests/support/processor-times.ts';
import { backUpUnderLoad } from './backup-under-load.ts';
import { crowdConnections } from './connections.ts';
import { killEtcd, moveToEtcd } from './etcd.ts';
import { expireUnderLoad } from './expiring-load.ts';
import { importLive } from './import.ts';
import { runJunoClients } from './juno-clients.ts';
import { changeKeys } from './keys.ts';
import { changeMembers } from './members.ts';
import { killOneProcess } from './one-process.ts';
import { runProduction, SHORT, STEADY_PARTS } from './production/production.ts';
import { relearnUnderLoad } from './relearn.ts';
import { Report, table } from './report.ts';
import { restartInTurn } from './rolling.ts';
import { killStorageProcesses } from './separate-processes.ts';
import { serveOverTls } from './tls.ts';
import { goBackToOldDisks, upgradeInTurn } from './upgrade.ts';

const USAGE = `Usage: npm run test:crash -- [--rounds N] [--megabytes N] [--keys N] [--minutes M] [--only one|separate|juno|members|backup|ttl|relearn|rolling|upgrade|etcd|tls|keys|connections|import|production] [--etcd-seconds N]

  --rounds N      how often the one-process cluster is killed (default 20)
  --megabytes N   what the cluster holds while its members change (default 32)
  --keys N        keys of the Redis that is imported live (default 50000; 1000000 takes some twenty minutes)
  --minutes M     leaves out rolling, which production contains, where so many minutes are over by then (default: never)
  --only          one: only the one-process cluster; separate: only the separate processes;
                  juno: only the clients of JUNO.* commands through failing connections;
                  members: only changes of members under load; backup: only backups under load;
                  ttl: only keys that expire; relearn: only disks that are lost or damaged;
                  rolling: only the restart of every process in turn, behind HAProxy;
                  upgrade: only the change of every process in turn to the next version and back, likewise;
                  etcd: only the death and return of etcd, and the move to it; tls: only processes that speak TLS;
                  keys: only new encryption keys under load;
                  connections: only 15,000 clients that come, stay and go together;
                  import: only the live import of a Redis;
                  production: only the short form of npm run test:production, without its faults
  --etcd-seconds N  how long etcd is dead (default 10)`;

function fail(message: string): never {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    megabytes: { type: 'string', default: '32' },
    keys: { type: 'string', default: '50000' },
    minutes: { type: 'string' },
    only: { type: 'string' },
    'etcd-seconds': { type: 'string', default: '10' },
    help: { type: 'boolean' },
  },
});
if (values.help === true) {
  console.log(USAGE);
  process.exit(0);
}
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 10_000)
  fail(`--rounds: ${values.rounds} is no number of rounds`);
const megabytes = Number(values.megabytes);
if (!Number.isInteger(megabytes) || megabytes < 1 || megabytes > 100_000)
  fail(`--megabytes: ${values.megabytes} is no number of megabytes`);
const keys = Number(values.keys);
if (!Number.isInteger(keys) || keys < 1_000 || keys > 10_000_000) fail(`--keys: ${values.keys} is no number of keys`);
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
if (!(minutes >= 0)) fail(`--minutes: ${values.minutes} is no number of minutes`);
const etcdSeconds = Number(values['etcd-seconds']);
if (!Number.isInteger(etcdSeconds) || etcdSeconds < 1 || etcdSeconds > 86_400)
  fail(`--etcd-seconds: ${values['etcd-seconds']} is no number of seconds`);
if (
  values.only !== undefined &&
  ![
    'one',
    'separate',
    'juno',
    'members',
    'backup',
    'ttl',
    'relearn',
    'rolling',
    'upgrade',
    'etcd',
    'tls',
    'keys',
    'connections',
    'import',
    'production',
  ].includes(values.only)
)
  fail(`--only: ${values.only}`);

// Leaving by process.exit ends the servers, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const report = new Report();
const seconds: (string | number)[][] = [['part', 'seconds']];
let skipped = 0;
for (const [part, run] of [
  ['one', () => killOneProcess(rounds, report)],
  ['separate', () => killStorageProcesses(report)],
  ['juno', () => runJunoClients(report)],
  ['members', () => changeMembers(megabytes, report)],
  ['backup', () => backUpUnderLoad(report)],
  ['ttl', () => expireUnderLoad(report)],
  ['relearn', () => relearnUnderLoad(report)],
  ['upgrade', () => upgradeInTurn(report)],
  ['upgrade', () => goBackToOldDisks(report)],
  ['etcd', () => killEtcd(etcdSeconds, report)],
  ['etcd', () => moveToEtcd(report)],
  ['tls', () => serveOverTls(report)],
  ['keys', () => changeKeys(report)],
  ['connections', () => crowdConnections(report)],
  ['import', () => importLive(keys, report)],
  // Without faults: npm run chaos is for those.
  ['production', () => runProduction({ ...SHORT, parts: STEADY_PARTS, seed: randomInt(1_000_000) }, report)],
  // Production does the same and more.
  ['rolling', () => restartInTurn(report)],
] as const) {
  if (values.only !== undefined && values.only !== part) continue;
  const startedMs = performance.now();
  if (part === 'rolling' && startedMs >= minutes * 60_000) {
    console.log(`\nrolling: left out, the ${minutes} minutes are over, and production contains it\n`);
    skipped += 1;
    continue;
  }
  const failedBefore = report.failed;
  const timesBefore = readProcessorTimes();
  try {
    await run();
  } catch (error) {
    report.check(`${part}: ran to its end`, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
  }
  seconds.push([part, Math.round((performance.now() - startedMs) / 1_000)]);
  if (report.failed > failedBefore) {
    const stolen = Math.round(100 * stolenBetween(timesBefore, readProcessorTimes()));
    console.log(`  ${part} has FAILED while other machines of the host had ${stolen} % of the processors`);
  }
}
console.log(`\n${table(seconds)}`);
console.log(`\n${report.summary}${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(report.failed === 0 ? 0 : 1);
