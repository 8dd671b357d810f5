import { writeFileSync } from 'node:fs';
import { redisServerVersion } from '../compat-tests/support/redis-server.ts';
import { describeMachine } from './machine.ts';
import { measureLoad, measureRedisBenchmark } from './measure.ts';
import { readOptions } from './options.ts';
import { markdownNotes, markdownTable, toRows } from './results.ts';
import { type System, type SystemName, startSystem } from './systems.ts';

const NAMES: readonly SystemName[] = ['redis', 'junokv-1-process', 'junokv-3-storage-1-proxy', 'redis-2-replicas'];

// Leaving by process.exit ends the servers, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const options = readOptions(process.argv.slice(2));
const redis = redisServerVersion();
if (!redis.ok) {
  console.error(`Nothing to compare with: ${redis.reason}.`);
  process.exit(1);
}
const machine = describeMachine();
const startMs = performance.now();
const systems: System[] = [];
try {
  for (const name of NAMES) {
    console.error(`starting ${name}`);
    systems.push(await startSystem(name));
  }
  const measured = [...(await measureRedisBenchmark(systems, options)), ...(await measureLoad(systems, options))];
  const rows = toRows(measured);
  console.log(`\n${markdownTable(rows)}\n\n${markdownNotes(machine, NAMES)}`);
  if (options.jsonFile !== null) {
    writeFileSync(options.jsonFile, `${JSON.stringify({ machine, options, rows, measured }, null, 2)}\n`);
    console.error(`figures written to ${options.jsonFile}`);
  }
  console.error(`done in ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
} finally {
  for (const system of systems) await system.stop();
}
