import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, NO_BALLOT } from '../record/ballot.ts';
import { Acceptor, type Held } from './acceptor.ts';
import { commit, ID, OTHER_ID, stateWith } from './testing/node-kit.ts';

const NOW_US = 1_700_000_000_000_000;
const CEILING_US = NOW_US + limits.ceilingAheadMs * 1000;
const ABSENT: Held = { accepted: NO_BALLOT, state: null };

const at = (offsetUs: number, proposer = 1): Ballot => ({ time: NOW_US + offsetUs, proposer });

function acceptor(): Acceptor {
  const fresh = new Acceptor(0);
  fresh.raiseCeiling(CEILING_US);
  return fresh;
}

function holding(accepted: Ballot, origin: Ballot = accepted): Held {
  return { accepted, state: stateWith(origin) };
}

describe('acceptor: PREPARE', () => {
  it('promises a ballot above all that it knows, and the same one again', () => {
    const node = acceptor();
    expect(node.prepare(ID, ABSENT, at(1), NOW_US)).toEqual({ kind: 'promise' });
    expect(node.prepare(ID, ABSENT, at(1), NOW_US)).toEqual({ kind: 'promise' });
    expect(node.promised(ID, NO_BALLOT)).toEqual(at(1));
    expect(node.promised(OTHER_ID, NO_BALLOT)).toEqual(node.floor);
  });

  it('rejects below a promise, naming it, also between proposers of the same time', () => {
    const node = acceptor();
    node.prepare(ID, ABSENT, at(5, 2), NOW_US);
    expect(node.prepare(ID, ABSENT, at(5, 1), NOW_US)).toEqual({ kind: 'reject', ballot: at(5, 2) });
    expect(node.prepare(ID, ABSENT, at(4, 9), NOW_US)).toEqual({ kind: 'reject', ballot: at(5, 2) });
    expect(node.prepare(ID, ABSENT, at(5, 3), NOW_US)).toEqual({ kind: 'promise' });
  });

  it('rejects at and below what it has accepted', () => {
    const node = acceptor();
    expect(node.prepare(ID, holding(at(5)), at(5), NOW_US)).toEqual({ kind: 'reject', ballot: at(5) });
    expect(node.prepare(ID, holding(at(5)), at(4), NOW_US)).toEqual({ kind: 'reject', ballot: at(5) });
    expect(node.prepare(ID, holding(at(5)), at(6), NOW_US)).toEqual({ kind: 'promise' });
  });

  it('rejects a proposer whose clock is more than maxClockSkew behind, with its own clock', () => {
    const node = acceptor();
    const skewUs = limits.maxClockSkewMs * 1000;
    expect(node.prepare(ID, ABSENT, at(-skewUs), NOW_US)).toEqual({ kind: 'promise' });
    const verdict = node.prepare(OTHER_ID, ABSENT, at(-skewUs - 1), NOW_US);
    expect(verdict).toEqual({ kind: 'reject', ballot: { time: NOW_US, proposer: 0 } });
  });

  it('answers CLOCK more than 10 s above clock and ceiling, and promises nothing', () => {
    const node = acceptor();
    const boundUs = CEILING_US + limits.clockFollowMs * 1000;
    expect(node.prepare(ID, ABSENT, { time: boundUs + 1, proposer: 1 }, NOW_US)).toEqual({ kind: 'clock' });
    expect(node.promised(ID, NO_BALLOT)).toEqual(node.floor);
    expect(node.isBeyondClock({ time: boundUs, proposer: 1 }, NOW_US)).toBe(false);
    // Measured from its clock where that is ahead of the ceiling.
    const laterUs = CEILING_US + 1_000_000;
    const above = { time: laterUs + limits.clockFollowMs * 1000, proposer: 1 };
    expect(node.isBeyondClock(above, laterUs)).toBe(false);
    expect(node.isBeyondClock({ ...above, time: above.time + 1 }, laterUs)).toBe(true);
  });
});

describe('acceptor: the ceiling', () => {
  it('must be raised for a ballot above it', () => {
    const node = acceptor();
    expect(node.needsCeiling({ time: CEILING_US, proposer: 9 })).toBe(false);
    expect(node.needsCeiling({ time: CEILING_US + 1, proposer: 0 })).toBe(true);
  });

  it('is never lowered', () => {
    const node = acceptor();
    node.raiseCeiling(CEILING_US - 1);
    expect(node.ceilingUs).toBe(CEILING_US);
  });

  it('is the floor after a restart: every ballot up to it is refused, whoever made it', () => {
    const node = new Acceptor(CEILING_US);
    const last: Ballot = { time: CEILING_US, proposer: 0xffff_fffe };
    expect(node.prepare(ID, ABSENT, last, NOW_US)).toMatchObject({ kind: 'reject' });
    expect(node.commit(ID, ABSENT, commit(last))).toMatchObject({ kind: 'reject' });
    expect(node.promiseNext(ID, NO_BALLOT, last)).toBe(false);
    node.raiseCeiling(CEILING_US + 1_000);
    const first: Ballot = { time: CEILING_US + 1, proposer: 0 };
    expect(node.prepare(ID, ABSENT, first, NOW_US)).toEqual({ kind: 'promise' });
  });
});

describe('acceptor: COMMIT', () => {
  it('accepts what it promised, and what it never heard of', () => {
    const node = acceptor();
    node.prepare(ID, ABSENT, at(1), NOW_US);
    expect(node.commit(ID, ABSENT, commit(at(1)))).toEqual({ kind: 'accept' });
    expect(node.commit(OTHER_ID, ABSENT, commit(at(1), { id: OTHER_ID }))).toEqual({ kind: 'accept' });
  });

  it('rejects below a promise and below what it has accepted, naming what stands in the way', () => {
    const node = acceptor();
    node.prepare(ID, ABSENT, at(5), NOW_US);
    expect(node.commit(ID, ABSENT, commit(at(4)))).toEqual({ kind: 'reject', ballot: at(5) });
    expect(node.commit(OTHER_ID, holding(at(5)), commit(at(4)))).toEqual({ kind: 'reject', ballot: at(5) });
  });

  it('acknowledges what it has accepted already, whatever it has promised since', () => {
    const node = acceptor();
    node.prepare(ID, holding(at(3)), at(9), NOW_US);
    expect(node.commit(ID, holding(at(3)), commit(at(3)))).toEqual({ kind: 'accepted-already' });
  });

  it('covers the promise with what is accepted, and no higher one', () => {
    const node = acceptor();
    node.prepare(ID, ABSENT, at(3), NOW_US);
    node.accepted(ID, at(3));
    expect(node.promises.size).toBe(0);
    node.prepare(OTHER_ID, ABSENT, at(9), NOW_US);
    node.accepted(OTHER_ID, at(3));
    expect(node.promised(OTHER_ID, at(3))).toEqual(at(9));
  });

  it('stands by what it accepted when that could not be written', () => {
    const node = acceptor();
    node.accepted(ID, at(5));
    node.acceptFailed(ID, at(5));
    expect(node.commit(ID, ABSENT, commit(at(4)))).toEqual({ kind: 'reject', ballot: at(5) });
    // The same COMMIT, sent again, may still be taken.
    expect(node.commit(ID, ABSENT, commit(at(5)))).toEqual({ kind: 'accept' });
  });

  it('is stale where a paged state rests on another base', () => {
    const node = acceptor();
    const pages = { complete: false, added: [], dropped: [] };
    const onBase = commit(at(9), { pages, baseOrigin: at(2) });
    expect(node.commit(ID, holding(at(3), at(2)), onBase)).toEqual({ kind: 'accept' });
    expect(node.commit(ID, holding(at(3), at(1)), onBase)).toEqual({ kind: 'stale' });
    expect(node.commit(ID, ABSENT, onBase)).toEqual({ kind: 'stale' });
    const complete = commit(at(9), { pages: { ...pages, complete: true }, baseOrigin: at(2) });
    expect(node.commit(ID, ABSENT, complete)).toEqual({ kind: 'accept' });
    // Who rejects does not care for pages.
    node.prepare(ID, ABSENT, at(20), NOW_US);
    expect(node.commit(ID, ABSENT, onBase)).toMatchObject({ kind: 'reject' });
  });
});

describe('acceptor: next', () => {
  it('is promised as by a PREPARE, a resend again', () => {
    const node = acceptor();
    expect(node.promiseNext(ID, at(1), at(5))).toBe(true);
    expect(node.promiseNext(ID, at(1), at(5))).toBe(true);
    expect(node.prepare(ID, holding(at(1)), at(4), NOW_US)).toEqual({ kind: 'reject', ballot: at(5) });
    expect(node.commit(ID, holding(at(1)), commit(at(5)))).toEqual({ kind: 'accept' });
  });

  it('is not recorded above the ceiling, or below what is promised or accepted', () => {
    const node = acceptor();
    expect(node.promiseNext(ID, at(1), { time: CEILING_US + 1, proposer: 1 })).toBe(false);
    node.prepare(ID, ABSENT, at(9), NOW_US);
    expect(node.promiseNext(ID, at(1), at(5))).toBe(false);
    expect(node.promiseNext(OTHER_ID, at(6), at(5))).toBe(false);
    expect(node.promised(OTHER_ID, NO_BALLOT)).toEqual(node.floor);
  });
});

describe('acceptor', () => {
  it('never accepts below a promise, across evictions and restarts', () => {
    const step = fc.record({
      kind: fc.constantFrom('prepare' as const, 'commit' as const, 'restart' as const),
      id: fc.integer({ min: 0, max: 12 }),
      offsetUs: fc.integer({ min: 1, max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let node = new Acceptor(0, 8);
        const promised = new Map<string, Ballot>();
        const held = new Map<string, Held>();
        for (const { kind, id, offsetUs } of steps) {
          const name = `r${id}`;
          const ballot = at(offsetUs);
          // A process that ends forgets all but the ceiling and what it has accepted.
          if (kind === 'restart') node = new Acceptor(node.ceilingUs, 8);
          if (node.needsCeiling(ballot)) node.raiseCeiling(ballot.time + 10);
          const before = held.get(name) ?? ABSENT;
          const given = promised.get(name) ?? NO_BALLOT;
          if (kind === 'prepare' && node.prepare(name, before, ballot, NOW_US).kind === 'promise') {
            expect(compareBallots(ballot, given)).toBeGreaterThanOrEqual(0);
            promised.set(name, ballot);
          }
          if (kind === 'commit' && node.commit(name, before, commit(ballot)).kind === 'accept') {
            expect(compareBallots(ballot, given)).toBeGreaterThanOrEqual(0);
            expect(compareBallots(ballot, before.accepted)).toBeGreaterThan(0);
            held.set(name, holding(ballot));
            node.accepted(name, ballot);
          }
        }
      }),
    );
  });
});
