import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { findNode, nodesOf } from '../../cluster/cluster-map.ts';
import { updateClusterMap } from '../../cluster/config-store.ts';
import { FileConfigStore } from '../../cluster/file-config-store.ts';
import type { ClusterMap, NodeEntry } from '../../cluster/map.ts';
import {
  nodesToGo,
  withMovesBegun,
  withNodesGone,
  withNodesLeaving,
  withRelearning,
  withShardsLearned,
} from '../../cluster/members.ts';
import { MessageType, type NodeStatus, type Response } from '../../rpc/messages.ts';
import { TcpServer } from '../../rpc/tcp-server.ts';
import type { CallHandler } from '../../rpc/transport.ts';
import { runCommandLine } from '../cli.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';

const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const MIB = 1_048_576;

let directory = '';
let store: FileConfigStore;
const stops: (() => unknown)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-members-'));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(directory, { recursive: true, force: true });
});

const files = () => ['--map', join(directory, 'map.json'), '--secret', join(directory, 'secret')];

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(words: readonly string[], system = new FakeSystem()): Promise<Ran> {
  const at = words.indexOf('init') > 0 ? ['--keystore', join(directory, 'keystore.json')] : [];
  const code = await runCommandLine([...words, ...files(), ...at], system, new FakeAssembly());
  expect(system.holds).toBe(0);
  return { code, out: system.printed.join('\n'), err: system.complaints.join('\n') };
}

/** What a node says of itself: eight shards, a megabyte each. */
function statusOf(node: NodeEntry, changes: Partial<NodeStatus>): NodeStatus {
  return {
    nodeId: node.id,
    mapEpoch: 1,
    engine: 'rocksdb',
    fsync: 'always',
    dataBytes: 8 * MIB,
    corruptRecords: 0,
    unsyncedMs: 0,
    incarnation: node.incarnation,
    ceilingUs: 0,
    learningShards: 0,
    distrusted: false,
    liveBytes: 0,
    expiringRecords: 0,
    ...changes,
  };
}

/** A node that can only tell about itself. */
function told(node: NodeEntry, changes: Partial<NodeStatus>): CallHandler {
  const status = statusOf(node, changes);
  const answers: Partial<Record<number, Response>> = { [MessageType.nodeStatus]: { type: MessageType.status, status } };
  return {
    receive(calls) {
      const unknown = { type: MessageType.fault, fault: 'malformed', detail: 'not known here' } as const;
      for (const call of calls) call.respond(answers[call.request.type] ?? unknown);
    },
    hello: () => ({ ...status, floor: { time: 0, proposer: 0 }, clockUs: 1 }),
  };
}

/** Makes a cluster of three zones and eight shards, whose nodes answer what `changes` says of them. */
async function cluster(nodesPerZone = 1, changes: Readonly<Record<number, Partial<NodeStatus>>> = {}): Promise<void> {
  const made = await run(['cluster', 'init', '--shards', '8', '--nodes-per-zone', String(nodesPerZone)]);
  expect(made.code).toBe(0);
  store = new FileConfigStore({ path: join(directory, 'map.json'), ...parts });
  stops.push(() => store.close());
  const { clusterId } = await current();
  const secret = Buffer.from(readFileSync(join(directory, 'secret'), 'utf8').trim());
  const nodes: NodeEntry[] = [];
  for (const entry of nodesOf(await current())) {
    const node = { ...entry, incarnation: `i${entry.id}` };
    const server = new TcpServer({ handler: told(node, changes[node.id] ?? {}), clusterId, secret, ...parts });
    nodes.push({ ...node, port: await server.listen('127.0.0.1', 0) });
    stops.push(() => server.close());
  }
  const text = readFileSync(join(directory, 'map.json'), 'utf8');
  const json = JSON.parse(text);
  for (const zone of json.map.zones) zone.nodes = zone.nodes.map(({ id }: NodeEntry) => plain(nodes, id));
  writeFileSync(join(directory, 'map.json'), JSON.stringify(json));
}

function plain(nodes: readonly NodeEntry[], id: number): object {
  const { incarnation, host, port } = nodes.find((node) => node.id === id) ?? expect.fail('no such node');
  return { id, incarnation, host, port };
}

async function current(): Promise<ClusterMap> {
  const read = await store.read();
  return read.ok && read.value !== null ? read.value : expect.fail('no map');
}

async function change(how: (map: ClusterMap) => ClusterMap | null): Promise<void> {
  expect((await updateClusterMap(store, how)).ok).toBe(true);
}

/** Does what the storage nodes do in the map, without any data, until it is told to stop. */
function workers(): { stop(): Promise<void> } {
  let isOver = false;
  const turn = async (): Promise<void> => {
    while (!isOver) {
      await change((map) => {
        let next = map;
        for (const { id } of nodesOf(map)) {
          next = withMovesBegun(next, id, 2) ?? next;
          const mine = next.moves.filter((move) => move.learner === id).map((move) => move.shard);
          next = withShardsLearned(next, id, mine) ?? next;
        }
        next = withNodesGone(next, nodesToGo(next)) ?? next;
        return next === map ? null : next;
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const running = turn();
  return {
    async stop() {
      isOver = true;
      await running;
    },
  };
}

const EVERY_ZONE = ['--add-nodes-to-every-zone', '127.0.0.1:9001,127.0.0.1:9002,127.0.0.1:9003'];

describe('junokv cluster plan', () => {
  it('shows what would move, with bytes and the least-moves bound, and changes nothing', async () => {
    await cluster();
    const before = await current();
    const { code, out } = await run(['cluster', 'plan', ...EVERY_ZONE]);
    expect(code).toBe(0);
    expect(out).toContain('zone zone1: 4 of at least 4 shards move, about 4.0 MB');
    expect(out).toMatch(/node 1\s+127\.0\.0\.1:\d+\s+8\s+4/);
    expect(out).toMatch(/node 4\s+127\.0\.0\.1:9001\s+joins\s+0\s+4\s+4 from node 1 \(4\.0 MB\)/);
    expect(out).toContain('12 shards move, about 12 MB (fewer cannot move).');
    expect(await current()).toEqual(before);
    const json = JSON.parse((await run(['cluster', 'plan', ...EVERY_ZONE, '--json'])).out);
    expect(json).toMatchObject({ ok: true, plan: { moved: 12, leastMoves: 12, bytes: 12 * MIB } });
  });

  it('says what cannot be, and that nothing is to be done', async () => {
    await cluster();
    expect((await run(['cluster', 'plan'])).out).toBe('Nothing to do: the shards are spread evenly.');
    expect(await run(['cluster', 'plan', '--remove-node', '1'])).toMatchObject({
      code: 1,
      err: 'junokv: zone zone1 would have no node',
    });
    expect((await run(['cluster', 'plan', '--add-nodes-to-every-zone', 'a:1'])).err).toContain(
      '1 addresses for 3 zones',
    );
    expect((await run(['cluster', 'plan', '--add-node', 'a:1'])).err).toContain('it must be ZONE=HOST:PORT');
    expect((await run(['cluster', 'plan', '--replace-node', '0=a:1'])).err).toContain('it must be ID=HOST:PORT');
    const json = JSON.parse((await run(['cluster', 'plan', '--add-node', 'zoo=h:1', '--json'])).out);
    expect(json).toEqual({
      ok: false,
      error: { message: "there is no zone 'zoo'; the zones are zone1, zone2, zone3" },
    });
  });
});

describe('junokv cluster apply', () => {
  it('grows the cluster, shows how to start the new nodes, and ends when all has moved', async () => {
    await cluster();
    const work = workers();
    const { code, out, err } = await run(['cluster', 'apply', ...EVERY_ZONE, '--yes']);
    await work.stop();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('12 shards move');
    expect(out).toContain('junokv storage --node 4 --data DIRECTORY    (at 127.0.0.1:9001)');
    expect(out).toContain('Done, at epoch ');
    const map = await current();
    expect(map).toMatchObject({ moves: [], goals: [] });
    expect(map.zones[0]?.placement.filter((id) => id === 4)).toHaveLength(4);
  });

  it('asks before it changes anything, and refuses where it cannot ask', async () => {
    await cluster();
    const before = await current();
    const blind = await run(['cluster', 'apply', ...EVERY_ZONE]);
    expect(blind).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    const asking = new FakeSystem();
    const questions: string[] = [];
    asking.askLine = async (question) => {
      questions.push(question);
      return 'no';
    };
    expect(await run(['cluster', 'apply', ...EVERY_ZONE], asking)).toMatchObject({
      code: 1,
      err: 'junokv: nothing was changed',
    });
    expect(questions).toEqual(['Carry it out? [y/N] ']);
    expect(await current()).toEqual(before);
  });

  it('is interrupted, resumed with a rate, and draws a bar on a terminal', async () => {
    await cluster();
    const first = new FakeSystem();
    const lines: string[] = [];
    first.redraw = (line) => {
      lines.push(line);
      if (line.startsWith('[')) first.signal();
    };
    const interrupted = await run(['cluster', 'apply', ...EVERY_ZONE, '--yes'], first);
    expect(interrupted).toMatchObject({ code: 1, err: expect.stringContaining('the storage nodes go on') });
    expect(lines[0]).toBe('[........................] 0 of 12 shards, 0 moving, time left unknown');
    const work = workers();
    const { code, out } = await run(['cluster', 'apply', '--rate', '5000000']);
    await work.stop();
    expect(code).toBe(0);
    expect(out).toMatch(/^Done, at epoch/);
    expect((await current()).moveRate).toBe(5_000_000);
  });

  it('takes nodes out, and says what to do with what is left of them', async () => {
    await cluster(2);
    const work = workers();
    const { out } = await run(['cluster', 'apply', '--remove-node', '2,4', '--yes']);
    const replaced = await run(['cluster', 'apply', '--replace-node', '6=127.0.0.1:9006', '--yes']);
    await work.stop();
    expect(out).toContain('holds nothing any more: stop its process, remove its directory.');
    expect(replaced.out).toContain('4 from node 6');
    expect(nodesOf(await current()).map((node) => node.id)).toEqual([1, 3, 5, 7]);
  });
});

describe('junokv cluster cancel', () => {
  it('takes back what is on its way, and keeps nodes that were leaving', async () => {
    await cluster(2);
    expect((await run(['cluster', 'cancel'])).out).toBe('No change of members is going on.');
    const system = new FakeSystem();
    system.redraw = (line) => {
      if (line.startsWith('[')) system.signal();
    };
    await run(['cluster', 'apply', '--remove-node', '2', '--yes'], system);
    await change((map) => withMovesBegun(map, 1, 2));
    const { out } = await run(['cluster', 'cancel']);
    expect(out).toBe('Called off: 2 shards stay where they are, 2 on their way go back.');
    expect(await current()).toMatchObject({ moves: [], goals: [] });
    expect(findNode(await current(), 2)?.node.leaving).toBe(false);
  });
});

describe('junokv cluster mark-down and mark-up', () => {
  it('mark one zone, and never so many that no majority is left', async () => {
    await cluster();
    expect((await run(['cluster', 'mark-down', 'zone2'])).out).toBe('Zone zone2 is under maintenance now.');
    expect((await run(['cluster', 'mark-down', 'zone2'])).out).toBe('Zone zone2 is under maintenance already.');
    expect((await current()).zones.map((zone) => zone.down)).toEqual([false, true, false]);
    expect((await run(['cluster', 'mark-down', 'zone3'])).err).toContain('zone2 is under maintenance already');
    expect((await run(['cluster', 'mark-down', 'zone9'])).err).toContain("there is no zone 'zone9'");
    expect((await run(['cluster', 'mark-up', 'zone2'])).out).toBe('Zone zone2 is in use now.');
    expect((await run(['cluster', 'mark-down', 'zone3'])).code).toBe(0);
  });
});

describe('junokv cluster status', () => {
  it('shows nodes, moves and what needs an operator', async () => {
    await cluster(2, { 3: { distrusted: true, incarnation: 'other' }, 5: { corruptRecords: 2, unsyncedMs: 900 } });
    await change((map) => withNodesLeaving(map, [2]));
    await run(['cluster', 'mark-down', 'zone2']);
    const { code, out } = await run(['cluster', 'status']);
    expect(code).toBe(0);
    expect(out).toContain('8 shards in each of 3 zones');
    expect(out).toContain('zone zone2 (under maintenance)');
    expect(out).toMatch(/node 1\s+127\.0\.0\.1:\d+\s+up\s+4\s+0\s+0\s+8\.0 MB\s+nothing\s+1/);
    expect(out).toMatch(/node 2\s+127\.0\.0\.1:\d+\s+up, leaving\s+4/);
    expect(out).toMatch(/node 3\s+127\.0\.0\.1:\d+\s+distrusted/);
    expect(out).toMatch(/node 5\s.*900 ms/);
    expect(out).toContain('moves: none\nsweep: no node told of any');
    expect(out).toContain('! node 3 does not trust its disk');
    expect(out).toContain('! node 5 found 2 records on its disk damaged');
    const json = JSON.parse((await run(['cluster', 'status', '--json'])).out);
    expect(json.cluster.nodes[4]).toMatchObject({ id: 5, state: 'up', status: { corruptRecords: 2 } });
  });
});

describe('junokv cluster trust-disks', () => {
  it('trusts the nodes that say so, under the incarnation that they have now', async () => {
    await cluster(1, { 1: { distrusted: true, incarnation: 'new1' }, 2: { distrusted: true, incarnation: 'new2' } });
    await change((map) => withRelearning(map, { ...(findNode(map, 1)?.node ?? expect.fail()), incarnation: 'new1' }));
    expect((await current()).moves).toHaveLength(8);
    expect((await run(['cluster', 'trust-disks', '3', '--yes'])).err).toBe('junokv: node 3 trusts its disk');
    expect((await run(['cluster', 'trust-disks', '9', '--yes'])).err).toBe('junokv: there is no node 9');
    expect((await run(['cluster', 'trust-disks'])).code).toBe(2);
    const { code, out } = await run(['cluster', 'trust-disks', '--yes']);
    expect(code).toBe(0);
    expect(out).toContain('Trusted at epoch');
    const map = await current();
    expect(map.moves).toEqual([]);
    expect(nodesOf(map).map((node) => node.incarnation)).toEqual(['new1', 'new2', 'i3']);
    expect((await run(['cluster', 'trust-disks', '--yes'])).out).toContain('Nodes that would vote');
  });
});
