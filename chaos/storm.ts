import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from '../compat-tests/support/place.ts';
import { type Report, table } from '../crash-tests/report.ts';
import { SimRandom } from '../sim/sim-random.ts';
import { ChaosCluster } from './chaos-cluster.ts';
import { ChaosClient, openConnection, Tally } from './clients.ts';
import { FaultDriver } from './fault-driver.ts';
import { Judge } from './judge.ts';
import { OperationDraw } from './key-commands.ts';
import { KeyPool } from './key-pool.ts';
import { passMs } from './node-faults.ts';
import { Transfers } from './transfers.ts';

export const NODES_PER_ZONE = 2;
export const PROXIES = 2;
const CLIENTS = 16;
const RESERVE_BYTES = 67_108_864;
/** One in each zone. */
export const SMALL_DISKS = { nodes: [1, 3, 5], bytes: 536_870_912, reserveBytes: RESERVE_BYTES } as const;
const PROGRESS_MS = 10_000;
/** Of the operations, so many are transactions: each costs several times as much as a command. */
const TRANSACTION_SHARE = 0.1;
/** Of operations, at most so many may end without it being known whether they took effect. */
const UNCERTAIN_MOST = 0.01;
/** ... or be refused. */
const UNAVAILABLE_MOST = 0.01;

export interface StormOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Operations a second, of all clients. */
  readonly rate: number;
  /** A line for each fault. */
  readonly isVerbose: boolean;
}

/** Clients at work on a cluster whose parts fail one after the other, and what is wrong with what they were told. */
export async function runStorm(options: StormOptions, report: Report): Promise<void> {
  const { seed, minutes } = options;
  console.log(`\nFaults for ${minutes} minutes, --seed ${seed}: 3 zones of 2 storage processes, 2 proxies\n`);
  const shape = { nodesPerZone: NODES_PER_ZONE, proxies: PROXIES, smallDisks: SMALL_DISKS };
  const cluster = await ChaosCluster.start(shape);
  try {
    await stormOver(cluster, cluster.proxyPlaces, options, report);
  } finally {
    await cluster.stop();
  }
}

/** The same on a cluster that goes on afterwards; its small disks, if any, are SMALL_DISKS. Clients have a connection to each place. */
export async function stormOver(
  cluster: ChaosCluster,
  places: readonly Place[],
  options: StormOptions,
  report: Report,
): Promise<void> {
  const { seed, minutes, rate } = options;
  const directory = join(tmpdir(), `junokv-chaos-seed-${seed}`);
  const judge = new Judge(directory);
  const tally = new Tally();
  const pool = new KeyPool(new SimRandom(seed, 'keys'), (history) => judge.submit(history));
  const draw = new OperationDraw(new SimRandom(seed, 'operations'));
  let operations = 0;
  const nextId = (): number => ++operations;
  const transfers = new Transfers({ seed, places, rate: rate * TRANSACTION_SHARE, directory, nextId });
  const rateEach = (rate * (1 - TRANSACTION_SHARE)) / CLIENTS;
  const common = { seed, places, pool, tally, draw, rate: rateEach, nextId };
  const clients = Array.from({ length: CLIENTS }, (_, i) => new ChaosClient({ ...common, number: i + 1 }));
  const randoms = { nodes: new SimRandom(seed, 'node faults'), proxies: new SimRandom(seed, 'proxy faults') };
  const startMs = performance.now();
  const seconds = (): string => ((performance.now() - startMs) / 1_000).toFixed(0).padStart(4);
  const note = (text: string): void => {
    if (options.isVerbose) console.log(`${seconds()} s  ${text}`);
  };
  const driver = new FaultDriver(cluster, randoms, RESERVE_BYTES, note);
  const progress = setInterval(() => {
    const perSecond = Math.round(tally.takeAnswered() / (PROGRESS_MS / 1_000));
    console.log(
      `${seconds()} s  ${driver.total} faults, ${shares(tally)}, ${perSecond}/s, ${judge.histories} histories`,
    );
  }, PROGRESS_MS);
  try {
    for (const client of clients) client.start();
    transfers.start();
    driver.start();
    await passMs(minutes * 60_000);
    await driver.stop();
    await passMs(1_000);
    await Promise.all(clients.map((client) => client.stop()));
    await transfers.stop();
    pool.finish();
    await judge.finish();
    await audit([...new Set([...cluster.proxyPlaces, ...places])], clients);
    show(driver, tally, judge, cluster);
    console.log(`  ${transfers.summary}\n`);
    check(report, { driver, tally, judge, cluster, clients });
    transfers.check(report);
  } finally {
    clearInterval(progress);
  }
}

function shares({ operations, uncertain, unavailable }: Tally): string {
  const share = (count: number): string => `${((100 * count) / Math.max(1, operations)).toFixed(3)} %`;
  return `${operations} operations, ${share(uncertain)} uncertain, ${share(unavailable)} refused`;
}

/** All faults are over: every balance is read, at each place. */
async function audit(places: readonly Place[], clients: readonly ChaosClient[]): Promise<void> {
  for (const place of places) {
    const connection = openConnection(place);
    await new Promise((resolve) => connection.once('ready', resolve));
    for (const account of clients.flatMap(({ accounts }) => accounts)) {
      account.audit(Number((await connection.get(account.name)) ?? 0));
    }
    connection.disconnect();
  }
}

function show(driver: FaultDriver, tally: Tally, judge: Judge, cluster: ChaosCluster): void {
  const faults = [...driver.counts].sort(([a], [b]) => (a < b ? -1 : 1));
  console.log(`\n${table([['fault', 'times'], ...faults, ['all', driver.total]])}\n`);
  if (cluster.nodes.every(({ disk }) => disk === null))
    console.log('  skipped: full disks, for lack of the right to mount\n');
  const errors = [...tally.errors].sort(([, a], [, b]) => b - a);
  if (errors.length > 0) console.log(`${table([['error', 'times'], ...errors])}\n`);
  console.log(`  ${shares(tally)}`);
  console.log(
    `  longest operation ${tally.longestMs.toFixed(0)} ms, longest time without any answer ${tally.longestSilenceMs.toFixed(0)} ms`,
  );
  console.log(`  ${judge.histories} histories of keys, ${judge.undecided} with too many possibilities\n`);
}

interface Outcome {
  readonly driver: FaultDriver;
  readonly tally: Tally;
  readonly judge: Judge;
  readonly cluster: ChaosCluster;
  readonly clients: readonly ChaosClient[];
}

function check(report: Report, { driver, tally, judge, cluster, clients }: Outcome): void {
  const accounts = clients.flatMap((client) => client.accounts);
  const paid = accounts.reduce((sum, account) => sum + account.acknowledged, 0);
  const open = accounts.reduce((sum, account) => sum + account.uncertain, 0);
  report.check('the operations on each key have an order that explains every answer', judge.violations);
  report.check(
    'nearly all histories could be decided',
    judge.undecided * 100 > judge.histories ? [`${judge.undecided} of ${judge.histories} were not`] : [],
  );
  report.check(
    `the accounts add up: ${paid} acknowledged, ${open} uncertain`,
    accounts.flatMap(({ problems }) => problems),
  );
  report.check('no error that no fault explains', tally.problems);
  report.check(
    `less than ${UNCERTAIN_MOST * 100} % uncertain`,
    tally.uncertain >= tally.operations * UNCERTAIN_MOST ? [shares(tally)] : [],
  );
  report.check(
    `less than ${UNAVAILABLE_MOST * 100} % refused`,
    tally.unavailable >= tally.operations * UNAVAILABLE_MOST ? [shares(tally)] : [],
  );
  report.check('no process ended by itself, and all came back', [...cluster.ended, ...driver.problems]);
}
