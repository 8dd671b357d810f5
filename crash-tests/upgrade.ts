import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { Haproxy, hasHaproxy } from './haproxy.ts';
import { ReconnectingLoad } from './reconnecting-load.ts';
import { type Report, table } from './report.ts';

const RAISED = fileURLToPath(new URL('./raised/register.ts', import.meta.url));
const CLIENTS = 16;
const PROXIES = 2;
const NODES = 3;
const SHARDS = 64;
const STEADY_MS = 2_000;
/** As in rolling.ts: HAProxy takes a proxy back after two checks, and proxies a node after two quick answers. */
const BACK_MS = 2_500;
const LEARN_MS = 180_000;
const POLL_MS = 50;

/** What raised/register.ts writes. */
interface Counts {
  readonly marksSent: number;
  readonly marksLeftOut: number;
  readonly marksRead: number;
  readonly marksWrong: number;
  readonly probesAnswered: number;
  readonly probesKeptBack: number;
}

/** The launcher of the next version of the program. */
function nextVersion(parts: 'wire' | 'wire,disk', figures: string): readonly string[] {
  return ['env', `RAISED_PARTS=${parts}`, `RAISED_FIGURES=${figures}`, `NODE_OPTIONS=--import=${RAISED}`];
}

/** A cluster behind HAProxy under load, its steps counted one by one. */
class Run {
  readonly cluster: JunokvCluster;
  readonly failures: string[] = [];
  readonly #front: Haproxy;
  readonly #load: ReconnectingLoad;
  readonly #rows: (string | number)[][] = [['step', 'answered', 'reconnects', 'sent again', 'longest ms']];

  private constructor(cluster: JunokvCluster, front: Haproxy) {
    this.cluster = cluster;
    this.#front = front;
    this.#load = new ReconnectingLoad(CLIENTS, front.place);
    this.#load.start();
  }

  static async start(): Promise<Run> {
    const cluster = await JunokvCluster.start(PROXIES, { shards: SHARDS });
    try {
      return new Run(cluster, await Haproxy.start(cluster.proxyPorts, cluster.dir));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async step(name: string, act: () => Promise<void>): Promise<void> {
    await act();
    await pause(BACK_MS);
    const { answered, reconnects, repeated, longestMs, problems } = this.#load.takeFigures();
    this.#rows.push([name, answered, reconnects, repeated, Math.round(longestMs)]);
    this.failures.push(...problems.map((problem) => `${name}: ${problem}`));
    if (answered === 0) this.failures.push(`${name}: nothing was answered`);
    console.log(`  ${name}: ${answered} answered, ${reconnects} reconnects, ${repeated} sent again`);
  }

  async storage(node: number, launcher: readonly string[] = []): Promise<void> {
    await this.cluster.stopStorage(node);
    await this.cluster.startStorage(node, launcher);
  }

  async proxy(proxy: number, launcher: readonly string[] = []): Promise<void> {
    await this.cluster.stopProxy(proxy);
    await this.cluster.startProxy(proxy, launcher);
  }

  /** Ends the load and reports what every such run has to show. */
  async finish(report: Report, what: string): Promise<void> {
    await this.#load.stop();
    this.failures.push(...this.#load.takeFigures().problems);
    console.log(`\n${table(this.#rows)}\n`);
    report.check(`no request failed while ${what}`, this.failures);
    for (const [index, port] of this.cluster.proxyPorts.entries())
      report.check(`every acknowledged write is there, by proxy ${index + 1}`, await this.#load.check(port));
    report.check('no process ended by itself', [
      ...this.cluster.ended,
      ...(this.#front.exitText === null ? [] : ['haproxy']),
    ]);
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await this.#front.stop();
    await this.cluster.stop();
  }
}

/**
 * Every process becomes one of the next version, which speaks a protocol with more fields and requests, and then one of this
 * version again, proxies and nodes in turns, so that every pair of versions meets; clients write and read meanwhile.
 */
export async function upgradeInTurn(report: Report): Promise<void> {
  if (!isPossible('upgrade')) return;
  console.log(
    `\n${NODES} storage processes, ${PROXIES} proxies, HAProxy, ${CLIENTS} clients: to the next version and back\n`,
  );
  const run = await Run.start();
  const figures = join(run.cluster.dir, 'raised-figures');
  const next = nextVersion('wire', figures);
  try {
    await run.step('all old', () => pause(STEADY_MS));
    await run.step('storage 1 is new', () => run.storage(1, next));
    await run.step('proxy 1 is new', () => run.proxy(1, next));
    await run.step('storage 2 is new', () => run.storage(2, next));
    await run.step('proxy 2 is new', () => run.proxy(2, next));
    await run.step('storage 3 is new', () => run.storage(3, next));
    await run.step('all new', () => pause(STEADY_MS));
    await run.step('proxy 1 is old', () => run.proxy(1));
    await run.step('storage 1 is old', () => run.storage(1));
    await run.step('storage 2 is old', () => run.storage(2));
    await run.step('proxy 2 is old', () => run.proxy(2));
    await run.step('storage 3 is old', () => run.storage(3));
    await run.finish(report, 'every process changed to the next version and back');
    report.check('old and new spoke as both understand, new and new as only they do', unlikely(readCounts(figures)));
  } finally {
    await run.stop();
  }
}

function readCounts(figures: string): Counts[] {
  if (!existsSync(figures)) return [];
  return readFileSync(figures, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Counts => JSON.parse(line));
}

/** What the processes of the next version cannot have done if this was the test that it should be. */
function unlikely(all: readonly Counts[]): string[] {
  const total = (name: keyof Counts): number => all.reduce((sum, counts) => sum + counts[name], 0);
  const problems: string[] = [];
  // More: a start that tests the native parts does so in a process of its own.
  if (all.length < NODES + PROXIES) problems.push(`${all.length} processes of the next version told their counts`);
  if (total('marksWrong') > 0) problems.push(`${total('marksWrong')} new fields were not what was sent`);
  for (const name of ['marksSent', 'marksLeftOut', 'marksRead', 'probesAnswered', 'probesKeptBack'] as const) {
    console.log(`  ${name}: ${total(name)}`);
    if (total(name) === 0) problems.push(`${name}: none`);
  }
  return problems;
}

/**
 * The next version has another format on the disk, too: the storage nodes change to it, and go back as docs/operations.md says
 * that it is done, each with an empty directory.
 */
export async function goBackToOldDisks(report: Report): Promise<void> {
  if (!isPossible('upgrade of disks')) return;
  console.log(
    `\n${NODES} storage processes, ${PROXIES} proxies, HAProxy, ${CLIENTS} clients: a new disk format, and back\n`,
  );
  const run = await Run.start();
  const { cluster } = run;
  const next = nextVersion('wire,disk', join(cluster.dir, 'raised-figures'));
  const notRefused: string[] = [];
  try {
    await run.step('all old', () => pause(STEADY_MS));
    for (let node = 1; node <= NODES; node++) await run.step(`storage ${node} is new`, () => run.storage(node, next));
    for (let node = NODES; node >= 1; node--) {
      await run.step(`storage ${node} is old, and empty`, async () => {
        const said = await refusalOf(run, node);
        if (!/\.json has format 3, this program reads format 1 to 2/.test(said)) notRefused.push(said);
        renameSync(cluster.dataDir(node), `${cluster.dataDir(node)}-new`);
        const before = incarnationOf(cluster, node);
        await cluster.startStorage(node, []);
        if (!(await within(LEARN_MS, () => incarnationOf(cluster, node) !== before && !isMoving(cluster))))
          run.failures.push(`storage ${node} did not learn within ${LEARN_MS / 1000} s`);
        rmSync(`${cluster.dataDir(node)}-new`, { recursive: true });
      });
    }
    await run.finish(report, 'the disks changed to the next format and back');
    report.check('the old program refuses a directory of the new format, and names the file', notRefused);
  } finally {
    await run.stop();
  }
}

/** What the program of this version says when it is started with the directory that the next version has used. */
async function refusalOf(run: Run, node: number): Promise<string> {
  await run.cluster.stopStorage(node);
  try {
    await run.cluster.startStorage(node, []);
    return `storage ${node} started with a directory of the next version`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface MapFile {
  readonly map: {
    readonly zones: readonly { readonly nodes: readonly { readonly id: number; readonly incarnation: string }[] }[];
    readonly moves?: readonly string[];
  };
}

function readMap(cluster: JunokvCluster): MapFile['map'] {
  const file: MapFile = JSON.parse(readFileSync(join(cluster.dir, 'cluster-map.json'), 'utf8'));
  return file.map;
}

/** Changes when the node has entered itself anew, to learn its shards. */
function incarnationOf(cluster: JunokvCluster, node: number): string {
  const nodes = readMap(cluster).zones.flatMap((zone) => zone.nodes);
  return nodes.find(({ id }) => id === node)?.incarnation ?? '';
}

function isMoving(cluster: JunokvCluster): boolean {
  return (readMap(cluster).moves ?? []).length > 0;
}

function isPossible(what: string): boolean {
  if (!hasHaproxy()) console.log(`\n${what}: left out, this machine has no haproxy\n`);
  return hasHaproxy();
}

async function within(ms: number, done: () => boolean): Promise<boolean> {
  for (let untilMs = performance.now() + ms; performance.now() < untilMs; await pause(POLL_MS)) if (done()) return true;
  return done();
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
