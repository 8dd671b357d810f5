import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { keptShare, litter } from '../base/testing/kept-garbage.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import type { Ballot } from '../record/ballot.ts';
import { NO_NAMESPACE } from '../record/state.ts';
import {
  Ack,
  type CommitRequest,
  LOST,
  MessageType,
  type PrepareRequest,
  type RecordAddress,
  type Request,
  type Response,
  Want,
} from '../rpc/messages.ts';
import { BundledTransport } from './bundled-transport.ts';
import { JointTransport } from './joint-transport.ts';
import { ProposerRules } from './rules.ts';
import { ADDRESS, stateOf } from './testing/round-kit.ts';
import { ScriptedTransport } from './testing/scripted-transport.ts';

const B1: Ballot = { time: 1, proposer: 1 };
const B2: Ballot = { time: 2, proposer: 1 };
const PROMISE: Response = { type: MessageType.promise, accepted: B1, state: null };

function at(shard: number): RecordAddress {
  return { ...ADDRESS, shard };
}

function prepare(shard: number, ballot = B1): PrepareRequest {
  return { type: MessageType.prepare, address: at(shard), ballot, want: Want.full };
}

function commit(shard: number, changes: Partial<CommitRequest> = {}): CommitRequest {
  const state = stateOf(B2);
  return {
    ...{ type: MessageType.commit, address: at(shard), ballot: B2, baseOrigin: B1, state },
    ...{ pages: null, next: B2, encoded: undefined },
    ...changes,
  };
}

/** A transport, the network below, and what was answered to the requests that `send` gives a name each. */
function setUp() {
  const clock = new ManualClock();
  const network = new ScriptedTransport();
  const transport = new BundledTransport(network, clock);
  const answers = new Map<string, Response>();
  const send = (name: string, node: number, request: Request): void => {
    const receiver = {
      onResponse: (tag: number, response: Response): void => {
        expect(tag).toBe(name.length);
        expect(answers.has(name)).toBe(false);
        answers.set(name, response);
      },
    };
    transport.send(node, request, receiver, name.length);
  };
  const types = (): number[] => network.open.map(({ request }) => request.type);
  return { clock, network, transport, answers, send, types };
}

describe('requests that are sent together', () => {
  it('travel in one message to each node, and are answered one by one', () => {
    const { clock, network, answers, send } = setUp();
    send('a', 1, prepare(0));
    send('bb', 1, prepare(1));
    send('c', 2, prepare(0));
    expect(network.sent).toEqual([]);
    clock.flushTurn();
    expect(network.sent.map(({ nodeId, request }) => [nodeId, request])).toEqual([
      [1, { type: MessageType.prepareMany, load: true, ballot: B1, addresses: [at(0), at(1)], wants: [2, 2] }],
      [2, prepare(0)],
    ]);
    const state = stateOf(B2);
    network.answer(1, { type: MessageType.promisesMany, accepted: [B1, B2], states: [null, state] });
    network.answer(2, PROMISE);
    expect(Object.fromEntries(answers)).toEqual({
      a: PROMISE,
      bb: { type: MessageType.promise, accepted: B2, state },
      c: PROMISE,
    });
  });

  it('are of one kind and one ballot', () => {
    const { clock, send, types } = setUp();
    for (const shard of [0, 1]) {
      send('a', 1, prepare(shard, B1));
      send('a', 1, prepare(shard, B2));
      send('a', 1, commit(shard));
      send('a', 1, { type: MessageType.read, address: at(shard), want: Want.full, ifAccepted: null });
    }
    clock.flushTurn();
    const { prepareMany, commitMany, readMany } = MessageType;
    expect(types()).toEqual([prepareMany, prepareMany, commitMany, readMany]);
  });

  it('are several messages where they are very many, or very large', () => {
    const { clock, network, send } = setUp();
    for (let i = 0; i < limits.expressItems + 2; i++) send('a', 1, prepare(0));
    expect(network.sent).toHaveLength(1);
    const state = { ...stateOf(B2), value: Buffer.alloc(limits.frameTargetBytes / 2) };
    for (let i = 0; i < 3; i++) send('a', 2, commit(0, { state }));
    expect(network.sent).toHaveLength(2);
    const header = stateOf(B2).header;
    const intent = { transaction: 't', shard: 0, ballot: B2, records: [], proposed: state, pages: null };
    for (let i = 0; i < 2; i++)
      send('a', 3, commit(0, { state: { header, meta: Buffer.alloc(1), value: null, intent } }));
    expect(network.sent).toHaveLength(3);
    clock.flushTurn();
    expect(network.sent.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3, 1, 2]);
  });

  it('are asked alone where a node passes or refuses', () => {
    const { clock, network, answers, send } = setUp();
    const names = ['a', 'bb', 'ccc', 'dddd', 'eeeee'];
    for (const [i, name] of names.entries()) send(name, 1, commit(i));
    clock.flushTurn();
    const acks = [Ack.passed, Ack.refused, Ack.accepted, Ack.acceptedAndNext, Ack.full];
    network.answer(1, { type: MessageType.acksMany, acks });
    expect(Object.fromEntries(answers)).toEqual({
      ccc: { type: MessageType.ack, nextRecorded: false },
      dddd: { type: MessageType.ack, nextRecorded: true },
    });
    expect(network.open.map(({ request }) => request)).toEqual([commit(0), commit(1), commit(4)]);
    const reject: Response = { type: MessageType.reject, ballot: B2, floor: B1 };
    network.answer(1, { type: MessageType.ack, nextRecorded: true });
    network.answer(1, reject);
    expect(answers.get('a')).toEqual({ type: MessageType.ack, nextRecorded: true });
    expect(answers.get('bb')).toEqual(reject);
    send('f', 1, prepare(0));
    send('gg', 1, prepare(1));
    clock.flushTurn();
    network.open[1]?.answer({ type: MessageType.promisesMany, accepted: [null, B1], states: [null, null] });
    expect(network.open.at(-1)?.request).toEqual(prepare(0));
    expect(answers.get('gg')).toEqual(PROMISE);
  });

  it('share what becomes of their message', () => {
    const { clock, network, answers, send } = setUp();
    send('a', 1, prepare(0));
    send('bb', 1, prepare(1));
    clock.flushTurn();
    network.answer(1, LOST);
    expect([...answers.values()]).toEqual([LOST, LOST]);
    expect(network.open).toEqual([]);
  });

  it('are not kept once they have gone', () => {
    let flush = (): void => {};
    const endOfTurn = (fn: () => void): void => {
      flush = fn;
    };
    const transport = new BundledTransport({ send: () => {} } as never, { endOfTurn } as never);
    const requests = [prepare(0), prepare(1)];
    const share = keptShare(() => {
      const receiver = { onResponse() {}, litter: litter() };
      for (const request of requests) transport.send(1, request, receiver, 0);
      flush();
    });
    expect(share).toBeLessThan(0.05);
  });
});

describe('requests that travel alone', () => {
  it.each<[string, Request]>([
    ['with pages', commit(0, { pages: { complete: false, added: [], dropped: [] } })],
    ['the first of a transaction', commit(0, { address: { ...at(0), namespace: NO_NAMESPACE } })],
    ['a read of what was seen', { type: MessageType.read, address: at(0), want: Want.full, ifAccepted: B1 }],
    ['about a node', { type: MessageType.nodeStatus }],
  ])('%s', (_what, request) => {
    const { network, answers, send } = setUp();
    send('a', 1, request);
    send('bb', 1, request);
    expect(network.sent.map((sent) => sent.request)).toEqual([request, request]);
    network.answer(1, LOST);
    network.answer(1, LOST);
    expect([...answers.values()]).toEqual([LOST, LOST]);
  });

  it('those of a zone that moves', () => {
    const clock = new ManualClock();
    const network = new ScriptedTransport();
    const joint = new JointTransport(network, clock, new ProposerRules());
    const transport = new BundledTransport(joint, clock);
    const pair = joint.numberOf({ old: 1, learner: 2, oldVotes: true });
    for (const shard of [0, 1]) transport.send(pair, commit(shard), { onResponse() {} }, 0);
    expect(network.sent.map(({ nodeId, request }) => [nodeId, request.type])).toEqual(
      [1, 2, 1, 2].map((node) => [node, MessageType.commit]),
    );
  });
});
