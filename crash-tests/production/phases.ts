import { randomUUID } from 'node:crypto';
import type { Place } from '../../compat-tests/support/place.ts';
import { RawClient } from '../../compat-tests/support/raw-client.ts';
import type { Report } from '../report.ts';
import type { ProductionCluster } from './production-cluster.ts';
import { SteadyLoad } from './steady-load.ts';

const STEADY_MS = 2_000;
/** For whatever comes by itself: a node that is seen again, a proxy that HAProxy takes back; on a machine that does much else. */
const SOON_MS = 180_000;
const LOOK_MS = 100;
const PROGRESS_MS = 10_000;
/** A database that nobody uses: its FLUSHDB is a change of the cluster map. */
const SPARE_DATABASE = '9';
const MARKED_ZONE = 'zone3';

/** Every process is restarted in turn, as for an upgrade. */
export async function restartInTurn(production: ProductionCluster, report: Report): Promise<void> {
  console.log('\nEvery process restarted in turn, under load\n');
  await underLoad(production, report, 'while every process was restarted', async (step) => {
    const { cluster, haproxy, etcd } = production;
    await step('none', async () => {});
    for (const node of cluster.nodes) {
      await step(`storage ${node.number}`, async () => {
        await node.server.stop();
        await cluster.startNode(node);
        await untilSeen(production, node.number);
      });
    }
    for (const [index, proxy] of [...cluster.proxies].entries()) {
      await step(`proxy ${index + 1}`, async () => {
        await proxy.stop();
        await cluster.startProxy(index);
        await untilProxiesUp(production, 2);
      });
    }
    await step('etcd', () => etcd.restart());
    await step('HAProxy, reloaded', () => haproxy.reload());
    await step('HAProxy, ended and started', () => haproxy.restart());
  });
}

/** etcd is dead for `downMs` (`kill -9`), and comes back on its data: nobody notices but who would change the map. */
export async function killEtcd(production: ProductionCluster, downMs: number, report: Report): Promise<void> {
  console.log(`\netcd killed (kill -9) for ${downMs / 1_000} s, under load\n`);
  const { etcd } = production;
  const changes: string[] = [];
  let reconnects = 0;
  await underLoad(production, report, 'while etcd was dead, or came back', async (step) => {
    reconnects += await step('etcd there', async () => {});
    await etcd.kill();
    const endMs = performance.now() + downMs;
    reconnects += await step('etcd dead', async () => {
      const reply = await changeMap(production.place);
      if (!reply.startsWith('-UNAVAILABLE') && !reply.startsWith('-UNCERTAIN')) changes.push(`etcd dead: ${reply}`);
    });
    for (let leftMs = endMs - performance.now(); leftMs > 0; leftMs = endMs - performance.now()) {
      const partMs = Math.min(leftMs, PROGRESS_MS);
      reconnects += await step(`... ${Math.round((downMs - leftMs) / 1_000)} s`, () => pause(partMs));
    }
    const backMs = performance.now();
    await etcd.startAgain();
    reconnects += await step('etcd back', async () => {
      let reply = '';
      const isChanged = async (): Promise<boolean> => {
        reply = await changeMap(production.place);
        return reply === '+OK\r\n';
      };
      await until('a change of the map is taken again', isChanged, () => reply);
      console.log(
        `  the map could be changed again ${Math.round(performance.now() - backMs)} ms after etcd was started`,
      );
    });
    reconnects += await step('a zone marked down and up', async () => {
      for (const verb of ['mark-down', 'mark-up']) await production.command(['cluster', verb, MARKED_ZONE]);
      await until('all nodes are up, and all processes registered', () => isWhole(production));
    });
  });
  report.check('a change of the map was refused while etcd was dead, and taken afterwards', changes);
  report.check('no client lost its connection', reconnects === 0 ? [] : [`${reconnects} did`]);
}

/** Each proxy is killed (`kill -9`) once: its clients come back by HAProxy. */
export async function killProxies(production: ProductionCluster, report: Report): Promise<void> {
  console.log('\nEach proxy killed (kill -9), under load\n');
  const { cluster } = production;
  const unnoticed: string[] = [];
  await underLoad(production, report, 'while a proxy was dead, or came back', async (step) => {
    await step('both proxies there', async () => {});
    for (const [index, proxy] of [...cluster.proxies].entries()) {
      await proxy.kill();
      const reconnects = await step(`proxy ${index + 1} killed`, () => untilProxiesUp(production, 1));
      if (reconnects === 0) unnoticed.push(`nobody was connected to proxy ${index + 1}`);
      await step(`proxy ${index + 1} started again`, async () => {
        await cluster.startProxy(index);
        await untilProxiesUp(production, 2);
      });
    }
  });
  report.check('its clients came back through HAProxy', unnoticed);
}

/** Does something, lets the load go on for a while, and takes its figures; resolves to the connections that were made anew. */
type Step = (name: string, act: () => Promise<void>) => Promise<number>;

async function underLoad(
  production: ProductionCluster,
  report: Report,
  what: string,
  run: (step: Step) => Promise<void>,
): Promise<void> {
  const load = new SteadyLoad(production.place, `counter ${randomUUID()}`);
  try {
    load.start();
    await run(async (name, act) => {
      await act();
      await pause(STEADY_MS);
      return load.endStep(name);
    });
    await load.judge(report, production.cluster.proxyPlaces, what);
  } finally {
    await load.stop();
  }
}

/** The reply to a command that changes the cluster map. */
async function changeMap(place: Place): Promise<string> {
  const client = await RawClient.connect(place);
  try {
    await client.command(['SELECT', SPARE_DATABASE]);
    return (await client.command(['FLUSHDB'], SOON_MS)).toString('latin1');
  } finally {
    client.close();
  }
}

async function isWhole(production: ProductionCluster): Promise<boolean> {
  const output = await production.command(['cluster', 'status', '--json']);
  // Before it Node may have warned of something.
  const { cluster } = JSON.parse(output.slice(output.indexOf('{')));
  const nodes: readonly { readonly state: string }[] = cluster.nodes;
  const registered: readonly { readonly pid: number }[] = cluster.registered;
  const processes = [...production.cluster.nodes.map(({ server }) => server), ...production.cluster.proxies];
  return (
    nodes.every(({ state }) => state === 'up') &&
    processes.every(({ pid }) => registered.some((one) => one.pid === pid))
  );
}

/** Until every proxy has taken the storage node back. */
async function untilSeen({ cluster }: ProductionCluster, node: number): Promise<void> {
  for (const place of cluster.proxyPlaces) {
    const client = await RawClient.connect(place);
    try {
      await until(`a proxy sees node ${node}`, async () => {
        const info = (await client.command(['INFO', 'junokv'], SOON_MS)).toString('latin1');
        return info.includes(`\nseen_node${node}:suspect=0,`);
      });
    } finally {
      client.close();
    }
  }
}

function untilProxiesUp({ haproxy }: ProductionCluster, count: number): Promise<void> {
  return until(`HAProxy has ${count} proxies`, async () => (await haproxy.proxiesUp()) === count);
}

async function until(what: string, probe: () => Promise<boolean>, last: () => string = () => ''): Promise<void> {
  const endMs = performance.now() + SOON_MS;
  while (!(await probe())) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what} ${last()}`);
    await pause(LOOK_MS);
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
