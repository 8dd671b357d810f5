import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { BulkData } from './bulk-data.ts';
import { type Report, table } from './report.ts';
import { WriteLoad } from './write-load.ts';

const ZONES = 3;
/** With few data fewer shards, so that the test is not about changes of the map alone. */
const SHARDS = 1_024;
const FEW_SHARDS = 256;
const FEW_MEGABYTES = 256;
const PROXIES = 2;
const WRITERS = 4;
const STEADY_MS = 4_000;
/** Of one change, at the least; with much data a quarter of an hour for each gigabyte. */
const CHANGE_MS = 120_000;
const CHANGE_MS_PER_MEGABYTE = 1_000;
const MIB = 1_048_576;
const GIB = 1_024 * MIB;

/** Shard to node, zone by zone. */
type Placements = readonly (readonly number[])[];

interface Plan {
  readonly moved: number;
  readonly leastMoves: number;
}

/** Members change under write load: the cluster grows, shrinks, and gets other nodes in the place of a living and a dead one. */
export async function changeMembers(megabytes: number, report: Report): Promise<void> {
  console.log(
    `\n${ZONES} zones, ${PROXIES} proxies, ${WRITERS} writers, ${megabytes} MB of other keys: members change under load\n`,
  );
  const shards = megabytes < FEW_MEGABYTES ? FEW_SHARDS : SHARDS;
  const cluster = await JunokvCluster.start(PROXIES, { shards });
  const test = new MembersTest(cluster, megabytes, shards);
  try {
    await test.run();
    test.judge(report);
  } finally {
    await cluster.stop();
  }
}

class MembersTest {
  readonly #cluster: JunokvCluster;
  readonly #shards: number;
  readonly #bulk: BulkData;
  readonly #load = new WriteLoad(WRITERS);
  readonly #timeoutMs: number;
  readonly #rows: (string | number)[][] = [
    [
      'change',
      'shards moved',
      'least',
      'MB moved',
      'seconds',
      'seconds per GB',
      'acknowledged',
      'errors',
      'p99 ms',
      'longest ms',
    ],
  ];
  readonly #failures: string[] = [];
  readonly #contended: string[] = [];
  readonly #moves: string[] = [];
  #lost: readonly string[] = [];
  #unanswered = 0;
  #lastNode = ZONES;

  constructor(cluster: JunokvCluster, megabytes: number, shards: number) {
    this.#cluster = cluster;
    this.#shards = shards;
    this.#bulk = new BulkData(megabytes);
    this.#timeoutMs = CHANGE_MS + megabytes * CHANGE_MS_PER_MEGABYTE;
  }

  async run(): Promise<void> {
    const [port = 0] = this.#cluster.proxyPorts;
    await this.#bulk.write(port);
    this.#load.start(this.#cluster.proxyPorts);
    await pause(STEADY_MS);
    this.#takeFigures('none', ['', '', '', '', '']);
    await this.#grow('3 x 1 to 3 x 2', ZONES * (this.#shards / 2));
    await this.#grow('3 x 2 to 3 x 3', ZONES * Math.floor(this.#shards / 3));
    await this.#shrink('3 x 3 to 3 x 1', [4, 5, 6, 7, 8, 9], ZONES * Math.floor((2 * this.#shards) / 3));
    await this.#replace('a living node replaced', 1, true);
    await this.#replace('a dead node replaced', 2, false);
    const rest = await this.#load.stop();
    this.#unanswered = rest.unanswered;
    const lost: string[] = [];
    for (const proxy of this.#cluster.proxyPorts) lost.push(...(await this.#load.check(proxy)).lost);
    lost.push(...(await this.#bulk.check(port)));
    this.#lost = lost;
  }

  judge(report: Report): void {
    console.log(`\n${table(this.#rows)}\n`);
    report.check('no request failed while members changed', this.#failures);
    report.check('nor one on keys that both proxies write at once', this.#contended);
    report.check('no connection to a proxy was lost', this.#unanswered === 0 ? [] : [`${this.#unanswered} unanswered`]);
    report.check('every acknowledged write is there, by either proxy, and none was done twice', this.#lost);
    report.check('no more shards moved than had to', this.#moves);
    report.check('no process ended by itself', this.#cluster.ended);
  }

  /** One more node for every zone. */
  async #grow(name: string, leastMoves: number): Promise<void> {
    const ports = await freePorts(ZONES);
    const addresses = ports.map((port) => `127.0.0.1:${port}`).join(',');
    const nodes = ports.map(() => ++this.#lastNode);
    await this.#change(name, ['--add-nodes-to-every-zone', addresses], nodes, leastMoves);
  }

  async #shrink(name: string, nodes: readonly number[], leastMoves: number): Promise<void> {
    await this.#change(name, ['--remove-node', nodes.join(',')], [], leastMoves);
    for (const node of nodes) await this.#cluster.stopStorage(node);
  }

  async #replace(name: string, node: number, isAlive: boolean): Promise<void> {
    if (!isAlive) {
      await this.#cluster.killStorage(node);
      // Its zone is missed already, and not by the change.
      await pause(STEADY_MS);
      this.#takeFigures('none, a node dead', ['', '', '', '', '']);
    }
    const [port = 0] = await freePorts(1);
    const heir = ++this.#lastNode;
    await this.#change(name, ['--replace-node', `${node}=127.0.0.1:${port}`], [heir], this.#shards);
    await this.#cluster.stopStorage(node);
  }

  /** Plans and applies a change, starts the nodes that it adds, and waits for its end. */
  async #change(name: string, options: readonly string[], nodes: readonly number[], least: number): Promise<void> {
    const before = this.#placements();
    const plan = await this.#plan(options);
    const startMs = performance.now();
    const apply = this.#cluster.command(['cluster', 'apply', ...options, '--yes']);
    await apply.waitUntilReady(async () => this.#knowsNodes(nodes), this.#timeoutMs);
    for (const node of nodes) await this.#cluster.startStorage(node);
    await apply.waitUntilDone(this.#timeoutMs);
    const seconds = (performance.now() - startMs) / 1_000;
    const moved = countMoves(before, this.#placements());
    if (moved !== least || plan.moved !== least || plan.leastMoves !== least) {
      this.#moves.push(
        `${name}: ${moved} moved, ${plan.moved} planned, ${plan.leastMoves} at least; it should be ${least}`,
      );
    }
    const bytes = (moved * this.#bulk.bytes) / this.#shards;
    const perGb = ((seconds * GIB) / bytes).toFixed(1);
    this.#takeFigures(name, [moved, least, Math.round(bytes / MIB), seconds.toFixed(1), perGb]);
  }

  async #plan(options: readonly string[]): Promise<Plan> {
    const command = this.#cluster.command(['cluster', 'plan', ...options, '--json']);
    await command.waitUntilDone(this.#timeoutMs);
    return JSON.parse(command.output).plan;
  }

  #takeFigures(name: string, figures: readonly (string | number)[]): void {
    const { acknowledged, errors, sharedErrors, p99Ms, longestMs, problems, sharedProblems } = this.#load.takeFigures();
    this.#rows.push([name, ...figures, acknowledged, errors + sharedErrors, p99Ms.toFixed(1), Math.round(longestMs)]);
    this.#failures.push(...problems.map((problem) => `${name}: ${problem}`));
    this.#contended.push(...sharedProblems.map((problem) => `${name}: ${problem}`));
    if (acknowledged === 0) this.#failures.push(`${name}: nothing was acknowledged`);
    const seconds = figures[3] === '' ? '' : ` in ${figures[3]} s`;
    const all = errors + sharedErrors;
    console.log(`  ${name}${seconds}: ${acknowledged} acknowledged, ${all} errors, p99 ${p99Ms.toFixed(1)} ms`);
  }

  #zones(): { readonly nodes: readonly { readonly id: number }[]; readonly placement: string }[] {
    return JSON.parse(readFileSync(join(this.#cluster.dir, 'cluster-map.json'), 'utf8')).map.zones;
  }

  #knowsNodes(nodes: readonly number[]): boolean {
    const known = this.#zones().flatMap((zone) => zone.nodes.map(({ id }) => id));
    return nodes.every((node) => known.includes(node));
  }

  #placements(): Placements {
    return this.#zones().map((zone) => zone.placement.split(' ').flatMap(expandRun));
  }
}

/** "4*3" is 4 4 4. */
function expandRun(run: string): number[] {
  const [node, count = '1'] = run.split('*');
  return new Array<number>(Number(count)).fill(Number(node));
}

function countMoves(before: Placements, after: Placements): number {
  return before.reduce(
    (sum, zone, index) => sum + zone.filter((node, shard) => node !== after[index]?.[shard]).length,
    0,
  );
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
