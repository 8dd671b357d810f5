import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { LOST, MessageType, type Request, type Response, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { majority } from './majority.ts';
import { type PrepareResult, PrepareRound } from './prepare-round.ts';
import {
  ADDRESS,
  CORRUPT_FAULT,
  EPOCH_REFUSAL,
  IO_FAULT,
  type RoundKit,
  roundKit,
  stateOf,
  tickFor,
} from './testing/round-kit.ts';

const A: Ballot = { time: 100, proposer: 1 };
const B: Ballot = { time: 200, proposer: 2 };
const NODES: readonly NodeId[] = [1, 2, 3];

interface Started {
  readonly kit: RoundKit;
  readonly round: PrepareRound;
  readonly ballot: Ballot;
  result: PrepareResult | null;
}

function start(nodes: readonly NodeId[] = NODES): Started {
  const kit = roundKit();
  const ballot = kit.ballots.next();
  const owner = {
    onPrepared: (result: PrepareResult) => {
      expect(started.result).toBeNull();
      started.result = result;
    },
  };
  const round = new PrepareRound(kit, nodes, ADDRESS, ballot, Want.full, owner);
  const started: Started = { kit, round, ballot, result: null };
  round.begin(kit.clock.monotonicMs());
  return started;
}

/** What a node that holds `accepted` answers. */
function answerOf(request: Request, accepted: Ballot): Response {
  if (request.type === MessageType.prepare) {
    const sent = request.want !== Want.nothing && !sameBallot(accepted, NO_BALLOT);
    return { type: MessageType.promise, accepted, state: sent ? stateOf(accepted) : null };
  }
  expect(request.type).toBe(MessageType.read);
  const fits = request.type === MessageType.read && request.ifAccepted !== null;
  const state = fits && sameBallot(request.ifAccepted, accepted) ? stateOf(accepted) : null;
  return { type: MessageType.state, accepted, state };
}

function answer({ kit }: Started, nodeId: NodeId, accepted: Ballot): void {
  const sent = kit.transport.open.find((other) => other.nodeId === nodeId);
  expect(sent).toBeDefined();
  sent?.answer(answerOf(sent.request, accepted));
}

function rejectWith(ballot: Ballot, floor: Ballot = NO_BALLOT): Response {
  return { type: MessageType.reject, ballot, floor };
}

const CLOCK: Response = { type: MessageType.clock, clockUs: 0, ceiling: NO_BALLOT };

describe('prepare round', () => {
  it('asks Q nodes, only the first for its state', () => {
    const { kit, ballot } = start();
    expect(kit.transport.asked()).toEqual([1, 2]);
    expect(kit.transport.sent.map(({ request }) => request)).toEqual([
      { type: MessageType.prepare, address: ADDRESS, ballot, want: Want.full },
      { type: MessageType.prepare, address: ADDRESS, ballot, want: Want.nothing },
    ]);
  });

  it.each([1, 3, 5])('ends with equal promises of Q of %i', (count) => {
    const started = start(Array.from({ length: count }, (_, i) => i + 1));
    for (let node = 1; node <= majority(count); node++) answer(started, node, A);
    const base = { accepted: A, state: stateOf(A), differ: false };
    expect(started.result).toMatchObject({ kind: 'promised', base });
  });

  it('takes the highest of differing promises as the base, and says that they differed', () => {
    const started = start();
    answer(started, 1, B);
    answer(started, 2, A);
    const base = { accepted: B, state: stateOf(B), differ: true, holders: [1], sawCorrupt: false };
    expect(started.result).toEqual({ kind: 'promised', base });
  });

  it('fetches the base from the node that holds it, if it still does', () => {
    const started = start();
    answer(started, 1, A);
    answer(started, 2, B);
    expect(started.kit.transport.open[0]?.request).toMatchObject({ type: MessageType.read, ifAccepted: B });
    answer(started, 2, B);
    const base = { accepted: B, state: stateOf(B), differ: true, holders: [2], sawCorrupt: false };
    expect(started.result).toEqual({ kind: 'promised', base });
  });

  it('tries another ballot when the base moved or its holder went away before it was fetched', () => {
    const moved: Response = { type: MessageType.state, accepted: A, state: null };
    for (const response of [moved, LOST]) {
      const started = start();
      answer(started, 1, A);
      answer(started, 2, B);
      started.kit.transport.answer(2, response);
      expect(started.result).toEqual({ kind: 'refused' });
    }
  });

  it('names the node that sent the state first, whoever promised first', () => {
    const started = start();
    answer(started, 2, A);
    answer(started, 1, A);
    expect(started.result).toMatchObject({ base: { holders: [1, 2] } });
  });

  it('moves past what refused it', () => {
    const started = start();
    const higher: Ballot = { time: started.ballot.time + 1_000, proposer: 3 };
    started.kit.transport.answer(1, rejectWith(higher));
    expect(started.kit.transport.asked()).toEqual([2, 3]);
    started.kit.transport.answer(2, rejectWith(NO_BALLOT, { time: higher.time + 5, proposer: 3 }));
    expect(started.result).toEqual({ kind: 'refused' });
    expect(started.kit.ballots.next().time).toBe(higher.time + 6);
  });

  it('does without a minority that refuses', () => {
    const started = start();
    started.kit.transport.answer(1, rejectWith({ time: started.ballot.time + 1, proposer: 3 }));
    answer(started, 2, NO_BALLOT);
    answer(started, 3, NO_BALLOT);
    expect(started.result).toMatchObject({ kind: 'promised', base: { state: null, differ: false } });
  });

  it('gives the ballot up when one refuses and the last one is gone, or hangs', () => {
    const gone = start();
    answer(gone, 1, A);
    gone.kit.transport.answer(2, rejectWith({ time: gone.ballot.time + 1, proposer: 3 }));
    gone.kit.transport.answer(3, LOST);
    expect(gone.result).toEqual({ kind: 'refused' });

    const hanging = start();
    answer(hanging, 1, A);
    hanging.kit.transport.answer(2, rejectWith({ time: hanging.ballot.time + 1, proposer: 3 }));
    tickFor(hanging.kit, hanging.round, limits.hedgeDelayMs + 5);
    expect(hanging.result).toEqual({ kind: 'refused' });
  });

  it('waits, sending again, while no quorum is reachable and nobody refuses', () => {
    const started = start();
    started.kit.transport.answer(1, LOST);
    started.kit.transport.answer(2, IO_FAULT);
    tickFor(started.kit, started.round, limits.resendDelayMs + 5);
    expect(started.result).toBeNull();
    expect(started.kit.transport.asked().sort()).toEqual([1, 2, 3, 3]);
    answer(started, 1, A);
    answer(started, 2, A);
    expect(started.result).toMatchObject({ kind: 'promised' });
  });

  it('gives up a base whose holder hangs: another ballot goes by others', () => {
    const started = start();
    answer(started, 1, A);
    answer(started, 2, B);
    tickFor(started.kit, started.round, limits.hedgeDelayMs + 5);
    expect(started.result).toEqual({ kind: 'refused' });
  });

  it('finds its clock broken only when CLOCK leaves no quorum', () => {
    const one = start();
    one.kit.transport.answer(1, CLOCK);
    answer(one, 2, A);
    answer(one, 3, NO_BALLOT);
    answer(one, 2, A);
    expect(one.result).toMatchObject({ kind: 'promised' });
    const two = start();
    two.kit.transport.answer(1, CLOCK);
    two.kit.transport.answer(2, CLOCK);
    expect(two.result).toEqual({ kind: 'clock-broken' });
  });

  it('is fenced when epochs leave no quorum, also with a node down', () => {
    const started = start();
    started.kit.transport.answer(1, EPOCH_REFUSAL);
    started.kit.transport.answer(2, EPOCH_REFUSAL);
    expect(started.result).toEqual({ kind: 'fenced', mapEpoch: 5 });
    const withOneDown = start();
    answer(withOneDown, 1, A);
    withOneDown.kit.transport.answer(2, EPOCH_REFUSAL);
    withOneDown.kit.transport.answer(3, LOST);
    expect(withOneDown.result).toEqual({ kind: 'fenced', mapEpoch: 5 });
  });

  it('takes a corrupt record for no answer, and not for a reason to avoid the node', () => {
    const started = start();
    started.kit.transport.answer(1, CORRUPT_FAULT);
    expect(started.kit.transport.asked()).toEqual([2, 3]);
    expect(started.kit.health.prefer(NODES)).toEqual(NODES);
  });

  it('does not follow one fast clock, however often it answers', () => {
    const started = start();
    const far: Ballot = { time: started.kit.clock.wallUs() + 3_600_000_000, proposer: 9 };
    started.kit.transport.answer(1, rejectWith(far));
    started.kit.transport.answer(2, LOST);
    for (let i = 0; i < 3; i++) {
      tickFor(started.kit, started.round, limits.resendDelayMs + 5);
      while (started.kit.transport.asked().includes(1)) started.kit.transport.answer(1, rejectWith(far));
    }
    expect(started.result).toBeNull();
    expect(started.kit.counters.get('clock-too-far')).toBeGreaterThan(1);
    expect(started.kit.ballots.next().time).toBeLessThan(far.time);
  });

  it('follows what Q nodes report, as far as both of them do', () => {
    const started = start();
    const farUs = started.kit.clock.wallUs() + 3_600_000_000;
    started.kit.transport.answer(1, rejectWith({ time: farUs + 500, proposer: 9 }));
    started.kit.transport.answer(2, rejectWith({ time: farUs, proposer: 9 }));
    expect(started.result).toEqual({ kind: 'refused' });
    expect(started.kit.ballots.next().time).toBe(farUs + 1);
  });

  it('goes by the highest of Q promises in whatever order answers come', () => {
    const held = fc.constantFrom(NO_BALLOT, A, B, 'reject' as const, 'lost' as const);
    const world = fc.tuple(
      fc.constantFrom(1, 3, 5),
      fc.array(held, { minLength: 5, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
    );
    fc.assert(
      fc.property(world, ([count, all, choices]) => {
        const holds = all.slice(0, count);
        const started = start(Array.from({ length: count }, (_, i) => i + 1));
        const promised = new Map<NodeId, Ballot>();
        while (started.result === null && started.kit.transport.open.length > 0) {
          const { open } = started.kit.transport;
          const sent = open[Number(choices.next().value) % open.length];
          const has = holds[(sent?.nodeId ?? 0) - 1];
          if (sent === undefined || has === undefined) break;
          if (has === 'lost') sent.answer(LOST);
          else if (has === 'reject') sent.answer(rejectWith({ time: started.ballot.time + 9, proposer: 9 }));
          else {
            promised.set(sent.nodeId, has);
            sent.answer(answerOf(sent.request, has));
          }
        }
        checkResult(started.result, holds, promised);
      }),
    );
  });
});

/** The dumb twin. */
function checkResult(
  result: PrepareResult | null,
  holds: readonly (Ballot | 'reject' | 'lost')[],
  promised: ReadonlyMap<NodeId, Ballot>,
): void {
  const quorum = majority(holds.length);
  const willing = holds.filter((held) => typeof held !== 'string').length;
  const rejecting = holds.filter((held) => held === 'reject').length;
  if (willing >= quorum && holds.length - rejecting >= quorum && rejecting === 0) expect(result?.kind).toBe('promised');
  if (result === null) {
    expect(willing).toBeLessThan(quorum);
    expect(rejecting).toBe(0);
    return;
  }
  if (result.kind === 'promised') {
    const ballots = [...promised.values()];
    const highest = ballots.reduce((a, b) => (compareBallots(a, b) > 0 ? a : b));
    expect(ballots.length).toBeGreaterThanOrEqual(quorum);
    expect(result.base.accepted).toEqual(highest);
    expect(result.base.differ).toBe(!ballots.every((ballot) => sameBallot(ballot, highest)));
    expect(result.base.state).toEqual(sameBallot(highest, NO_BALLOT) ? null : stateOf(highest));
  } else {
    expect(result.kind).toBe('refused');
    expect(rejecting).toBeGreaterThan(0);
  }
}
