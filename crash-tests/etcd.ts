import { RunningEtcd } from '../compat-tests/support/etcd-server.ts';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { checkNothingReadable } from './plain-text.ts';
import { type Report, table } from './report.ts';
import { WriteLoad } from './write-load.ts';

const WRITERS = 6;
/** Two that the writers use, and one that nobody is connected to while it is started again. */
const PROXIES = 3;
const WRITTEN_TO = 2;
const SHARDS = 64;
const STEADY_MS = 3_000;
const BACK_MS = 4_000;
const CHANGE_MS = 180_000;

interface Status {
  readonly epoch: number;
  readonly nodes: readonly { readonly id: number; readonly state: string }[];
  readonly moves: number;
  readonly goals: number;
  readonly registered: readonly { readonly role: string; readonly node: number | null; readonly pid: number }[];
}

/**
 * A cluster whose map is in etcd, under write load, while etcd is dead for `downSeconds` (`kill -9`) and comes back on its data. A
 * storage node and a proxy are started again meanwhile; afterwards a node is replaced.
 */
export async function killEtcd(downSeconds: number, report: Report): Promise<void> {
  console.log(
    `\n3 storage processes, ${PROXIES} proxies, ${WRITERS} writers; etcd killed (kill -9) for ${downSeconds} s\n`,
  );
  const etcd = await RunningEtcd.start();
  try {
    const cluster = await JunokvCluster.start(PROXIES, { shards: SHARDS, etcd: etcd.url });
    try {
      const test = new EtcdTest(etcd, cluster);
      await test.run(downSeconds * 1_000);
      test.judge(report);
    } finally {
      await cluster.stop();
    }
  } finally {
    await etcd.stop();
  }
}

/** A cluster moves from its file to etcd under write load: every process but the proxies that are written to is started again. */
export async function moveToEtcd(report: Report): Promise<void> {
  console.log(`\n3 storage processes, ${PROXIES} proxies, ${WRITERS} writers; their map moves from a file to etcd\n`);
  const etcd = await RunningEtcd.start();
  try {
    const cluster = await JunokvCluster.start(PROXIES, { shards: SHARDS });
    try {
      const test = new EtcdTest(etcd, cluster);
      await test.runMove();
      test.judge(report);
    } finally {
      await cluster.stop();
    }
  } finally {
    await etcd.stop();
  }
}

class EtcdTest {
  readonly #etcd: RunningEtcd;
  readonly #cluster: JunokvCluster;
  readonly #load = new WriteLoad(WRITERS);
  readonly #rows: (string | number)[][] = [['phase', 'acknowledged', 'errors', 'p99 ms', 'longest ms']];
  readonly #failures: string[] = [];
  readonly #contended: string[] = [];
  readonly #recovery: string[] = [];
  #lost: readonly string[] = [];
  #unanswered = 0;

  constructor(etcd: RunningEtcd, cluster: JunokvCluster) {
    this.#etcd = etcd;
    this.#cluster = cluster;
  }

  async run(downMs: number): Promise<void> {
    const cluster = this.#cluster;
    this.#load.start(cluster.proxyPorts.slice(0, WRITTEN_TO));
    await pause(STEADY_MS);
    this.#takeFigures('all there');
    await this.#etcd.kill();
    const killedMs = performance.now();
    await pause(STEADY_MS);
    this.#takeFigures('etcd dead');
    await cluster.killStorage(2);
    await cluster.startStorage(2);
    this.#takeFigures('a storage node started again');
    await cluster.killProxy(PROXIES);
    await cluster.startProxy(PROXIES);
    await pause(Math.max(STEADY_MS, downMs - (performance.now() - killedMs)));
    this.#takeFigures('a proxy started again, etcd still dead');
    await this.#etcd.startAgain();
    await pause(BACK_MS);
    this.#takeFigures('etcd back');
    this.#judgeStatus(await this.#status(), [1, 2, 3]);
    await this.#replaceNode();
    this.#takeFigures('a node replaced');
    this.#judgeStatus(await this.#status(), [1, 3, 4]);
    const rest = await this.#load.stop();
    this.#unanswered = rest.unanswered;
    const lost: string[] = [];
    for (const port of cluster.proxyPorts) lost.push(...(await this.#load.check(port)).lost);
    this.#lost = lost;
  }

  async runMove(): Promise<void> {
    const cluster = this.#cluster;
    this.#load.start(cluster.proxyPorts.slice(0, WRITTEN_TO));
    await pause(STEADY_MS);
    this.#takeFigures('on a file');
    await cluster.moveToEtcd(this.#etcd.url);
    await pause(STEADY_MS);
    this.#takeFigures('moved');
    for (const node of [1, 2, 3]) {
      await cluster.stopStorage(node);
      await cluster.startStorage(node);
      await pause(BACK_MS);
      this.#takeFigures(`node ${node} started again`);
    }
    await this.#replaceNode();
    this.#takeFigures('a node replaced, proxies still on the file');
    this.#unanswered = (await this.#load.stop()).unanswered;
    const lost: string[] = [];
    for (const [index, port] of cluster.proxyPorts.entries()) {
      lost.push(...(await this.#load.check(port)).lost);
      await cluster.stopProxy(index + 1);
      await cluster.startProxy(index + 1);
      lost.push(...(await this.#load.check(port)).lost);
    }
    this.#lost = lost;
    this.#judgeStatus(await this.#status(), [1, 3, 4]);
  }

  judge(report: Report): void {
    console.log(`\n${table(this.#rows)}\n`);
    report.check('no request failed, whatever happened to etcd, storage nodes and members', this.#failures);
    report.check('nor one on keys that both proxies write at once', this.#contended);
    report.check('no connection to a proxy was lost', this.#unanswered === 0 ? [] : [`${this.#unanswered} unanswered`]);
    report.check('every acknowledged write is there, by every proxy, and none was done twice', this.#lost);
    report.check('nodes are up, members have changed and all processes are registered', this.#recovery);
    report.check('no process ended by itself', this.#cluster.ended);
    checkNothingReadable(report, 'a cluster in etcd', this.#cluster.dataDirs, this.#cluster.output);
  }

  async #replaceNode(): Promise<void> {
    const [port = 0] = await freePorts(1);
    const apply = this.#cluster.command(['cluster', 'apply', '--replace-node', `2=127.0.0.1:${port}`, '--yes']);
    await apply.waitUntilReady(async () => apply.output.includes('--node 4'), CHANGE_MS);
    await this.#cluster.startStorage(4);
    await apply.waitUntilDone(CHANGE_MS);
    await this.#cluster.stopStorage(2);
  }

  async #status(): Promise<Status> {
    const command = this.#cluster.command(['cluster', 'status', '--json']);
    await command.waitUntilDone(CHANGE_MS);
    return JSON.parse(command.output).cluster;
  }

  #judgeStatus({ nodes, moves, goals, registered }: Status, ids: readonly number[]): void {
    const shown = nodes
      .toSorted((a, b) => a.id - b.id)
      .map(({ id, state }) => `${id} ${state}`)
      .join(', ');
    const wanted = ids.map((id) => `${id} up`).join(', ');
    if (shown !== wanted) this.#recovery.push(`nodes: ${shown}; they should be ${wanted}`);
    if (moves + goals > 0) this.#recovery.push(`${moves} moves and ${goals} goals are left`);
    const { storage, proxies } = this.#cluster.pids;
    const missing = [...storage, ...proxies].filter((pid) => !registered.some((one) => one.pid === pid));
    if (missing.length > 0) this.#recovery.push(`not registered: processes ${missing.join(', ')}`);
  }

  #takeFigures(name: string): void {
    const { acknowledged, errors, sharedErrors, p99Ms, longestMs, problems, sharedProblems } = this.#load.takeFigures();
    this.#rows.push([name, acknowledged, errors + sharedErrors, p99Ms.toFixed(1), Math.round(longestMs)]);
    this.#failures.push(...problems.map((problem) => `${name}: ${problem}`));
    this.#contended.push(...sharedProblems.map((problem) => `${name}: ${problem}`));
    if (acknowledged === 0) this.#failures.push(`${name}: nothing was acknowledged`);
    console.log(
      `  ${name}: ${acknowledged} acknowledged, ${errors + sharedErrors} errors, longest ${longestMs.toFixed(0)} ms`,
    );
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
