import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { type CommitRequest, LOST, MessageType, type Response } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { type CommitResult, CommitRound } from './commit-round.ts';
import { majority } from './majority.ts';
import { ADDRESS, EPOCH_REFUSAL, type RoundKit, roundKit, stateOf, tickFor } from './testing/round-kit.ts';

const NODES: readonly NodeId[] = [1, 2, 3];

interface Started {
  readonly kit: RoundKit;
  readonly round: CommitRound;
  readonly stale: NodeId[];
  result: CommitResult | null;
}

function start(nodes: readonly NodeId[] = NODES, kit: RoundKit = roundKit()): Started {
  const ballot = kit.ballots.next();
  const commit: CommitRequest = {
    type: MessageType.commit,
    address: ADDRESS,
    ballot,
    baseOrigin: NO_BALLOT,
    state: stateOf(ballot),
    pages: null,
    next: kit.ballots.next(),
    encoded: undefined,
  };
  const stale: NodeId[] = [];
  const owner = {
    onCommitted: (result: CommitResult) => {
      expect(started.result).toBeNull();
      started.result = result;
    },
    onStale: (node: NodeId) => void stale.push(node),
  };
  const round = new CommitRound(kit, nodes, commit, owner);
  const started: Started = { kit, round, stale, result: null };
  round.begin(kit.clock.monotonicMs());
  return started;
}

const ack = (nextRecorded = true): Response => ({ type: MessageType.ack, nextRecorded });
const STALE: Response = { type: MessageType.stale };

function rejectAbove(kit: RoundKit, aboveUs = 1_000): Response {
  const ballot: Ballot = { time: kit.clock.wallUs() + aboveUs, proposer: 9 };
  return { type: MessageType.reject, ballot, floor: NO_BALLOT };
}

describe('commit round', () => {
  it.each([1, 3, 5])('goes to all of %i nodes, the same to each', (count) => {
    const nodes = Array.from({ length: count }, (_, i) => i + 1);
    const { kit, round } = start(nodes);
    expect(kit.transport.asked()).toEqual(nodes);
    expect(new Set(kit.transport.sent.map(({ request }) => request))).toEqual(new Set([round.commit]));
  });

  it('is chosen with the Qth acknowledgement', () => {
    const started = start();
    started.kit.transport.answer(3, ack());
    expect(started.result).toBeNull();
    started.kit.transport.answer(1, ack());
    expect(started.result).toEqual({ kind: 'chosen', nextRecorded: true });
  });

  it('counts a node that acknowledges twice once', () => {
    const started = start();
    tickFor(started.kit, started.round, limits.resendDelayMs + 5);
    started.kit.transport.answer(1, ack());
    started.kit.transport.answer(1, ack());
    expect(started.result).toBeNull();
  });

  it('does not start a chain unless Q nodes recorded next', () => {
    const started = start();
    started.kit.transport.answer(1, ack(false));
    started.kit.transport.answer(2, ack());
    expect(started.result).toEqual({ kind: 'chosen', nextRecorded: false });
  });

  it('is chosen although one refuses', () => {
    const started = start();
    started.kit.transport.answer(1, rejectAbove(started.kit));
    started.kit.transport.answer(2, ack());
    started.kit.transport.answer(3, ack());
    expect(started.result).toMatchObject({ kind: 'chosen' });
  });

  it('is refused once Q is impossible, and moves past what refused it', () => {
    const started = start();
    const reject = rejectAbove(started.kit, 5_000);
    started.kit.transport.answer(1, reject);
    started.kit.transport.answer(2, rejectAbove(started.kit, 100));
    expect(started.result).toEqual({ kind: 'refused', fencedEpoch: 0, full: false });
    expect(started.kit.ballots.next().time).toBe(started.kit.clock.wallUs() + 5_001);
  });

  it('counts epoch refusals as refusals, and says which epoch', () => {
    const started = start();
    started.kit.transport.answer(1, EPOCH_REFUSAL);
    started.kit.transport.answer(2, rejectAbove(started.kit));
    expect(started.result).toEqual({ kind: 'refused', fencedEpoch: 5, full: false });
  });

  it('is given up when one refuses and another is gone, or hangs: Q may never come', () => {
    const gone = start();
    gone.kit.transport.answer(1, ack());
    gone.kit.transport.answer(3, LOST);
    gone.kit.transport.answer(2, rejectAbove(gone.kit));
    expect(gone.result).toMatchObject({ kind: 'refused' });

    const hanging = start();
    hanging.kit.transport.answer(1, ack());
    hanging.kit.transport.answer(2, rejectAbove(hanging.kit));
    expect(hanging.result).toBeNull();
    tickFor(hanging.kit, hanging.round, limits.hedgeDelayMs + 5);
    expect(hanging.result).toMatchObject({ kind: 'refused' });
  });

  it('waits, sending again, for nodes that are gone while nobody refuses', () => {
    const started = start();
    started.kit.transport.answer(1, ack());
    started.kit.transport.answer(2, LOST);
    started.kit.transport.answer(3, LOST);
    tickFor(started.kit, started.round, limits.resendDelayMs + 5);
    expect(started.result).toBeNull();
    expect(started.kit.transport.asked()).toEqual([2, 3]);
    started.kit.transport.answer(3, ack());
    expect(started.result).toMatchObject({ kind: 'chosen' });
  });

  it('tells of a stale node, whose answer to the complete list counts', () => {
    const started = start();
    started.kit.transport.answer(1, ack());
    started.kit.transport.answer(2, STALE);
    expect(started.stale).toEqual([2]);
    started.round.sendAgain(1, started.round.commit);
    expect(started.kit.transport.asked()).toEqual([3, 2]);
    started.kit.transport.answer(2, ack());
    expect(started.result).toMatchObject({ kind: 'chosen' });
  });

  it('is neither undone nor repeated by what comes after the end, but learns from it', () => {
    const started = start();
    started.kit.transport.answer(1, ack());
    started.kit.transport.answer(2, ack());
    started.kit.transport.answer(3, rejectAbove(started.kit, 7_000));
    expect(started.result).toMatchObject({ kind: 'chosen' });
    expect(started.kit.ballots.next().time).toBe(started.kit.clock.wallUs() + 7_001);
  });

  it('is chosen only with Q acknowledgements and refused only with a refusal, in whatever order they come', () => {
    const behaviour = fc.constantFrom('ack' as const, 'reject' as const, 'epoch' as const, 'lost' as const);
    const world = fc.tuple(
      fc.constantFrom(1, 3, 5),
      fc.array(behaviour, { minLength: 5, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
    );
    fc.assert(
      fc.property(world, ([count, all, choices]) => {
        const behaves = all.slice(0, count);
        const started = start(Array.from({ length: count }, (_, i) => i + 1));
        let acks = 0;
        let refusals = 0;
        while (started.result === null && started.kit.transport.open.length > 0) {
          const { open } = started.kit.transport;
          const sent = open[Number(choices.next().value) % open.length];
          const how = behaves[(sent?.nodeId ?? 0) - 1];
          if (how === 'ack') acks++;
          if (how === 'reject' || how === 'epoch') refusals++;
          const answers = { ack: ack(), reject: rejectAbove(started.kit), epoch: EPOCH_REFUSAL, lost: LOST };
          if (how !== undefined) sent?.answer(answers[how]);
        }
        const quorum = majority(count);
        if (started.result?.kind === 'chosen') expect(acks).toBe(quorum);
        else if (started.result?.kind === 'refused') expect(refusals).toBeGreaterThan(0);
        else expect([acks < quorum, refusals]).toEqual([true, 0]);
        if (behaves.filter((how) => how === 'ack').length === count) expect(started.result?.kind).toBe('chosen');
      }),
    );
  });
});

describe('when the map moves on', () => {
  it('a COMMIT that hears nothing counts as refused by an epoch', () => {
    const kit = { ...roundKit(), epochs: { onOtherEpoch() {}, isCurrent: () => false } };
    const started = start(NODES, kit);
    for (const node of [1, 2]) kit.transport.answer(node, LOST);
    tickFor(kit, started.round, limits.hedgeDelayMs - 5);
    expect(started.result).toBeNull();
    tickFor(kit, started.round, 10);
    expect(started.result).toEqual({ kind: 'refused', fencedEpoch: 1, full: false });
  });

  it('a COMMIT is answered as ever if Q nodes take it in time', () => {
    const kit = { ...roundKit(), epochs: { onOtherEpoch() {}, isCurrent: () => false } };
    const started = start(NODES, kit);
    for (const node of [1, 2]) kit.transport.answer(node, ack());
    expect(started.result).toEqual({ kind: 'chosen', nextRecorded: true });
  });
});
