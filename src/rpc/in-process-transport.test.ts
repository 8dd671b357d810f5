import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { SystemClock } from '../base/system-clock.ts';
import { keptShare, litter } from '../base/testing/kept-garbage.ts';
import { NO_BALLOT } from '../record/ballot.ts';
import { InProcessTransport } from './in-process-transport.ts';
import { BUSY, LOST, MessageType, type NodeStatusRequest, type Response } from './messages.ts';
import type { Call, CallHandler, NodeHello } from './transport.ts';

const REQUEST: NodeStatusRequest = { type: MessageType.nodeStatus };
const STALE: Response = { type: MessageType.stale };

class FakeNode implements CallHandler {
  readonly batches: (readonly Call[])[] = [];
  readonly nodeId: number;
  respondAtOnce = false;

  constructor(nodeId: number) {
    this.nodeId = nodeId;
  }

  receive(calls: readonly Call[]): void {
    this.batches.push(calls);
    if (this.respondAtOnce) for (const call of calls) call.respond(STALE);
  }

  hello(): NodeHello {
    return { nodeId: this.nodeId, incarnation: 'i1', mapEpoch: 1, floor: NO_BALLOT, clockUs: 5 };
  }
}

class Answers {
  readonly got: [number, Response][] = [];
  onResponse(tag: number, response: Response): void {
    this.got.push([tag, response]);
  }
}

/** Does at once what is for the end of the turn. */
class HastyClock extends SystemClock {
  override endOfTurn(fn: () => void): void {
    fn();
  }
}

const nextTurn = (): Promise<void> => new Promise((done) => setImmediate(() => setImmediate(done)));

function setUp() {
  const transport = new InProcessTransport(new SystemClock());
  const node = new FakeNode(7);
  transport.addNode(node);
  return { transport, node, answers: new Answers() };
}

describe('InProcessTransport', () => {
  it('hands the requests of one turn over as one batch, by reference', async () => {
    const { transport, node, answers } = setUp();
    transport.send(7, REQUEST, answers, 1);
    transport.send(7, REQUEST, answers, 2);
    expect(node.batches).toHaveLength(0);
    await nextTurn();
    expect(node.batches.map((calls) => calls.length)).toEqual([2]);
    expect(node.batches[0]?.[0]?.request).toBe(REQUEST);
  });

  it('delivers responses synchronously, in any order, with the tag given', async () => {
    const { transport, node, answers } = setUp();
    for (const tag of [1, 2, 3]) transport.send(7, REQUEST, answers, tag);
    await nextTurn();
    const calls = node.batches[0] ?? [];
    for (const call of [...calls].reverse()) call.respond(STALE);
    expect(answers.got).toEqual([3, 2, 1].map((tag) => [tag, STALE]));
    expect(() => calls[0]?.respond(STALE)).toThrow('answered once');
  });

  it('answers LOST for a node that is down or unknown, never from inside send', async () => {
    const { transport, node, answers } = setUp();
    transport.takeDown(7);
    transport.send(7, REQUEST, answers, 1);
    transport.send(8, REQUEST, answers, 2);
    expect(answers.got).toEqual([]);
    await nextTurn();
    expect(answers.got).toEqual([
      [1, LOST],
      [2, LOST],
    ]);
    expect(node.batches).toHaveLength(0);
  });

  it('answers LOST for everything under way when the node falls, and drops its later responses', async () => {
    const { transport, node, answers } = setUp();
    for (const tag of [1, 2, 3]) transport.send(7, REQUEST, answers, tag);
    await nextTurn();
    const calls = node.batches[0] ?? [];
    calls[1]?.respond(STALE);
    transport.send(7, REQUEST, answers, 4);
    transport.takeDown(7);
    expect(answers.got).toEqual([[2, STALE]]);
    await nextTurn();
    calls[0]?.respond(STALE);
    expect(answers.got.slice(1)).toEqual([1, 3, 4].map((tag) => [tag, LOST]));
    expect(node.batches).toHaveLength(1);
  });

  it('answers a busy fault above the bound on requests under way', async () => {
    const { transport, node, answers } = setUp();
    const ignore = { onResponse() {} };
    for (let i = 0; i < limits.requestsPerNode; i++) transport.send(7, REQUEST, ignore, i);
    transport.send(7, REQUEST, answers, 1);
    expect(answers.got).toEqual([]);
    await nextTurn();
    expect(answers.got).toEqual([[1, BUSY]]);
    node.batches[0]?.[0]?.respond(STALE);
    transport.send(7, REQUEST, answers, 2);
    await nextTurn();
    expect(node.batches.map((calls) => calls.length)).toEqual([limits.requestsPerNode, 1]);
  });

  it('serves again once the node is up', async () => {
    const { transport, node, answers } = setUp();
    transport.takeDown(7);
    transport.takeUp(7);
    node.respondAtOnce = true;
    transport.send(7, REQUEST, answers, 9);
    await nextTurn();
    expect(answers.got).toEqual([[9, STALE]]);
  });

  it('tells the listener of nodes that are up already, and of every change', () => {
    const { transport } = setUp();
    const seen: string[] = [];
    transport.setListener({
      onNodeUp: (hello) => seen.push(`up ${hello.nodeId} ${hello.incarnation}`),
      onNodeDown: (nodeId) => seen.push(`down ${nodeId}`),
    });
    transport.takeDown(7);
    expect(transport.isUp(7)).toBe(false);
    transport.takeUp(7);
    transport.removeNode(7);
    transport.addNode(new FakeNode(8));
    expect(seen).toEqual(['up 7 i1', 'down 7', 'up 7 i1', 'down 7', 'up 8 i1']);
  });

  it('a request sent from a response arrives in the same flush', async () => {
    const { transport, node } = setUp();
    node.respondAtOnce = true;
    let left = 3;
    const receiver = {
      onResponse() {
        if (--left > 0) transport.send(7, REQUEST, receiver, 0);
      },
    };
    transport.send(7, REQUEST, receiver, 0);
    await new Promise((done) => setImmediate(done));
    expect(left).toBe(0);
    expect(node.batches.map((calls) => calls.length)).toEqual([1, 1, 1]);
  });

  it('does not keep requests that are answered', () => {
    const transport = new InProcessTransport(new HastyClock());
    const open: Call[] = [];
    const node = new FakeNode(7);
    transport.addNode({ hello: () => node.hello(), receive: (calls) => void open.push(...calls) });
    const receiver = { onResponse() {} };
    const share = keptShare(() => {
      transport.send(7, Object.assign({ litter: litter() }, REQUEST), receiver, 0);
      if (open.length > 10) open.shift()?.respond(STALE);
    });
    expect(share).toBeLessThan(0.05);
  });
});
