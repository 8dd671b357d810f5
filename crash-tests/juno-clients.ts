import { randomInt } from 'node:crypto';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { connect } from '../src/juno-ext/client/src/client.ts';
import type { ClientMetrics, JunoClient } from '../src/juno-ext/client/src/types.ts';
import { AnswerLog } from './answer-log.ts';
import { ClientFleet } from './client-fleet.ts';
import type { FaultKind, FaultPlan } from './fault-proxy.ts';
import { IncrementLoad } from './increment-load.ts';
import { type Report, table } from './report.ts';
import { TokenLoad } from './token-load.ts';

const CLIENTS = 50;
const PROXIES = 2;
const STEADY_MS = 1_000;
const FAULTS_MS = 3_000;
const KILLED_MS = 1_500;
const BACK_MS = 1_000;

/** Long enough for who has bad luck with conflicts, so that hardly any increment is left open. */
const INCREMENT_DEADLINE_MS = 15_000;
/** Short, so that the faults make many tries and calls time out. */
const FORCED_TIME_OUTS = { deadlineMs: 400, tryTimeoutMs: 250 };
const FAULT_KINDS: readonly FaultKind[] = [
  'delay-request',
  'cut-request',
  'lose-requests',
  'delay-reply',
  'cut-reply',
  'lose-replies',
];
/** No connection stays whole, or in the end all would be among those that do. */
const CHUNKS_BEFORE_FAULT = 12;
const DELAY_MIN_MS = 50;
const DELAY_MAX_MS = 800;

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function randomFault(): FaultPlan {
  return {
    kind: FAULT_KINDS[randomInt(FAULT_KINDS.length)] ?? 'cut-reply',
    afterChunks: randomInt(CHUNKS_BEFORE_FAULT),
    delayMs: randomInt(DELAY_MIN_MS, DELAY_MAX_MS),
  };
}

/** Runs `check` with a client of each proxy alone. */
async function byEachProxy(cluster: JunokvCluster, check: (client: JunoClient) => Promise<void>): Promise<void> {
  for (const port of cluster.proxyPorts) {
    const client = connect({ addresses: [{ host: '127.0.0.1', port }], deadlineMs: 10_000 });
    try {
      await check(client);
    } finally {
      await client.close();
    }
  }
}

/** Kills (`kill -9`) the processes one after the other, calling `phase` when one has been dead, or back, for a while. */
async function killInTurn(
  cluster: JunokvCluster,
  storage: readonly number[],
  proxies: readonly number[],
  phase: (name: string) => void,
): Promise<void> {
  for (const node of storage) {
    await cluster.killStorage(node);
    await pause(KILLED_MS);
    phase(`storage ${node} killed`);
    await cluster.startStorage(node);
    await pause(BACK_MS);
    phase(`storage ${node} started again`);
  }
  for (const proxy of proxies) {
    await cluster.killProxy(proxy);
    await pause(KILLED_MS);
    phase(`proxy ${proxy} killed`);
    await cluster.startProxy(proxy);
    await pause(BACK_MS);
    phase(`proxy ${proxy} started again`);
  }
}

async function incrementUnderKills(cluster: JunokvCluster, report: Report): Promise<void> {
  console.log(`\n${CLIENTS} clients, compare-and-set increments of 10 keys, storage processes and a proxy killed\n`);
  let calls = { conflicts: 0, repeated: 0, longestMs: 0 };
  const metrics: ClientMetrics = {
    onOperation: (_, outcome, durationMs) => {
      if (outcome === 'version-conflict' || outcome === 'duplicate-key') calls.conflicts += 1;
      calls.longestMs = Math.max(calls.longestMs, durationMs);
    },
    onRetry: () => {
      calls.repeated += 1;
    },
  };
  const options = { deadlineMs: INCREMENT_DEADLINE_MS, metrics };
  const fleet = await ClientFleet.start(CLIENTS, { ports: cluster.proxyPorts, plan: () => null, options });
  const load = new IncrementLoad();
  const rows: (string | number)[][] = [
    ['phase', 'increments', 'conflicts', 'tries repeated', 'refused', 'open', 'longest ms', 'longest read or write ms'],
  ];
  const problems: string[] = [];
  const phase = (name: string): void => {
    const { done, refused, open, longestMs, problems: found } = load.takeFigures();
    const { conflicts, repeated } = calls;
    rows.push([name, done, conflicts, repeated, refused, open, Math.round(longestMs), Math.round(calls.longestMs)]);
    calls = { conflicts: 0, repeated: 0, longestMs: 0 };
    problems.push(...found.map((problem) => `${name}: ${problem}`));
    if (done === 0) problems.push(`${name}: nothing was incremented`);
  };
  try {
    load.start(fleet.clients);
    await pause(STEADY_MS);
    phase('all processes there');
    await killInTurn(cluster, [2, 1, 3], [1], phase);
    await load.stop();
  } finally {
    await fleet.stop();
  }
  console.log(`${table(rows)}\n`);
  const wrong: string[] = [];
  await byEachProxy(cluster, async (client) => {
    const checked = await load.check(client);
    console.log(`${table([['key', 'value', 'successes', 'open'], ...checked.rows])}\n`);
    wrong.push(...checked.problems);
  });
  report.check('each value equals the successes (at most the open ones more), by either proxy', wrong);
  report.check('increments went on while a process was dead, and no error was of another kind', problems);
}

async function repeatUntilAnswered(cluster: JunokvCluster, report: Report): Promise<void> {
  console.log(`\n${CLIENTS} clients, request ids, forced time-outs: each write repeated until it is answered\n`);
  const seen = new AnswerLog();
  const load = new TokenLoad(seen);
  let tries = 0;
  const options = { ...FORCED_TIME_OUTS, metrics: { onRetry: () => void tries++ } };
  const onReply = (port: number, chunk: Buffer): void => seen.add(port, chunk);
  const fleet = await ClientFleet.start(CLIENTS, { ports: cluster.proxyPorts, plan: randomFault, onReply, options });
  const rows: (string | number)[][] = [
    ['phase', 'appended', 'replaced', 'conflicts', 'tries repeated', 'calls repeated', 'open', 'longest ms'],
  ];
  const problems: string[] = [];
  let unanswered = 0;
  const phase = (name: string): void => {
    const { appended, replaced, refused, repeats, open, longestMs, problems: found } = load.takeFigures();
    rows.push([name, appended, replaced, refused, tries, repeats, open, Math.round(longestMs)]);
    tries = 0;
    unanswered += open;
    problems.push(...found.map((problem) => `${name}: ${problem}`));
    if (appended + replaced === 0) problems.push(`${name}: nothing was written`);
  };
  try {
    await load.prepare(fleet.clients);
    load.start(fleet.clients);
    await pause(FAULTS_MS);
    phase('all processes there');
    await killInTurn(cluster, [2], [2], phase);
    await load.stop(() => fleet.calm());
    phase('last answers, no more faults');
  } finally {
    await fleet.stop();
  }
  const { struck } = fleet;
  console.log(`${table(rows)}\n\n${table([['fault', 'times'], ...struck])}\n`);
  console.log(
    `  ${seen.answered} request ids were answered, ${seen.repeated} answers came from a record's memory, ` +
      `${seen.byBothProxies} ids were answered by both proxies\n`,
  );
  const logs: string[] = [];
  const registers: string[] = [];
  await byEachProxy(cluster, async (client) => {
    const checked = await load.check(client);
    logs.push(...checked.logs);
    registers.push(...checked.registers);
  });
  report.check('appended exactly once: each success stands in its log once, and nothing that was refused', logs);
  report.check('replaced exactly once: each register has as many versions as successes', registers);
  report.check('every answer to a request id tells the same version', [...seen.contradictions, ...load.wrongAnswers]);
  report.check('every write had a definite answer in the end', unanswered === 0 ? [] : [`${unanswered} had none`]);
  report.check('writes went on all the time, and no error was of another kind', problems);
  report.check('the faults did what they are for', [
    ...FAULT_KINDS.filter((kind) => !struck.has(kind)).map((kind) => `${kind} never happened`),
    ...(seen.repeated === 0 ? ['no answer came from memory'] : []),
    ...(seen.byBothProxies === 0 ? ['no request id was answered by both proxies'] : []),
  ]);
}

/** Clients of the typed client through two proxies, while processes are killed and connections fail. */
export async function runJunoClients(report: Report): Promise<void> {
  const cluster = await JunokvCluster.start(PROXIES);
  try {
    await incrementUnderKills(cluster, report);
    await repeatUntilAnswered(cluster, report);
    report.check('no process ended by itself', cluster.ended);
  } finally {
    await cluster.stop();
  }
}
