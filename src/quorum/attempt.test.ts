import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { ballotRow } from '../record/ballot-row.ts';
import { NO_PAST, NO_REQUESTS } from '../record/request-history.ts';
import {
  type LiveRecord,
  type RecordContent,
  RequestAction,
  type SealedState,
  type StateHeader,
  StateKind,
  UNFINISHED_MS,
} from '../record/state.ts';
import { NeedPages, type Value, ValueType } from '../record/value.ts';
import { type Attempt, AttemptPages, type OpenedBase, runAttempt } from './attempt.ts';
import { answerPendings, markCommitSent, noteRefused } from './attempt-outcome.ts';
import { deadFromAbsent } from './lineage.ts';
import { buildState, chainedBase, lacksValue } from './new-state.ts';
import type { Outcome, Step } from './operation.ts';
import { Pending } from './pending.ts';
import { ProtocolCounters } from './protocol-counters.ts';
import { ProposerRules } from './rules.ts';
import type { SealPort } from './seal-port.ts';
import { appendText, DEL, EXISTS, GET, getRange, INCR, set, type TestReply } from './testing/steps.ts';

const NOW_MS = 1_000_000;
const ID = '0123456789abcdef';
const A: Ballot = { time: 100, proposer: 1 };
const B: Ballot = { time: 200, proposer: 1 };
const NEW: Ballot = { time: 300, proposer: 1 };

/** Hides nothing: what was sealed can be looked at. */
const sealed: { header: StateHeader; content: RecordContent }[] = [];
const plainSeal: SealPort = {
  seal: (_id, header, content) => {
    sealed.push({ header, content });
    return { header, meta: Buffer.from('sealed'), value: Buffer.alloc(0) };
  },
  open: () => null,
  sealPage: (_id, _pageId, bytes) => bytes,
  openPage: (_id, _pageId, bytes) => bytes,
};

function inline(text: string | null): Value {
  return { type: ValueType.string, paged: false, bytes: text === null ? null : Buffer.from(text) };
}

function liveOf(text: string | null, expiresAtMs = 0): LiveRecord {
  const times = { creationTimeMs: 1, lastModifiedMs: 2 };
  return {
    key: Buffer.from('k'),
    recordVersion: 3,
    ...times,
    requests: NO_REQUESTS,
    expiresAtMs,
    sizeBytes: 5,
    value: inline(text),
  };
}

function baseOf(live: LiveRecord | null, change: Partial<OpenedBase> = {}): OpenedBase {
  const header: StateHeader = {
    ...deadFromAbsent(0, 1),
    kind: live === null ? StateKind.dead : StateKind.live,
    origin: B,
    lineage: ballotRow([B, A]),
    expiresAtMs: live?.expiresAtMs ?? 0,
  };
  const state: SealedState = { header, meta: Buffer.from('base'), value: Buffer.alloc(0) };
  return { accepted: B, state, live, past: live ?? NO_PAST, differ: false, chained: false, holders: [1], ...change };
}

const ABSENT: OpenedBase = baseOf(null, { accepted: NO_BALLOT, state: null });

function pendingsOf(...steps: Step<TestReply>[]): { pendings: Pending<TestReply>[]; outcomes: Outcome<TestReply>[] } {
  const outcomes: Outcome<TestReply>[] = [];
  const pendings = steps.map((step) => {
    const done = (outcome: Outcome<TestReply>): void => void outcomes.push(outcome);
    return new Pending({ namespace: 0, key: Buffer.from('k'), step, done }, 0, 100, {
      finished() {},
      isInReach: () => false,
    });
  });
  return { pendings, outcomes };
}

function run(pendings: readonly Pending<TestReply>[], base: OpenedBase, absenceProves = true): Attempt<TestReply> {
  const pages = new AttemptPages(new Map(), NEW);
  return runAttempt(pendings, base, NOW_MS, pages, new ProposerRules(), () => absenceProves);
}

function build(attempt: Attempt<TestReply>, base: OpenedBase) {
  sealed.length = 0;
  return buildState(plainSeal, ID, 7, 9, NEW, base, attempt, new AttemptPages(new Map(), NEW));
}

const textOf = (live: LiveRecord | null): string | undefined =>
  live?.value.paged === false ? live.value.bytes?.toString() : undefined;

describe('an attempt', () => {
  it('runs commands in order, each on what the one before left', () => {
    const { pendings } = pendingsOf(GET, INCR, INCR, GET, DEL, GET, set('x', { nx: true }));
    const attempt = run(pendings, baseOf(liveOf('41')));
    expect(attempt.results.map((result) => result.kind === 'reply' && result.reply)).toEqual([
      '41',
      42,
      43,
      '43',
      1,
      null,
      'OK',
    ]);
    expect([attempt.changed, attempt.mustWrite, textOf(attempt.live)]).toEqual([true, false, 'x']);
  });

  it('runs commands that are alike as one, with the outcome of running them one by one', () => {
    const order = [INCR, INCR, INCR, GET, INCR, set('7'), INCR, INCR, set('x', { nx: true })];
    const oneByOne = { ...INCR, runMany: () => null };
    for (const base of [baseOf(liveOf('41', NOW_MS + 5)), baseOf(liveOf('41', NOW_MS - 5)), ABSENT]) {
      const attempt = run(pendingsOf(...order).pendings, base);
      const slow = run(pendingsOf(...order.map((step) => (step === INCR ? oneByOne : step))).pendings, base);
      expect(attempt).toEqual(slow);
    }
    const { pendings } = pendingsOf(INCR, INCR, INCR);
    const attempt = run(pendings, baseOf(liveOf('41', NOW_MS + 5)));
    expect(attempt.live).toMatchObject({ recordVersion: 6, expiresAtMs: NOW_MS + 5, lastModifiedMs: NOW_MS });
    expect(attempt.results).toMatchObject([{ reply: 42 }, { reply: 43 }, { reply: 44 }]);
  });

  it('judges one that was refused, or found no room, apart from those alike', () => {
    const { pendings } = pendingsOf(INCR, INCR, INCR, INCR, INCR);
    pendings[1]?.refused({ ballot: A, reply: 9 });
    const full = pendings[3];
    if (full !== undefined) full.full = true;
    const { results, live } = run(pendings, baseOf(liveOf('41')));
    expect(results).toEqual([
      { kind: 'reply', reply: 42, changed: true },
      { kind: 'applied', reply: 9 },
      { kind: 'reply', reply: 43, changed: true },
      { kind: 'full' },
      { kind: 'reply', reply: 44, changed: true },
    ]);
    expect([textOf(live), live?.recordVersion]).toEqual(['44', 6]);
  });

  it('asks at once for the pages that all of its commands lack', () => {
    const root = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(16));
    const value: Value = { type: ValueType.string, paged: true, length: 4 * limits.pageBytes, depth: 0, root };
    const base = baseOf({ ...liveOf(null), value });
    const first = (leaf: number) => getRange(leaf * limits.pageBytes, leaf * limits.pageBytes + 1);
    const { pendings } = pendingsOf(EXISTS, first(2), INCR, first(0), set('text'), first(2));
    let asked: readonly string[] = [];
    try {
      run(pendings, base);
    } catch (error) {
      if (error instanceof NeedPages) asked = error.pageIds;
    }
    expect([...asked].sort()).toEqual(root);
  });

  it('that changes nothing need not be written', () => {
    const { pendings } = pendingsOf(GET, set('x', { nx: true }));
    expect(run(pendings, baseOf(liveOf('a')))).toMatchObject({ changed: false, mustWrite: false });
    expect(run(pendingsOf(DEL).pendings, ABSENT)).toMatchObject({ changed: false, mustWrite: false });
  });

  it('that deletes what is not there changes nothing', () => {
    const { pendings } = pendingsOf({ ...DEL, run: () => ({ reply: 0, change: { kind: 'delete' } }) });
    expect(run(pendings, baseOf(null))).toMatchObject({ changed: false });
  });

  it('shows a record that a restore has begun to the restore alone', () => {
    const base = baseOf({ ...liveOf('half'), lastModifiedMs: UNFINISHED_MS });
    const { pendings } = pendingsOf(GET, { ...GET, seesUnfinished: true }, set('x', { nx: true }), GET);
    const attempt = run(pendings, base);
    expect(attempt.results).toMatchObject([{ reply: null }, { reply: 'half' }, { reply: 'OK' }, { reply: 'x' }]);
    expect(attempt.live).toMatchObject({ recordVersion: 1, lastModifiedMs: NOW_MS });
    expect(run(pendingsOf(GET, DEL).pendings, base)).toMatchObject({ changed: false, mustWrite: false });
  });

  it('must be written on a base that may not be chosen, and on one that has expired', () => {
    const { pendings } = pendingsOf(GET);
    expect(run(pendings, baseOf(liveOf('a'), { differ: true })).mustWrite).toBe(true);
    const expired = run(pendings, baseOf(liveOf('a', NOW_MS)));
    expect(expired).toMatchObject({ mustWrite: true, expired: true, live: null });
    expect(expired.results).toMatchObject([{ reply: null }]);
    expect(run(pendings, baseOf(liveOf('a', NOW_MS + 1)))).toMatchObject({ mustWrite: false, expired: false });
  });

  it('answers a command that was applied before with what that one would have answered, and does not run it', () => {
    const { pendings, outcomes } = pendingsOf(INCR, INCR);
    pendings[0]?.refused({ ballot: A, reply: 41 });
    const attempt = run(pendings, baseOf(liveOf('41')));
    expect(attempt.results.map((result) => result.kind)).toEqual(['applied', 'reply']);
    expect(textOf(attempt.live)).toBe('42');
    answerPendings(pendings, attempt, new ProtocolCounters());
    expect(outcomes).toEqual([
      { ok: true, reply: 41 },
      { ok: true, reply: 42 },
    ]);
  });

  it('runs a command again that was not applied, and writes back even an answer that changes nothing', () => {
    const { pendings } = pendingsOf(set('x', { nx: true }));
    pendings[0]?.refused({ ballot: NEW, reply: 'OK' });
    const attempt = run(pendings, baseOf(liveOf('other')));
    expect(attempt).toMatchObject({ changed: false, mustWrite: true });
    expect(attempt.results).toMatchObject([{ kind: 'reply', reply: null }]);
  });

  it('leaves a write alone of which nobody can tell, and says UNCERTAIN; a read runs', () => {
    const { pendings, outcomes } = pendingsOf(INCR, GET);
    const before: Ballot = { time: 50, proposer: 1 };
    for (const pending of pendings) pending.refused({ ballot: before, reply: 1 });
    const base = baseOf(liveOf('41'));
    const cut = { ...base, state: base.state && { ...base.state, header: { ...base.state.header, birth: false } } };
    const attempt = run(pendings, cut);
    expect(attempt.results.map((result) => result.kind)).toEqual(['unknown', 'reply']);
    expect(attempt).toMatchObject({ changed: false, mustWrite: true });
    answerPendings(pendings, attempt, new ProtocolCounters());
    expect(outcomes).toMatchObject([
      { ok: false, failure: { kind: 'uncertain' } },
      { ok: true, reply: '41' },
    ]);
    expect(run(pendings, ABSENT, false).results[0]?.kind).toBe('unknown');
  });

  it('lacks a value that was not fetched only where that is to be written', () => {
    const meta = baseOf(liveOf(null));
    const partial: OpenedBase = { ...meta, state: meta.state && { ...meta.state, value: null } };
    expect(lacksValue(run(pendingsOf(set('x')).pendings, partial), partial)).toBe(false);
    expect(lacksValue(run(pendingsOf(DEL).pendings, partial), partial)).toBe(false);
    const expire: Step<TestReply> = { ...DEL, run: () => ({ reply: 1, change: { kind: 'expire', expiresAtMs: 5 } }) };
    expect(lacksValue(run(pendingsOf(expire).pendings, partial), partial)).toBe(true);
    const writtenBack = { ...partial, differ: true };
    expect(lacksValue(run(pendingsOf(DEL, set('y', { xx: true })).pendings, writtenBack), writtenBack)).toBe(false);
    expect(lacksValue(run(pendingsOf(set('y', { nx: true })).pendings, writtenBack), writtenBack)).toBe(true);
  });
});

describe('the state to write', () => {
  it('is a new value under its ballot, on the lineage of the base', () => {
    const base = baseOf(liveOf('41'));
    const built = build(run(pendingsOf(INCR).pendings, base), base);
    expect(built.state.header).toMatchObject({
      kind: StateKind.live,
      origin: NEW,
      lineage: ballotRow([NEW, B, A]),
      namespace: 7,
      generation: 9,
    });
    expect(built).toMatchObject({ baseOrigin: B, pages: null });
    expect(sealed[0]?.content).toMatchObject({ recordVersion: 4, creationTimeMs: 1 });
  });

  it('is a tombstone for a deletion and for an expiry, on the lineage of the base', () => {
    const base = baseOf(liveOf('41', NOW_MS - 1));
    for (const attempt of [run(pendingsOf(GET).pendings, base), run(pendingsOf(set('x'), DEL).pendings, base)]) {
      const built = build(attempt, base);
      expect(built.state.header).toMatchObject({
        kind: StateKind.dead,
        origin: NEW,
        lineage: ballotRow([NEW, B, A]),
        expiresAtMs: 0,
        sizeBytes: 0,
      });
      expect(sealed[0]?.content.value).toBeNull();
    }
  });

  it('says that request ids are remembered, and of a tombstone until when it must be kept', () => {
    const entry = {
      action: RequestAction.created,
      recordVersion: 1,
      creationTimeMs: 1,
      expiresAtMs: 0,
      appliedAtMs: 1,
    };
    const requests = { ...NO_REQUESTS, entries: [{ requestId: 'abcdefghijklmnop', ...entry }] };
    const base = baseOf({ ...liveOf('41'), requests });
    expect(build(run(pendingsOf(set('x')).pendings, base), base).state.header).toMatchObject({
      remembers: true,
      expiresAtMs: 0,
    });
    const dead = build(run(pendingsOf(DEL).pendings, base), base).state.header;
    const keepUntilMs = Math.ceil(NEW.time / 1000) + limits.requestReachMs;
    expect(dead).toMatchObject({ kind: StateKind.dead, remembers: true, expiresAtMs: keepUntilMs });
  });

  it('is the base itself where nothing changes: a repair keeps origin and lineage', () => {
    const base = baseOf(liveOf('41'), { differ: true });
    const built = build(run(pendingsOf(GET).pendings, base), base);
    expect(built.state).toBe(base.state);
    expect(built).toMatchObject({ baseOrigin: B, pages: null });
    expect(sealed).toEqual([]);
  });

  it('is dead, without origin and with birth, where absent is written back', () => {
    const built = build(run(pendingsOf(GET).pendings, { ...ABSENT, differ: true }), ABSENT);
    expect(built.state).toEqual({ header: deadFromAbsent(7, 9), meta: Buffer.alloc(0), value: Buffer.alloc(0) });
    expect(built.baseOrigin).toEqual(NO_BALLOT);
  });

  it('lists all pages on a base without any, and what is added on one that has some', () => {
    const large = 'x'.repeat(100_000);
    const pages = new AttemptPages(new Map(), NEW);
    const attempt = runAttempt(
      pendingsOf(appendText(large)).pendings,
      baseOf(liveOf('41')),
      NOW_MS,
      pages,
      new ProposerRules(),
      () => true,
    );
    const onInline = buildState(plainSeal, ID, 7, 9, NEW, baseOf(liveOf('41')), attempt, pages);
    const added = pages.written.map(({ pageId }) => pageId);
    expect(added.length).toBe(2);
    expect(onInline.pages).toEqual({ complete: true, added, dropped: [] });
    const plain = baseOf(attempt.live);
    const paged = {
      ...plain,
      state: plain.state && { ...plain.state, header: { ...plain.state.header, paged: true } },
    };
    const later = { ...NEW, time: NEW.time + 1 };
    expect(buildState(plainSeal, ID, 7, 9, later, paged, attempt, new AttemptPages(new Map(), later)).pages).toEqual({
      complete: false,
      added: [],
      dropped: [],
    });
    // A repair of it adds none, but only to those who have the base.
    const repair = run(pendingsOf(GET).pendings.slice(1), { ...paged, differ: true });
    expect(build(repair, paged).pages).toEqual({ complete: false, added: [], dropped: [] });
  });

  it('sends no page that one command of the round wrote and the next replaced', () => {
    const pages = new AttemptPages(new Map(), NEW);
    const { pendings } = pendingsOf(set('x'.repeat(200_000)), appendText('y'), appendText('z'));
    const attempt = runAttempt(pendings, ABSENT, NOW_MS, pages, new ProposerRules(), () => true);
    expect(pages.written.length).toBe(6);
    const { pages: manifest } = buildState(plainSeal, ID, 7, 9, NEW, ABSENT, attempt, pages);
    const value = attempt.live?.value;
    if (value?.type !== ValueType.string || !value.paged) throw new Error('a string in pages');
    expect(manifest).toEqual({ complete: true, added: value.root, dropped: [] });
    expect(pages.written.map(({ pageId }) => pageId)).toEqual(value.root);
  });

  it('is the base of the next link, which is known to be chosen', () => {
    const base = baseOf(liveOf('41'), { differ: true });
    const attempt = run(pendingsOf(INCR).pendings, base);
    const { state } = build(attempt, base);
    expect(chainedBase(NEW, state, attempt)).toMatchObject({
      accepted: NEW,
      state,
      differ: false,
      chained: true,
    });
    expect(textOf(chainedBase(NEW, state, attempt).live)).toBe('42');
  });
});

describe('a COMMIT', () => {
  it('that is sent puts all that it carries in doubt, from its first time on', () => {
    const { pendings } = pendingsOf(INCR, GET);
    pendings[0]?.refused({ ballot: A, reply: 41 });
    const attempt = run(pendings, baseOf(liveOf('41')));
    markCommitSent(pendings, attempt, 10, 20);
    markCommitSent(pendings, attempt, 30, 40);
    expect(pendings.map(({ commitOpen }) => commitOpen)).toEqual([false, true]);
    expect(pendings[1]).toMatchObject({ firstCommitMonotonicMs: 10, firstCommitWallMs: 20 });
  });

  it('that is refused is remembered with the replies that it would have given', () => {
    const { pendings } = pendingsOf(INCR, GET);
    const attempt = run(pendings, baseOf(liveOf('41')));
    noteRefused(pendings, attempt, NEW);
    expect(pendings.map(({ used }) => used)).toEqual([[{ ballot: NEW, reply: 42 }], [{ ballot: NEW, reply: '42' }]]);
  });
});
