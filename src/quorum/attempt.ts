import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { type Ballot, compareBallots, NO_BALLOT } from '../record/ballot.ts';
import { makePageId } from '../record/record-id.ts';
import { NO_PAST } from '../record/request-history.ts';
import {
  endsAtMs,
  isUnfinished,
  type LiveRecord,
  type PageId,
  type RecordId,
  type RecordPast,
  type SealedState,
  type StateHeader,
} from '../record/state.ts';
import { NeedPages, type PageAccess } from '../record/value.ts';
import type { NodeId } from '../rpc/transport.ts';
import { applyChange, isNoChange, pastAfterDelete } from './apply-change.ts';
import type { FullDisks } from './full-disks.ts';
import { grows, noteFull } from './lack-of-room.ts';
import type { Operation, RunContext, Step, StepResult } from './operation.ts';
import type { Pending } from './pending.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { ProposerRules } from './rules.ts';
import type { SealPort } from './seal-port.ts';

/** A state that commands can run on, with its seal off. */
export interface OpenedBase {
  readonly accepted: Ballot;
  /** As found; its separate value may be missing. Null: absent. */
  readonly state: SealedState | null;
  /** Null if absent or dead; expiry is not looked at. */
  readonly live: LiveRecord | null;
  /** Also a tombstone's, and an expired record's. */
  readonly past: RecordPast;
  /** Not known to be chosen: an answer that rests on it must write it back. */
  readonly differ: boolean;
  /** Known from this proposer's own last COMMIT, not asked for. */
  readonly chained: boolean;
  readonly holders: readonly NodeId[];
}

export function openBase(
  seal: SealPort,
  id: RecordId,
  accepted: Ballot,
  state: SealedState | null,
  differ: boolean,
  holders: readonly NodeId[],
): OpenedBase | null {
  if (state === null) return { accepted, state, live: null, past: NO_PAST, differ, chained: false, holders };
  const opened = seal.open(id, state);
  if (opened === null) return null;
  const { content, header } = opened;
  const live: LiveRecord | null =
    content.value === null
      ? null
      : {
          key: content.key,
          recordVersion: content.recordVersion,
          creationTimeMs: content.creationTimeMs,
          lastModifiedMs: content.lastModifiedMs,
          requests: content.requests,
          expiresAtMs: content.keyExpiresAtMs ?? header.expiresAtMs,
          sizeBytes: header.sizeBytes,
          value: content.value,
        };
  return { accepted, state, live, past: live ?? content, differ, chained: false, holders };
}

export function isExpired(live: LiveRecord | null, nowMs: number): boolean {
  if (live === null) return false;
  const endMs = endsAtMs(live);
  return endMs !== 0 && endMs <= nowMs;
}

/** As `RunContext.origin` has it. */
export function originOf(base: OpenedBase, expired: boolean): Ballot {
  return expired ? NO_BALLOT : (base.state?.header.origin ?? NO_BALLOT);
}

/** The record as this step is to find it. */
export function seenBy<R>(step: Step<R>, live: LiveRecord | null): LiveRecord | null {
  return live !== null && isUnfinished(live) && step.seesUnfinished !== true ? null : live;
}

export interface WrittenPage {
  readonly pageId: PageId;
  readonly bytes: Buffer;
}

const NO_PAGES: WrittenPage[] = [];

/** Where pages of the base are, if they are in memory. */
export interface LoadedPages {
  get(pageId: PageId): Buffer | undefined;
}

/** The pages that one attempt can reach, and those that it made. */
export class AttemptPages implements PageAccess {
  readonly recordId: RecordId | undefined;
  readonly #loaded: LoadedPages;
  readonly #ballot: Ballot | null;
  // Most attempts make none: nothing is allocated for them.
  #written: WrittenPage[] = NO_PAGES;
  #made: Map<PageId, Buffer> | null = null;
  #hasReadBase = false;

  /** `ballot` null: a read, which makes no pages. */
  constructor(loaded: LoadedPages, ballot: Ballot | null, recordId?: RecordId) {
    this.#loaded = loaded;
    this.#ballot = ballot;
    this.recordId = recordId;
  }

  /** A page of the base was looked at, so what was made may rest on others of its pages. */
  get hasReadBase(): boolean {
    return this.#hasReadBase;
  }

  get written(): readonly WrittenPage[] {
    return this.#written;
  }

  read(id: PageId): Buffer {
    const made = this.#made?.get(id);
    if (made !== undefined) return made;
    const bytes = this.#loaded.get(id);
    if (bytes === undefined) throw new NeedPages([id]);
    this.#hasReadBase = true;
    return bytes;
  }

  write(bytes: Buffer): PageId {
    assert(this.#ballot !== null, 'a read makes no pages');
    if (this.#made === null) {
      this.#made = new Map();
      this.#written = [];
    }
    const pageId = makePageId(this.#ballot, this.#written.length);
    this.#written.push({ pageId, bytes });
    this.#made.set(pageId, bytes);
    return pageId;
  }

  /** Forgets the pages made but for these: the others are part of no value any more. */
  keepOnly(pageIds: readonly PageId[]): void {
    if (pageIds.length === this.#written.length) return;
    const kept = new Set(pageIds);
    this.#written = this.#written.filter(({ pageId }) => kept.has(pageId));
  }
}

export type PendingResult<R> =
  | { readonly kind: 'reply'; readonly reply: R; readonly changed: boolean }
  /** Found applied by an earlier ballot of its own: answered with what that one answered. */
  | { readonly kind: 'applied'; readonly reply: R }
  | { readonly kind: 'unknown' }
  /** Not done, for lack of room. */
  | { readonly kind: 'full' };

const FULL = { kind: 'full' } as const;

/** What running the commands of a round came to. */
export interface Attempt<R> {
  /** One for each pending operation, in order. */
  readonly results: readonly PendingResult<R>[];
  readonly changed: boolean;
  /** The record after all commands; null: dead or absent. */
  readonly live: LiveRecord | null;
  /** Of `live`, or what its tombstone keeps. */
  readonly past: RecordPast;
  /** The base was live but past its expiry: nothing may rest on that before it is written dead. */
  readonly expired: boolean;
  /** Also an attempt that changes nothing must be written. */
  readonly mustWrite: boolean;
}

/** Runs commands in order, each on what the one before left. May throw NeedPages. */
export function runAttempt<R>(
  pendings: readonly Pending<R>[],
  base: OpenedBase,
  nowMs: number,
  pages: PageAccess,
  rules: ProposerRules,
  absenceProves: (pending: Pending<R>) => boolean,
): Attempt<R> {
  const expired = isExpired(base.live, nowMs);
  let live = expired ? null : base.live;
  let past = base.past;
  let changed = false;
  let mustWrite = base.differ || expired;
  const results: PendingResult<R>[] = [];
  let alikeSeen = 0;
  const context: { nowMs: number; pages: PageAccess; past: RecordPast; origin: Ballot | null } = {
    nowMs,
    pages,
    past,
    origin: originOf(base, expired),
  };
  for (let i = 0; i < pendings.length; i++) {
    const pending = pendings[i];
    assert(pending !== undefined, 'an index below the length');
    if (pending.used.length > 0) {
      const settled = rules.settle(pending.used, base.state?.header ?? null, absenceProves(pending));
      if (settled.kind === 'applied') {
        results.push({ kind: 'applied', reply: settled.reply });
        continue;
      }
      if (settled.kind === 'unknown' && pending.operation.step.access === 'write') {
        results.push({ kind: 'unknown' });
        continue;
      }
      mustWrite = true;
    }
    const alike = i < alikeSeen ? 1 : alikeFrom(pendings, i);
    if (alike > 1) {
      alikeSeen = i + alike;
      const record = runAlike(pending.operation, live, past, context, alike, results);
      if (record !== null) {
        live = record;
        past = record;
        context.past = record;
        context.origin = null;
        changed = true;
        i += alike - 1;
        continue;
      }
    }
    const result = runOrAsk(pending.operation.step, live, context);
    if (result instanceof NeedPages) throw neededByAll(result, pendings, i, live, context);
    const { reply, change } = result;
    const before = seenBy(pending.operation.step, live);
    if (pending.full && change !== null && change.kind !== 'delete') {
      results.push(FULL);
    } else if (change !== null && !isNoChange(before, change)) {
      live = applyChange(before, past, pending.operation.key, change, nowMs);
      past = live ?? pastAfterDelete(past, change, nowMs);
      context.past = past;
      context.origin = null;
      changed = true;
      results.push({ kind: 'reply', reply, changed: true });
    } else {
      results.push({ kind: 'reply', reply, changed: false });
    }
  }
  return { results, changed, live, past, expired, mustWrite };
}

/** How many from `first` on run the same step, one that can be run many times at once, and were never refused. */
function alikeFrom<R>(pendings: readonly Pending<R>[], first: number): number {
  const step = pendings[first]?.operation.step;
  if (step?.runMany === undefined) return 1;
  let end = first;
  for (; end < pendings.length; end++) {
    const pending = pendings[end];
    if (pending?.operation.step !== step || pending.used.length > 0 || pending.full) break;
  }
  return end - first;
}

/** Runs an operation and those behind it that are alike as one; the record after that, or null where they are to be run one by one. */
function runAlike<R>(
  { step, key }: Operation<R>,
  live: LiveRecord | null,
  past: RecordPast,
  context: RunContext,
  times: number,
  results: PendingResult<R>[],
): LiveRecord | null {
  const before = seenBy(step, live);
  const replies: R[] = [];
  const change = step.runMany?.(before, context, times, replies) ?? null;
  if (change === null) return null;
  assert(change.kind === 'put' && change.times === times && replies.length === times, 'one put stands for all');
  for (let i = 0; i < times; i++) results.push({ kind: 'reply', reply: replies[i] as R, changed: true });
  return applyChange(before, past, key, change, context.nowMs);
}

function runOrAsk<R>(step: Step<R>, live: LiveRecord | null, context: RunContext): StepResult<R> | NeedPages {
  try {
    return step.run(seenBy(step, live), context);
  } catch (error) {
    if (error instanceof NeedPages) return error;
    throw error;
  }
}

/**
 * What the command at `first` lacks, and what those behind it will probably lack as well, so that a round on a large value
 * asks for pages a few times and not once for each command. They run on the record as it is before `first`: all that
 * matters is which pages they ask for.
 */
function neededByAll<R>(
  needed: NeedPages,
  pendings: readonly Pending<R>[],
  first: number,
  live: LiveRecord | null,
  context: RunContext,
): NeedPages {
  if (first + 1 >= pendings.length) return needed;
  const pageIds = new Set(needed.pageIds);
  for (let i = first + 1; i < pendings.length; i++) {
    const pending = pendings[i];
    if (pending === undefined) continue;
    const result = runOrAsk(pending.operation.step, live, context);
    if (result instanceof NeedPages) for (const id of result.pageIds) pageIds.add(id);
  }
  return new NeedPages([...pageIds]);
}

/**
 * Q nodes hold this state, so it is chosen and every later value descends from it. Where it lies above all that an
 * operation has written, and does not descend from that, those writes can never take effect: the operation starts
 * afresh, and how far the lineage reaches back counts from its next write on.
 */
export function startAfreshWhereHopeless<R>(
  pendings: readonly Pending<R>[],
  accepted: Ballot,
  header: StateHeader | null,
  context: { readonly rounds: { readonly rules: ProposerRules }; readonly counters: ProtocolCounters },
): void {
  for (const pending of pendings) {
    const last = pending.used.at(-1);
    if (last === undefined || compareBallots(accepted, last.ballot) <= 0) continue;
    if (context.rounds.rules.settle(pending.used, header, false).kind !== 'not-applied') continue;
    context.counters.add('settled-not-applied');
    pending.startAfresh();
  }
}

/** Runs the commands now, without those for whose changes `nodes` have no room; or says which pages they need first. */
export function attemptOn<R>(
  pendings: readonly Pending<R>[],
  base: OpenedBase,
  pages: PageAccess,
  context: {
    readonly clock: Clock;
    readonly rounds: { readonly rules: ProposerRules; readonly health: { readonly full: FullDisks } };
    readonly counters: ProtocolCounters;
  },
  nodes: readonly NodeId[],
): Attempt<R> | NeedPages {
  const { clock, counters } = context;
  const { rules, health } = context.rounds;
  const absenceProves = (pending: Pending<R>): boolean => pending.absenceProves(clock, context.rounds.rules);
  if (!base.differ) startAfreshWhereHopeless(pendings, base.accepted, base.state?.header ?? null, context);
  try {
    const nowMs = clock.wallMs();
    let attempt = runAttempt(pendings, base, nowMs, pages, rules, absenceProves);
    if (grows(attempt, base) && health.full.tooMany(nodes) && noteFull(pendings, attempt)) {
      attempt = runAttempt(pendings, base, nowMs, pages, rules, absenceProves);
    }
    countSettled(pendings, attempt, counters);
    return attempt;
  } catch (error) {
    if (error instanceof NeedPages) return error;
    throw error;
  }
}

/** Counts how the exactly-once rule judged the operations that had been refused before. */
function countSettled<R>(pendings: readonly Pending<R>[], attempt: Attempt<R>, counters: ProtocolCounters): void {
  for (let i = 0; i < pendings.length; i++) {
    if (pendings[i]?.used.length === 0) continue;
    const kind = attempt.results[i]?.kind;
    counters.add(
      kind === 'applied' ? 'settled-applied' : kind === 'unknown' ? 'settled-unknown' : 'settled-not-applied',
    );
  }
}
