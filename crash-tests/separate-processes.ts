import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { checkNothingReadable } from './plain-text.ts';
import { type Report, table } from './report.ts';
import { WriteLoad } from './write-load.ts';

const WRITERS = 8;
const PROXIES = 2;
const STEADY_MS = 2_000;
const KILLED_MS = 4_000;
const BACK_MS = 2_000;

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Each of three storage processes is killed (`kill -9`) under load and started again, one after the other. */
export async function killStorageProcesses(report: Report): Promise<void> {
  console.log(
    `\n3 storage processes, ${PROXIES} proxies, ${WRITERS} writers: each storage process killed once (kill -9)\n`,
  );
  const cluster = await JunokvCluster.start(PROXIES);
  const load = new WriteLoad(WRITERS);
  const rows: (string | number)[][] = [['phase', 'acknowledged', 'errors', 'errors, shared keys', 'longest ms']];
  const failures: string[] = [];
  const stalls: number[] = [];
  const contended: string[] = [];
  const phase = (name: string): number => {
    const figures = load.takeFigures();
    const { acknowledged, errors, sharedErrors, longestMs } = figures;
    rows.push([name, acknowledged, errors, sharedErrors, Math.round(longestMs)]);
    failures.push(...figures.problems.map((problem) => `${name}: ${problem}`));
    contended.push(...figures.sharedProblems.map((problem) => `${name}: ${problem}`));
    if (acknowledged === 0) failures.push(`${name}: nothing was acknowledged`);
    console.log(
      `  ${name}: ${acknowledged} acknowledged, ${errors + sharedErrors} errors, longest ${longestMs.toFixed(0)} ms`,
    );
    return longestMs;
  };
  try {
    load.start(cluster.proxyPorts);
    await pause(STEADY_MS);
    phase('all nodes there');
    for (const node of [2, 1, 3]) {
      await cluster.killStorage(node);
      await pause(KILLED_MS);
      stalls.push(phase(`node ${node} killed`));
      await cluster.startStorage(node);
      await pause(BACK_MS);
      stalls.push(phase(`node ${node} started again`));
    }
    const rest = await load.stop();
    const lost: string[] = [];
    for (const port of cluster.proxyPorts) lost.push(...(await load.check(port)).lost);
    const { ended, output } = cluster;
    console.log(`\n${table(rows)}\n\n  longest stall: ${Math.max(...stalls).toFixed(0)} ms\n`);
    report.check('no request failed while a storage process was dead, or came back', failures);
    report.check('nor one on keys that both proxies write at once', contended);
    report.check('no connection to a proxy was lost', rest.unanswered === 0 ? [] : [`${rest.unanswered} unanswered`]);
    report.check('every acknowledged write is there, by either proxy, and none was done twice', lost);
    report.check('no process ended by itself', ended);
    checkNothingReadable(report, 'separate processes', cluster.dataDirs, output);
  } finally {
    await cluster.stop();
  }
}
