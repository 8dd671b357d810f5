import { describe, expect, it } from 'vitest';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { ballotRow } from '../record/ballot-row.ts';
import type { SealedState } from '../record/state.ts';
import { MessageType, type Response } from '../rpc/messages.ts';
import type { Outcome } from './operation.ts';
import { Pending } from './pending.ts';
import { Settling } from './settling.ts';
import type { TaskContext } from './task-context.ts';
import { ADDRESS, EPOCH_REFUSAL, type RoundKit, roundKit, stateOf } from './testing/round-kit.ts';
import { INCR, type TestReply } from './testing/steps.ts';

const USED: Ballot = { time: 200, proposer: 1 };
const BEFORE: Ballot = { time: 100, proposer: 1 };
const AFTER: Ballot = { time: 300, proposer: 2 };

interface Started {
  readonly kit: RoundKit;
  readonly pending: Pending<TestReply>;
  readonly outcomes: Outcome<TestReply>[];
  retries: number;
}

function start(): Started {
  const kit = roundKit();
  const outcomes: Outcome<TestReply>[] = [];
  const done = (outcome: Outcome<TestReply>): void => void outcomes.push(outcome);
  const pending = new Pending<TestReply>({ namespace: 0, key: Buffer.from('k'), step: INCR, done }, 0, 1_000, {
    finished() {},
    isInReach: () => false,
  });
  pending.refused({ ballot: USED, reply: 7 });
  const started: Started = { kit, pending, outcomes, retries: 0 };
  const context = {
    clock: new ManualClock(),
    rounds: kit,
    counters: kit.counters,
  } as unknown as TaskContext<TestReply>;
  const owner = {
    onRetry: () => {
      started.retries++;
    },
  };
  new Settling(context, owner, [pending], ADDRESS, [1, 2, 3]);
  return started;
}

function holding(accepted: Ballot, lineage: readonly Ballot[]): Response {
  const state: SealedState = stateOf(accepted);
  const header = { ...state.header, origin: lineage[0] ?? NO_BALLOT, lineage: ballotRow(lineage), birth: false };
  return { type: MessageType.state, accepted, state: { ...state, header } };
}

/** The first two nodes answer. */
function answer({ kit }: Started, first: Response, second: Response): void {
  kit.transport.answer(kit.transport.asked()[0] ?? 0, first);
  kit.transport.answer(kit.transport.asked()[0] ?? 0, second);
}

describe('settling after a refused COMMIT', () => {
  it('answers a command that Q nodes show to be applied', () => {
    const started = start();
    const applied = holding(AFTER, [AFTER, USED, BEFORE]);
    answer(started, applied, applied);
    expect(started.outcomes).toEqual([{ ok: true, reply: 7 }]);
    expect(started.retries).toBe(1);
    expect(started.kit.counters.get('settled-applied')).toBe(1);
  });

  it('lets a command start afresh that a chosen later value does not descend from', () => {
    const started = start();
    const other = holding(AFTER, [AFTER, BEFORE]);
    answer(started, other, other);
    expect([started.outcomes, started.pending.used]).toEqual([[], []]);
    expect(started.pending.mayHaveHappened).toBe(false);
    expect(started.retries).toBe(1);
  });

  it('leaves a command in doubt while what Q nodes hold lies below its ballot: it may still be taken over', () => {
    const started = start();
    const older = holding(BEFORE, [BEFORE]);
    answer(started, older, older);
    expect(started.pending.used.length).toBe(1);
    expect([started.outcomes, started.retries]).toEqual([[], 1]);
  });

  it('leaves a command in doubt whose ballot may have been cut off', () => {
    const started = start();
    const cut = holding(AFTER, [AFTER, { time: 250, proposer: 2 }]);
    answer(started, cut, cut);
    expect(started.pending.used.length).toBe(1);
  });

  it('takes nothing for a proof that fewer than Q nodes hold, and gives up after a few reads', () => {
    const started = start();
    for (let reads = 0; reads < 10 && started.retries === 0; reads++) {
      answer(started, holding(AFTER, [AFTER, BEFORE]), holding(BEFORE, [BEFORE]));
      started.kit.transport.answer(started.kit.transport.asked()[0] ?? 0, {
        type: MessageType.state,
        accepted: NO_BALLOT,
        state: null,
      });
    }
    expect(started.pending.used.length).toBe(1);
    expect([started.outcomes, started.retries]).toEqual([[], 1]);
  });

  it('leaves it to the retry where the map has changed', () => {
    const started = start();
    answer(started, EPOCH_REFUSAL, EPOCH_REFUSAL);
    expect([started.pending.used.length, started.retries]).toEqual([1, 1]);
  });
});
