import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { compareBallots, NO_BALLOT } from '../record/ballot.ts';
import { BallotClock } from './ballot-clock.ts';

describe('ballot clock', () => {
  it('follows the wall clock', () => {
    const clock = new ManualClock();
    const ballots = new BallotClock(clock, 7);
    clock.advance(5);
    expect(ballots.next()).toEqual({ time: clock.wallUs(), proposer: 7 });
  });

  it('makes ever higher ballots, whatever it is told and however little time passes', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ kind: fc.constant('observe' as const), by: fc.integer({ min: -20_000_000, max: 20_000_000 }) }),
      fc.record({ kind: fc.constant('next' as const), by: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const clock = new ManualClock();
        const ballots = new BallotClock(clock, 1);
        let last = NO_BALLOT;
        for (const { kind, by } of steps) {
          if (kind === 'advance') clock.advance(by);
          if (kind === 'observe' && ballots.observe(clock.wallUs() + by)) {
            const next = ballots.next();
            expect(next.time).toBeGreaterThan(clock.wallUs() + by);
            last = next;
          }
          if (kind === 'next') {
            const next = ballots.next();
            expect(compareBallots(next, last)).toBeGreaterThan(0);
            last = next;
          }
        }
      }),
    );
  });

  it('makes a ballot ahead of the wall clock where asked to, from the wall clock on', () => {
    const clock = new ManualClock();
    const ballots = new BallotClock(clock, 1);
    expect(ballots.next(5_000).time).toBe(clock.wallUs() + 5_000);
    expect(ballots.next(5_000).time).toBe(clock.wallUs() + 5_001);
    expect(ballots.next().time).toBe(clock.wallUs() + 5_002);
    clock.advance(10);
    expect(ballots.next().time).toBe(clock.wallUs());
  });

  it('follows one report up to 10 s above its own clock, and no further', () => {
    const clock = new ManualClock();
    const ballots = new BallotClock(clock, 1);
    const boundUs = clock.wallUs() + limits.clockFollowMs * 1000;
    expect(ballots.observe(boundUs + 1)).toBe(false);
    expect(ballots.next().time).toBe(clock.wallUs());
    expect(ballots.observe(boundUs)).toBe(true);
    expect(ballots.next().time).toBe(boundUs + 1);
  });

  it('measures the 10 s from the wall clock, so that reports cannot carry it away step by step', () => {
    const clock = new ManualClock();
    const ballots = new BallotClock(clock, 1);
    const boundUs = clock.wallUs() + limits.clockFollowMs * 1000;
    expect(ballots.observe(boundUs)).toBe(true);
    expect(ballots.observe(boundUs + 1_000_000)).toBe(false);
    expect(ballots.next().time).toBe(boundUs + 1);
  });

  it('follows what a quorum reports however far', () => {
    const clock = new ManualClock();
    const ballots = new BallotClock(clock, 1);
    const farUs = clock.wallUs() + 3_600_000_000;
    ballots.follow(farUs);
    expect(ballots.next().time).toBe(farUs + 1);
    // What it has reached by then is no news.
    expect(ballots.observe(farUs)).toBe(true);
  });

  it('moves with time, slowly, while it is ahead of the wall clock, until that has caught up', () => {
    const clock = new ManualClock();
    const ballots = new BallotClock(clock, 1);
    ballots.follow(clock.wallUs() + 5_000_000);
    const first = ballots.next().time;
    clock.advance(1_600);
    expect(ballots.next().time).toBe(first - 1 + 100_000);
    clock.advance(4_000);
    expect(ballots.next().time).toBe(clock.wallUs());
  });

  it('lets one that was refused get ahead of one that makes more ballots, also where both are ahead of the wall clock', () => {
    const clock = new ManualClock();
    const busy = new BallotClock(clock, 1);
    const refused = new BallotClock(clock, 2);
    busy.follow(clock.wallUs() + 5_000_000);
    for (let turn = 0; turn < 20; turn++) {
      for (let i = 0; i < 30; i++) busy.next();
      expect(refused.observe(busy.next().time)).toBe(true);
      const tried = refused.next(limits.ballotAheadUs);
      clock.advance(1);
      for (let i = 0; i < 30; i++) busy.next();
      expect(busy.next().time).toBeLessThan(tried.time);
    }
  });

  it('is not carried away by two that get ahead of each other in turn', () => {
    for (const aheadUs of [0, 5_000_000]) {
      const clock = new ManualClock();
      const one = new BallotClock(clock, 1);
      const other = new BallotClock(clock, 2);
      one.follow(clock.wallUs() + aheadUs);
      for (let turn = 0; turn < 10_000; turn++) {
        other.observe(one.next(limits.ballotAheadMaxUs).time);
        one.observe(other.next(limits.ballotAheadMaxUs).time);
        if (turn % 4 === 0) clock.advance(1);
      }
      const mostUs = Math.max(0, aheadUs - 2_000_000) + 3 * limits.ballotAheadMaxUs;
      expect(one.next().time - clock.wallUs()).toBeLessThan(mostUs);
    }
  });

  it('starts over at its own clock with a new id', () => {
    const clock = new ManualClock();
    const ballots = new BallotClock(clock, 1);
    ballots.follow(clock.wallUs() + 3_600_000_000);
    ballots.restart(2);
    expect(ballots.next()).toEqual({ time: clock.wallUs(), proposer: 2 });
  });
});
