import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { Haproxy, hasHaproxy } from './haproxy.ts';
import { ReconnectingLoad } from './reconnecting-load.ts';
import { type Report, table } from './report.ts';

const CLIENTS = 16;
const PROXIES = 2;
const STORAGE = 3;
const STEADY_MS = 2_000;
/** Between two restarts: HAProxy takes a proxy back after two checks, and proxies a node after two quick answers. */
const BACK_MS = 2_500;

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Every process of a cluster behind HAProxy is restarted in turn, as for an upgrade, while clients write and read. */
export async function restartInTurn(report: Report): Promise<void> {
  if (!hasHaproxy()) {
    console.log('\nrolling restart: left out, this machine has no haproxy\n');
    return;
  }
  console.log(
    `\n${STORAGE} storage processes, ${PROXIES} proxies, HAProxy, ${CLIENTS} clients: all restarted in turn\n`,
  );
  const cluster = await JunokvCluster.start(PROXIES);
  const failures: string[] = [];
  const rows: (string | number)[][] = [['restarted', 'answered', 'reconnects', 'sent again', 'longest ms']];
  let haproxy: Haproxy | null = null;
  try {
    const front = await Haproxy.start(cluster.proxyPorts, cluster.dir);
    haproxy = front;
    const load = new ReconnectingLoad(CLIENTS, front.place);
    const step = async (name: string, act: () => Promise<void>): Promise<void> => {
      await act();
      await pause(BACK_MS);
      const { answered, reconnects, repeated, longestMs, problems } = load.takeFigures();
      rows.push([name, answered, reconnects, repeated, Math.round(longestMs)]);
      failures.push(...problems.map((problem) => `${name}: ${problem}`));
      if (answered === 0) failures.push(`${name}: nothing was answered`);
      console.log(`  ${name}: ${answered} answered, ${reconnects} reconnects, ${repeated} sent again`);
    };
    load.start();
    await step('none', () => pause(STEADY_MS));
    for (let node = 1; node <= STORAGE; node++) await step(`storage ${node}`, () => restartStorage(cluster, node));
    for (let proxy = 1; proxy <= PROXIES; proxy++) await step(`proxy ${proxy}`, () => restartProxy(cluster, proxy));
    await step('HAProxy, reloaded', () => front.reload());
    await step('HAProxy, ended and started', () => front.restart());
    await load.stop();
    failures.push(...load.takeFigures().problems);
    console.log(`\n${table(rows)}\n`);
    report.check('no request failed while every process was restarted in turn', failures);
    for (const [index, place] of [...cluster.proxyPorts, front.place].entries()) {
      const way = index < PROXIES ? `proxy ${index + 1}` : 'HAProxy';
      report.check(`every acknowledged write is there, by ${way}`, await load.check(place));
    }
    report.check('no process ended by itself', [...cluster.ended, ...(front.exitText === null ? [] : ['haproxy'])]);
  } finally {
    await haproxy?.stop();
    await cluster.stop();
  }
}

async function restartStorage(cluster: JunokvCluster, node: number): Promise<void> {
  await cluster.stopStorage(node);
  await cluster.startStorage(node);
}

async function restartProxy(cluster: JunokvCluster, proxy: number): Promise<void> {
  await cluster.stopProxy(proxy);
  await cluster.startProxy(proxy);
}
