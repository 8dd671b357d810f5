import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, formatBallot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { LOST, MessageType, type ReadRequest, type Response, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { majority } from './majority.ts';
import { type ReadResult, ReadRound } from './read-round.ts';
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
import type { SentRequest } from './testing/scripted-transport.ts';

const A: Ballot = { time: 100, proposer: 1 };
const B: Ballot = { time: 200, proposer: 2 };
const NODES: readonly NodeId[] = [1, 2, 3];

interface Started {
  readonly kit: RoundKit;
  readonly round: ReadRound;
  result: ReadResult | null;
}

function start(nodes: readonly NodeId[] = NODES, want: Want = Want.full): Started {
  const kit = roundKit();
  const owner = {
    onRead: (result: ReadResult) => {
      expect(started.result).toBeNull();
      started.result = result;
    },
  };
  const round = new ReadRound(kit, nodes, ADDRESS, want, owner);
  const started: Started = { kit, round, result: null };
  round.begin(kit.clock.monotonicMs());
  return started;
}

/** What a node that holds `accepted` answers to this request. */
function answerOf(request: ReadRequest, accepted: Ballot): Response {
  const fits = request.ifAccepted === null || sameBallot(request.ifAccepted, accepted);
  const sent = fits && request.want !== Want.nothing && !sameBallot(accepted, NO_BALLOT);
  return { type: MessageType.state, accepted, state: sent ? stateOf(accepted) : null };
}

function readRequest(sent: SentRequest): ReadRequest {
  expect(sent.request.type).toBe(MessageType.read);
  return sent.request as ReadRequest;
}

function answer({ kit }: Started, nodeId: NodeId, accepted: Ballot): void {
  const sent = kit.transport.open.find((other) => other.nodeId === nodeId);
  expect(sent).toBeDefined();
  if (sent !== undefined) sent.answer(answerOf(readRequest(sent), accepted));
}

describe('read round', () => {
  it('asks Q nodes, only the first for its state', () => {
    const { kit } = start();
    expect(kit.transport.asked()).toEqual([1, 2]);
    expect(kit.transport.sent.map((sent) => readRequest(sent).want)).toEqual([Want.full, Want.nothing]);
  });

  it.each([1, 3, 5])('agrees on what Q of %i hold', (count) => {
    const nodes = Array.from({ length: count }, (_, i) => i + 1);
    const started = start(nodes);
    for (let node = 1; node <= majority(count); node++) answer(started, node, A);
    expect(started.result).toMatchObject({ kind: 'agreed', accepted: A, state: stateOf(A), sawCorrupt: false });
  });

  it('agrees that a record is absent', () => {
    const started = start();
    answer(started, 1, NO_BALLOT);
    answer(started, 2, NO_BALLOT);
    expect(started.result).toMatchObject({ kind: 'agreed', accepted: NO_BALLOT, state: null });
  });

  it('asks the rest when answers differ, and takes Q equal ones although another is higher', () => {
    const started = start();
    answer(started, 1, B);
    answer(started, 2, A);
    expect(started.kit.transport.asked()).toEqual([3]);
    answer(started, 3, A);
    // Neither of the two was asked for its state: one is, if it still has that one.
    expect(started.kit.transport.open.map((sent) => readRequest(sent).ifAccepted)).toEqual([A]);
    answer(started, started.kit.transport.asked()[0] ?? 0, A);
    expect(started.result).toMatchObject({ kind: 'agreed', accepted: A, state: stateOf(A) });
    // The one that sent the state comes first: it is blamed if the bytes are bad.
    expect(started.result).toMatchObject({ holders: [3, 2] });
  });

  it('is unsettled when no Q agree', () => {
    const started = start();
    answer(started, 1, B);
    answer(started, 2, A);
    answer(started, 3, NO_BALLOT);
    expect(started.result).toEqual({ kind: 'unsettled', highest: B });
  });

  it('starts over when what was agreed on moved before it was fetched', () => {
    const started = start();
    answer(started, 1, NO_BALLOT);
    answer(started, 2, A);
    answer(started, 3, A);
    answer(started, started.kit.transport.asked()[0] ?? 0, B);
    expect(started.result).toMatchObject({ kind: 'unsettled' });
  });

  it.each([LOST, IO_FAULT])('replaces a node that fails at once', (failure) => {
    const started = start();
    started.kit.transport.answer(1, failure);
    expect(started.kit.transport.asked()).toEqual([2, 3]);
    answer(started, 2, A);
    answer(started, 3, A);
    answer(started, started.kit.transport.asked()[0] ?? 0, A);
    expect(started.result).toMatchObject({ kind: 'agreed', state: stateOf(A), sawCorrupt: false });
    expect(started.kit.health.prefer(NODES)).toEqual([2, 3, 1]);
  });

  it('reports a corrupt replica, which is no reason to avoid the node', () => {
    const started = start();
    started.kit.transport.answer(1, CORRUPT_FAULT);
    answer(started, 2, A);
    answer(started, 3, A);
    answer(started, started.kit.transport.asked()[0] ?? 0, A);
    expect(started.result).toMatchObject({ kind: 'agreed', sawCorrupt: true });
    expect(started.kit.counters.get('corrupt-replica')).toBe(1);
    expect(started.kit.health.prefer(NODES)).toEqual(NODES);
  });

  it('asks another node when one is slow, and sends again what was not answered', () => {
    const started = start();
    answer(started, 1, A);
    tickFor(started.kit, started.round, limits.hedgeDelayMs);
    expect(started.kit.transport.asked()).toEqual([2, 3]);
    tickFor(started.kit, started.round, limits.resendDelayMs);
    expect(started.kit.transport.asked()).toEqual([2, 3, 2, 3]);
    answer(started, 3, A);
    expect(started.result).toMatchObject({ kind: 'agreed', accepted: A });
  });

  it('is unsettled without a node that hangs', () => {
    const started = start();
    answer(started, 1, B);
    answer(started, 2, A);
    expect(started.kit.transport.asked()).toEqual([3]);
    tickFor(started.kit, started.round, limits.hedgeDelayMs - 5);
    expect(started.result).toBeNull();
    tickFor(started.kit, started.round, limits.hedgeDelayMs);
    expect(started.result).toEqual({ kind: 'unsettled', highest: B });
  });

  it('starts over when the node whose state is fetched hangs', () => {
    const started = start();
    answer(started, 1, B);
    answer(started, 2, A);
    answer(started, 3, A);
    tickFor(started.kit, started.round, 2 * limits.hedgeDelayMs);
    expect(started.result).toMatchObject({ kind: 'unsettled' });
  });

  it('is fenced when epochs leave no Q, also with a node down', () => {
    const started = start();
    started.kit.transport.answer(1, EPOCH_REFUSAL);
    started.kit.transport.answer(2, EPOCH_REFUSAL);
    expect(started.result).toEqual({ kind: 'fenced', mapEpoch: 5 });
    const withOneDown = start();
    withOneDown.kit.transport.answer(1, EPOCH_REFUSAL);
    withOneDown.kit.transport.answer(3, LOST);
    expect(withOneDown.result).toBeNull();
    answer(withOneDown, 2, A);
    expect(withOneDown.result).toEqual({ kind: 'fenced', mapEpoch: 5 });
  });

  it('does without one node of the wrong epoch', () => {
    const started = start();
    started.kit.transport.answer(1, EPOCH_REFUSAL);
    answer(started, 2, NO_BALLOT);
    answer(started, 3, NO_BALLOT);
    expect(started.result).toMatchObject({ kind: 'agreed', state: null });
  });

  it('takes one node with a far-off clock for one that does not answer, however often it answers', () => {
    const started = start();
    const far: Ballot = { time: started.kit.clock.wallUs() + 3_600_000_000, proposer: 9 };
    answer(started, 1, far);
    started.kit.transport.answer(2, LOST);
    expect(started.kit.transport.asked()).toEqual([3]);
    for (let i = 0; i < 3; i++) {
      tickFor(started.kit, started.round, limits.resendDelayMs + 5);
      while (started.kit.transport.asked().includes(1)) answer(started, 1, far);
    }
    expect(started.result).toBeNull();
    expect(started.kit.ballots.next().time).toBeLessThan(far.time);
  });

  it('follows the far-off clocks of Q nodes', () => {
    const started = start();
    const far: Ballot = { time: started.kit.clock.wallUs() + 3_600_000_000, proposer: 9 };
    answer(started, 1, far);
    answer(started, 2, far);
    expect(started.kit.ballots.next().time).toBe(far.time + 1);
  });

  it('ignores what comes after its end', () => {
    const started = start();
    answer(started, 1, A);
    answer(started, 2, A);
    const first = started.result;
    for (const sent of started.kit.transport.open) sent.answer(answerOf(readRequest(sent), B));
    expect(started.result).toBe(first);
  });

  it('never answers what fewer than Q hold, and always what Q hold, in whatever order answers come', () => {
    const held = fc.constantFrom(NO_BALLOT, A, B, 'lost' as const);
    const world = fc.tuple(
      fc.constantFrom(1, 3, 5),
      fc.array(held, { minLength: 5, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
    );
    fc.assert(
      fc.property(world, ([count, all, choices]) => {
        const nodes = Array.from({ length: count }, (_, i) => i + 1);
        const holds = all.slice(0, count);
        const started = start(nodes);
        const answered = new Map<NodeId, Ballot>();
        while (started.result === null && started.kit.transport.open.length > 0) {
          const { open } = started.kit.transport;
          const sent = open[Number(choices.next().value) % open.length];
          if (sent === undefined) break;
          const accepted = holds[sent.nodeId - 1] ?? 'lost';
          if (accepted !== 'lost') answered.set(sent.nodeId, accepted);
          sent.answer(accepted === 'lost' ? LOST : answerOf(readRequest(sent), accepted));
        }
        checkResult(started.result, holds, answered);
      }),
    );
  });
});

/** The dumb twin: counts who holds what. */
function checkResult(
  result: ReadResult | null,
  holds: readonly (Ballot | 'lost')[],
  answered: ReadonlyMap<NodeId, Ballot>,
): void {
  const quorum = majority(holds.length);
  const holdersOf = (ballot: Ballot): NodeId[] =>
    holds.flatMap((held, i) => (held !== 'lost' && sameBallot(held, ballot) ? [i + 1] : []));
  const chosen = [NO_BALLOT, A, B].find((ballot) => holdersOf(ballot).length >= quorum);
  if (result === null) {
    expect(holds.filter((held) => held !== 'lost').length).toBeLessThan(quorum);
    return;
  }
  expect(result.kind).not.toBe('fenced');
  if (result.kind === 'agreed') {
    expect(formatBallot(result.accepted)).toBe(formatBallot(chosen ?? { time: -1, proposer: 0 }));
    expect(result.state).toEqual(sameBallot(result.accepted, NO_BALLOT) ? null : stateOf(result.accepted));
    expect(holdersOf(result.accepted)).toEqual(expect.arrayContaining([...result.holders]));
  } else if (result.kind === 'unsettled') {
    expect(chosen).toBeUndefined();
    expect(answered.size).toBeGreaterThanOrEqual(quorum);
    const highest = [...answered.values()].reduce((a, b) => (compareBallots(a, b) > 0 ? a : b));
    expect(result.highest).toEqual(highest);
  }
}

describe('a pair among the nodes', () => {
  const split = (accepted: Ballot): Response => ({
    type: MessageType.state,
    accepted,
    state: stateOf(accepted),
    split: true,
  });

  it('that differs is equal to nobody, also not to another with that ballot', () => {
    const started = start();
    answer(started, 1, B);
    started.kit.transport.answer(2, split(B));
    expect(started.result).toBeNull();
    answer(started, 3, A);
    expect(started.result).toEqual({ kind: 'unsettled', highest: B });
  });

  it('that differs does no harm where the others agree', () => {
    const started = start();
    answer(started, 1, A);
    started.kit.transport.answer(2, split(B));
    answer(started, 3, A);
    expect(started.result).toMatchObject({ kind: 'agreed', accepted: A });
  });

  it('that is all there is and differs is no answer', () => {
    const started = start([9]);
    started.kit.transport.answer(9, split(B));
    expect(started.result).toEqual({ kind: 'unsettled', highest: B });
  });
});

describe('when the map moves on', () => {
  it('a round that hears nothing ends, one that is answered in time does not', () => {
    const outdated = { onOtherEpoch() {}, isCurrent: () => false };
    const owner = { onRead: (result: ReadResult) => void results.push(result) };
    const results: ReadResult[] = [];
    for (const isLost of [true, false]) {
      const kit = { ...roundKit(), epochs: outdated };
      const round = new ReadRound(kit, NODES, ADDRESS, Want.full, owner);
      round.begin(kit.clock.monotonicMs());
      for (const node of [1, 2, 3]) {
        if (isLost && kit.transport.asked().includes(node)) kit.transport.answer(node, LOST);
        else kit.transport.open.find(({ nodeId }) => nodeId === node)?.answer(answerOf(readOf(kit, node), A));
      }
      tickFor(kit, round, limits.hedgeDelayMs + 5);
    }
    expect(results.map(({ kind }) => kind)).toEqual(['fenced', 'agreed']);
  });

  function readOf(kit: RoundKit, node: NodeId): ReadRequest {
    const sent = kit.transport.open.find(({ nodeId }) => nodeId === node);
    return sent?.request as ReadRequest;
  }
});
