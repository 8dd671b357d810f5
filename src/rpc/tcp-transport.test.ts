import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { NO_BALLOT } from '../record/ballot.ts';
import { ANY_INCARNATION } from './handshake.ts';
import { BUSY, LOST, MessageType, type Request, type Response } from './messages.ts';
import { TcpTransport } from './tcp-transport.ts';
import { Answers, BASE, pause, TcpCluster, TestNode, until } from './testing/tcp-cluster.ts';

const STATUS: Request = { type: MessageType.nodeStatus };
const STALE: Response = { type: MessageType.stale };
const ADDRESS = { id: 'abcdefghijklmnop', shard: 1, shardEpoch: 2, namespace: 0, namespaceEpoch: 2 };

const clusters: TcpCluster[] = [];
function cluster(node?: TestNode): TcpCluster {
  const made = new TcpCluster(node);
  clusters.push(made);
  return made;
}

afterEach(async () => {
  for (const made of clusters.splice(0)) await made.stop();
});

const pageId = (i: number): string => String(i).padStart(16, '0');

function putPages(pages: number, bytes: number): Request {
  const sealed = Array.from({ length: pages }, (_, i) => ({ pageId: pageId(i), sealed: Buffer.alloc(bytes, i) }));
  return { type: MessageType.putPages, address: ADDRESS, pages: sealed };
}

describe('TcpTransport', () => {
  it('shakes hands and tells what the node said of itself', async () => {
    const made = await cluster().connect();
    expect(made.events).toEqual(['up 1 one']);
    const hellos: unknown[] = [];
    made.transport.setListener({ onNodeUp: (hello) => hellos.push(hello), onNodeDown() {} });
    expect(hellos).toEqual([made.node.hello()]);
  });

  it('carries the requests of one turn in one batch, the responses in any order', async () => {
    const made = await cluster().connect();
    const answers = new Answers();
    for (let tag = 0; tag < 500; tag++) made.transport.send(1, STATUS, answers, tag);
    expect(answers.got).toEqual([]);
    await until(() => made.node.open.length === 500);
    expect(made.node.batches).toEqual([500]);
    for (const call of made.node.open.splice(0).reverse()) call.respond(STALE);
    await until(() => answers.got.length === 500);
    expect(answers.got.map(([tag]) => tag)).toEqual(Array.from({ length: 500 }, (_, i) => 499 - i));
  });

  it('gives every receiver its own response', async () => {
    const made = await cluster().connect();
    made.node.respond = (request) =>
      request.type === MessageType.prepare
        ? { type: MessageType.promise, accepted: request.ballot, state: null }
        : { type: MessageType.state, accepted: NO_BALLOT, state: null };
    const answers = new Answers();
    for (let tag = 1; tag <= 100; tag++) {
      const ballot = { time: tag, proposer: 3 };
      made.transport.send(1, { type: MessageType.prepare, address: ADDRESS, ballot, want: 1 }, answers, tag);
    }
    await until(() => answers.got.length === 100);
    for (const [tag, response] of answers.got) {
      expect(response).toEqual({ type: MessageType.promise, accepted: { time: tag, proposer: 3 }, state: null });
    }
  });

  it('carries large pages there and back', async () => {
    const made = await cluster().connect();
    made.node.respond = (request) =>
      request.type === MessageType.putPages
        ? { type: MessageType.pages, pages: request.pages.map((page) => page.sealed) }
        : null;
    const answers = new Answers();
    for (let tag = 0; tag < 10; tag++) made.transport.send(1, putPages(60, limits.pageBytes), answers, tag);
    await until(() => answers.got.length === 10);
    for (const [, response] of answers.got) {
      const pages = response.type === MessageType.pages ? response.pages : [];
      expect(pages.length).toBe(60);
      expect(pages.every((page, i) => page?.equals(Buffer.alloc(limits.pageBytes, i)))).toBe(true);
    }
  });

  it('answers a fault for a request, and for a response, that is too large', async () => {
    const made = await cluster().connect();
    const huge = Buffer.alloc(limits.messageBytes);
    made.node.respond = (request) =>
      request.type === MessageType.getPages ? { type: MessageType.pages, pages: [huge] } : STALE;
    const answers = new Answers();
    made.transport.send(1, putPages(1, limits.messageBytes), answers, 1);
    made.transport.send(1, { type: MessageType.getPages, address: ADDRESS, pageIds: [] }, answers, 2);
    made.transport.send(1, STATUS, answers, 3);
    expect(answers.got).toEqual([]);
    await until(() => answers.got.length === 3);
    const faults = answers.got.filter(
      ([, response]) => response.type === MessageType.fault && response.fault === 'malformed',
    );
    expect(faults.map(([tag]) => tag)).toEqual([1, 2]);
    expect(answers.got[2]).toEqual([3, STALE]);
  });

  it('answers LOST for unknown nodes and nodes not connected, never from inside send', async () => {
    const made = cluster();
    const answers = new Answers();
    made.transport.setNodes([made.entry({ port: 1 })]);
    made.transport.send(1, STATUS, answers, 1);
    made.transport.send(2, STATUS, answers, 2);
    expect(answers.got).toEqual([]);
    await until(() => answers.got.length === 2);
    expect(answers.got).toEqual([
      [1, LOST],
      [2, LOST],
    ]);
  });

  it('answers LOST for all that is under way when the node dies, and takes it back soon', async () => {
    const made = await cluster().connect();
    const answers = new Answers();
    for (let tag = 0; tag < 100; tag++) made.transport.send(1, STATUS, answers, tag);
    await until(() => made.node.open.length === 100);
    made.node.open[0]?.respond(STALE);
    await until(() => answers.got.length === 1);
    await made.server.close();
    await until(() => answers.got.length === 100);
    expect(answers.got.slice(1).every(([, response]) => response === LOST)).toBe(true);
    expect(made.transport.isUp(1)).toBe(false);
    made.node.open[1]?.respond(STALE);

    await pause(300);
    const started = performance.now();
    await made.restart();
    await until(() => made.transport.isUp(1));
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(made.events).toEqual(['up 1 one', 'down 1', 'up 1 one']);
    made.node.respond = () => STALE;
    made.transport.send(1, STATUS, answers, 1_000);
    await until(() => answers.got.length === 101);
    expect(answers.got.at(-1)).toEqual([1_000, STALE]);
  });

  it('follows the cluster map', async () => {
    const made = await cluster().connect();
    const answers = new Answers();
    made.transport.send(1, STATUS, answers, 1);
    await until(() => made.node.open.length === 1);
    made.transport.setNodes([made.entry()]);
    expect(made.transport.isUp(1)).toBe(true);
    made.transport.setNodes([]);
    expect(made.transport.isUp(1)).toBe(false);
    await until(() => answers.got.length === 1);
    expect(answers.got).toEqual([[1, LOST]]);

    const other = await cluster(new TestNode(1, 'two')).start();
    made.transport.setNodes([other.entry()]);
    await until(() => made.transport.isUp(1));
    expect(made.events).toEqual(['up 1 one', 'down 1', 'up 1 two']);
  });

  it('reaches whatever incarnation a node has, where just the node is meant', async () => {
    const made = await cluster(new TestNode(1, 'two')).start();
    made.transport.setNodes([made.entry({ incarnation: ANY_INCARNATION })]);
    await until(() => made.transport.isUp(1));
    expect(made.events).toEqual(['up 1 two']);
  });

  it('is refused by a node of another number, incarnation or cluster, and by one with another secret', async () => {
    const made = await cluster().start();
    const problems: string[] = [];
    const log = { ...BASE.log, warn: (fields: object) => problems.push((fields as { problem: string }).problem) };
    const attempt = async (changes: object, entry: object): Promise<string | undefined> => {
      const before = problems.length;
      const transport = new TcpTransport({ ...BASE, log, ...changes });
      transport.setNodes([made.entry(entry)]);
      await until(() => problems.length > before);
      transport.close();
      return problems.at(-1);
    };
    expect(await attempt({}, { id: 2 })).toContain('refused (node)');
    expect(await attempt({}, { incarnation: 'zero' })).toContain('refused (incarnation)');
    expect(await attempt({ clusterId: 'other' }, {})).toContain('refused (cluster)');
    expect(await attempt({ secret: Buffer.from('not the secret of the cluster') }, {})).toContain('closed');
    expect(made.events).toEqual([]);
    expect(made.node.batches).toEqual([]);
  });

  it('answers a busy fault above the bound on bytes under way to a node that does not read', async () => {
    const made = await cluster().connect();
    const answers = new Answers();
    const request = putPages(120, limits.pageBytes);
    const most = Math.ceil(limits.requestBytesPerNode / (120 * limits.pageBytes)) + 1;
    // One turn: nothing can leave but what the kernel takes.
    for (let tag = 0; tag < most + 10; tag++) made.transport.send(1, request, answers, tag);
    await until(() => answers.got.length >= 1);
    expect(answers.got.every(([, response]) => response === BUSY)).toBe(true);
    expect(answers.got.length).toBeLessThan(15);
  });

  it('stops reading a peer with too much unanswered, and goes on when it is answered', async () => {
    const made = await cluster().connect();
    const answers = new Answers();
    const perRequest = 100 * limits.pageBytes;
    const pages = putPages(100, limits.pageBytes);
    const sent = Math.floor(limits.requestBytesPerNode / perRequest);
    for (let tag = 0; tag < sent; tag++) made.transport.send(1, pages, answers, tag);
    await until(() => made.node.open.length * perRequest >= limits.callBytesPerPeer);
    await pause(50);
    expect(made.node.open.length * perRequest).toBeLessThan(limits.callBytesPerPeer + 2 * limits.frameBytes);
    expect(made.node.open.length).toBeLessThan(sent);
    made.node.respond = () => STALE;
    for (const call of made.node.open.splice(0)) call.respond(STALE);
    await until(() => answers.got.length === sent);
    expect(answers.got.every(([, response]) => response.type === MessageType.stale)).toBe(true);
  });

  it('gives up a node that leaves requests and a probe unanswered, and only that', async () => {
    const made = await cluster().start();
    const { clock } = BASE;
    const fast = {
      wallUs: () => clock.wallUs(),
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      endOfTurn: (fn: () => void) => clock.endOfTurn(fn),
      after: (delayMs: number, fn: () => void) => clock.after(delayMs / 50, fn),
    };
    const transport = new TcpTransport({ ...BASE, clock: fast });
    const answers = new Answers();
    transport.setNodes([made.entry()]);
    await until(() => transport.isUp(1));
    const silenceMs = limits.peerSilenceMs / 50;
    await pause(6 * silenceMs);
    expect(transport.isUp(1)).toBe(true);
    expect(made.node.seen).toEqual([]);

    made.node.respond = (request) => (request.type === MessageType.nodeStatus ? STALE : null);
    transport.send(1, { type: MessageType.listPages, address: ADDRESS, ifOrigin: NO_BALLOT }, answers, 1);
    await pause(6 * silenceMs);
    expect([transport.isUp(1), answers.got.length]).toEqual([true, 0]);
    expect(made.node.seen.length).toBeGreaterThan(1);

    made.node.respond = () => null;
    await until(() => answers.got.length === 1, 20 * silenceMs);
    expect(answers.got).toEqual([[1, LOST]]);
    transport.close();
  });
});
