import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { type CommitRequest, LOST, MessageType, type Request, type Response, Want } from '../rpc/messages.ts';
import type { ScanEntry } from '../rpc/scan-messages.ts';
import { isPair, JointTransport } from './joint-transport.ts';
import { ProposerRules } from './rules.ts';
import { ADDRESS, EPOCH_REFUSAL, IO_FAULT, stateOf } from './testing/round-kit.ts';
import { ScriptedTransport } from './testing/scripted-transport.ts';

const A: Ballot = { time: 100, proposer: 1 };
const B: Ballot = { time: 200, proposer: 2 };
const OLD = 1;
const LEARNER = 4;
const ACK: Response = { type: MessageType.ack, nextRecorded: true };
const REJECT: Response = { type: MessageType.reject, ballot: B, floor: NO_BALLOT };
const STORED: Response = { type: MessageType.pagesStored };

const READ: Request = { type: MessageType.read, address: ADDRESS, want: Want.full, ifAccepted: null };
const PREPARE: Request = { type: MessageType.prepare, address: ADDRESS, ballot: B, want: Want.full };
const COMMIT: CommitRequest = {
  type: MessageType.commit,
  address: ADDRESS,
  ballot: B,
  baseOrigin: A,
  state: stateOf(B),
  pages: null,
  next: null,
};

function stateOfNode(accepted: Ballot, sent = true): Response {
  return { type: MessageType.state, accepted, state: sent ? stateOf(accepted) : null };
}

function jointKit(oldVotes = true) {
  const clock = new ManualClock();
  const network = new ScriptedTransport();
  const joint = new JointTransport(network, clock, new ProposerRules());
  const pair = joint.numberOf({ old: OLD, learner: LEARNER, oldVotes });
  const answers: Response[] = [];
  const send = (request: Request): void => {
    joint.send(
      pair,
      request,
      { onResponse: (tag, response) => void answers.push(Object.assign({}, response, { tag })) },
      7,
    );
  };
  /** What comes of the request when first one and then the other answers; null: not yet. */
  const both = (request: Request, old: Response, learner: Response, oldFirst = true): Response | null => {
    send(request);
    const order = oldFirst ? [OLD, LEARNER] : [LEARNER, OLD];
    for (const node of order) network.answer(node, node === OLD ? old : learner);
    return answers.pop() ?? null;
  };
  return { clock, network, joint, pair, answers, send, both };
}

describe('a pair', () => {
  it('has a number above all nodes, the same for the same pair', () => {
    const { joint, pair } = jointKit();
    expect(isPair(pair)).toBe(true);
    expect(isPair(0xffff_ffff)).toBe(false);
    expect(joint.numberOf({ old: OLD, learner: LEARNER, oldVotes: true })).toBe(pair);
    expect(joint.numberOf({ old: OLD, learner: LEARNER, oldVotes: false })).not.toBe(pair);
    expect(joint.nodesOf(pair)).toEqual([OLD, LEARNER]);
    expect(joint.nodesOf(3)).toEqual([3]);
  });

  it('that nobody named for long is forgotten, and what is sent to it is lost', () => {
    const { clock, joint, pair, answers, send } = jointKit();
    for (let learner = 10; learner < 10 + limits.jointPairs; learner++) {
      joint.numberOf({ old: OLD, learner, oldVotes: true });
    }
    expect(joint.nodesOf(pair)).toEqual([]);
    send(READ);
    expect(answers).toEqual([]);
    clock.flushTurn();
    expect(answers).toEqual([{ ...LOST, tag: 7 }]);
  });

  it('passes what is for plain nodes', () => {
    const { network, joint } = jointKit();
    joint.send(2, READ, { onResponse() {} }, 0);
    expect(network.asked()).toEqual([2]);
    expect(network.sent[0]?.request).toBe(READ);
  });

  it('is up while both are, and one that does not vote never is', () => {
    const { network, joint, pair } = jointKit();
    expect(joint.isUp(pair)).toBe(true);
    network.down.add(LEARNER);
    expect(joint.isUp(pair)).toBe(false);
    const alone = jointKit(false);
    expect(alone.joint.isUp(alone.pair)).toBe(false);
  });

  it.each([true, false])('reads alike: the state, whoever sent it (old first: %s)', (oldFirst) => {
    const { both } = jointKit();
    expect(both(READ, stateOfNode(A), stateOfNode(A, false), oldFirst)).toEqual({ ...stateOfNode(A), tag: 7 });
    expect(both(READ, stateOfNode(A, false), stateOfNode(A), oldFirst)).toEqual({ ...stateOfNode(A), tag: 7 });
    expect(both(READ, stateOfNode(NO_BALLOT, false), stateOfNode(NO_BALLOT, false), oldFirst)).toMatchObject({
      accepted: NO_BALLOT,
    });
  });

  it.each([true, false])('that differs gives the higher state, marked (old first: %s)', (oldFirst) => {
    const { both } = jointKit();
    expect(both(READ, stateOfNode(A), stateOfNode(B), oldFirst)).toMatchObject({ accepted: B, split: true });
    expect(both(READ, stateOfNode(B), stateOfNode(NO_BALLOT, false), oldFirst)).toMatchObject({
      accepted: B,
      state: stateOf(B),
      split: true,
    });
    const promise = (accepted: Ballot): Response => ({ type: MessageType.promise, accepted, state: stateOf(accepted) });
    expect(both(PREPARE, promise(A), promise(B), oldFirst)).toMatchObject({ accepted: B, split: true });
    expect(both(PREPARE, promise(B), promise(B), oldFirst)).not.toHaveProperty('split');
  });

  it.each([true, false])(
    'that differs sends no state without its value where that was asked for (old first: %s)',
    (oldFirst) => {
      const { both } = jointKit();
      const part = { ...stateOf(B), value: null };
      const promise: Response = { type: MessageType.promise, accepted: B, state: part };
      const held: Response = { type: MessageType.promise, accepted: A, state: stateOf(A) };
      expect(both(PREPARE, held, promise, oldFirst)).toMatchObject({ accepted: B, state: null, split: true });
      const enough = { ...PREPARE, want: Want.meta };
      expect(both(enough, held, promise, oldFirst)).toMatchObject({ accepted: B, state: part, split: true });
    },
  );

  it('does not fetch a whole state twice', () => {
    const { network, send } = jointKit();
    send(READ);
    send(PREPARE);
    const wants = network.sent.map(({ nodeId, request }) => [nodeId, 'want' in request ? request.want : null]);
    expect(wants).toEqual([
      [OLD, Want.full],
      [LEARNER, Want.meta],
      [OLD, Want.full],
      [LEARNER, Want.meta],
    ]);
  });

  it('has accepted when both have, and promised `next` when both have', () => {
    const { both } = jointKit();
    const ackOnly: Response = { type: MessageType.ack, nextRecorded: false };
    expect(both(COMMIT, ACK, ACK)).toMatchObject({ type: MessageType.ack, nextRecorded: true });
    expect(both(COMMIT, ACK, ackOnly)).toMatchObject({ type: MessageType.ack, nextRecorded: false });
    expect(both(COMMIT, ackOnly, ACK)).toMatchObject({ type: MessageType.ack, nextRecorded: false });
  });

  it.each([REJECT, EPOCH_REFUSAL, IO_FAULT, LOST, { type: MessageType.stale } as const])(
    'does not wait where one of them has no answer: $type',
    (response) => {
      const { network, answers, send } = jointKit();
      for (const node of [OLD, LEARNER]) {
        send(COMMIT);
        network.answer(node, response);
        expect(answers.pop()).toMatchObject(response);
        network.answer(node === OLD ? LEARNER : OLD, ACK);
        expect(answers).toEqual([]);
      }
    },
  );

  it('tells of an epoch refusal that comes after the answer', () => {
    const { network, joint, send } = jointKit();
    const heard: unknown[] = [];
    joint.epochs = { onOtherEpoch: (node, epoch) => void heard.push([node, epoch]), isCurrent: () => true };
    send(COMMIT);
    network.answer(OLD, LOST);
    network.answer(LEARNER, EPOCH_REFUSAL);
    expect(heard).toEqual([[LEARNER, 5]]);
  });

  it('puts pages on both, lacks what either lacks, and has what either has', () => {
    const { network, answers, send, both } = jointKit();
    const [one, two] = [Buffer.from('1'), Buffer.from('2')];
    const pagesOf = (...pages: (Buffer | null)[]): Response => ({ type: MessageType.pages, pages });
    const idsOf = (pageIds: string[] | null): Response => ({ type: MessageType.pageIds, pageIds });
    expect(both({ type: MessageType.putPages, address: ADDRESS, pages: [] }, STORED, STORED)).toMatchObject(STORED);
    const missing: Request = { type: MessageType.missingPages, address: ADDRESS, pageIds: ['a', 'b', 'c'] };
    expect(both(missing, idsOf(['a']), idsOf(['b', 'a']))).toMatchObject({ pageIds: ['a', 'b'] });
    const get: Request = { type: MessageType.getPages, address: ADDRESS, pageIds: ['a', 'b'] };
    expect(both(get, pagesOf(one, null), pagesOf(null, two))).toMatchObject({ pages: [one, two] });
    expect(both(get, LOST, pagesOf(one, two))).toMatchObject({ pages: [one, two] });
    expect(both(get, pagesOf(one, null), LOST)).toMatchObject({ pages: [one, null] });
    const list: Request = { type: MessageType.listPages, address: ADDRESS, ifOrigin: A };
    expect(both(list, idsOf(null), idsOf(['a']))).toMatchObject({ pageIds: ['a'] });
    // The old one has all: nobody else is asked.
    send(get);
    network.answer(OLD, pagesOf(one, two));
    expect(answers.pop()).toMatchObject({ pages: [one, two] });
    expect(network.asked()).toEqual([]);
  });

  it('scans up to where both have looked, and marks what is not on both', () => {
    const { both } = jointKit();
    const entry = (id: string, accepted: Ballot): ScanEntry => ({ id, accepted, state: stateOf(accepted) });
    const scanned = (entries: ScanEntry[], lastId: string, exhausted: boolean): Response => ({
      type: MessageType.scanned,
      entries,
      lastId,
      exhausted,
    });
    const scan = { type: MessageType.scan } as Request;
    const merged = both(
      scan,
      scanned([entry('a', A), entry('b', A), entry('d', A)], 'e', false),
      scanned([entry('a', A), entry('b', B), entry('c', A)], 'c', false),
    );
    expect(merged).toMatchObject({ lastId: 'c', exhausted: false });
    const marks = merged?.type === MessageType.scanned ? merged.entries.map(({ id, split }) => [id, split]) : [];
    expect(marks).toEqual([
      ['a', undefined],
      ['b', true],
      ['c', true],
    ]);
    const whole = both(scan, scanned([entry('z', A)], 'z', true), scanned([], '', true));
    expect(whole).toMatchObject({ exhausted: true, entries: [{ id: 'z', split: true }] });
  });

  it('counts what both count alike of the same range; all else is not settled', () => {
    const { both } = jointKit();
    const counted = (digests: readonly string[], lastId: string, exhausted: boolean): Response => ({
      type: MessageType.recordsCounted,
      counts: digests.map((digest) => ({ keys: 1, expires: 0, digest, isSettled: true })),
      lastId,
      exhausted,
    });
    const count = { type: MessageType.countRecords } as Request;
    const settled = (old: Response, learner: Response): readonly boolean[] => {
      const merged = both(count, old, learner);
      return merged?.type === MessageType.recordsCounted ? merged.counts.map(({ isSettled }) => isSettled) : [];
    };
    expect(settled(counted(['a', 'b'], 'x', true), counted(['a', 'c'], 'y', true))).toEqual([true, false]);
    expect(settled(counted(['a'], 'x', false), counted(['a'], 'x', false))).toEqual([true]);
    expect(settled(counted(['a'], 'x', false), counted(['a'], 'y', false))).toEqual([false]);
    expect(settled(counted(['a'], 'x', true), counted(['a'], 'x', false))).toEqual([false]);
    expect(both(count, counted(['a'], '', true), counted(['a'], 'x', false))).toMatchObject({
      lastId: 'x',
      exhausted: false,
    });
    expect(both(count, counted(['a'], 'w', false), counted(['a'], 'x', false))).toMatchObject({ lastId: 'w' });
  });

  it('without an old node that votes takes COMMITs and pages, and never answers', () => {
    const { clock, network, answers, send } = jointKit(false);
    for (const request of [READ, PREPARE, COMMIT]) send(request);
    clock.flushTurn();
    expect(answers).toEqual([LOST, LOST, LOST].map((lost) => ({ ...lost, tag: 7 })));
    expect(network.sent.map(({ nodeId, request }) => [nodeId, request.type])).toEqual([[LEARNER, MessageType.commit]]);
    network.answer(LEARNER, ACK);
    expect(answers).toHaveLength(3);
  });
});
