import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { ShardMove } from '../cluster/map.ts';
import { WRITE_BACK } from '../quorum/record-change.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { compareBallots, isNoBallot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import type { RecordId, SealedState } from '../record/state.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import { namespaceEpochOf } from '../rpc/namespace-epoch.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { LearnPace } from './learn-pace.ts';
import type { LearnerRules } from './learner-rules.ts';
import { idBefore, type OldVoters, oldVotersOf, type VotedRange, type VotedRecord } from './old-voters.ts';
import type { PageCopier } from './page-copier.ts';
import { type Copy, hasPages, type ShardStore } from './shard-store.ts';

/** What the learning of all shards shares. */
export interface LearningTools {
  readonly nodeId: NodeId;
  readonly clock: Clock;
  readonly rules: LearnerRules;
  readonly shards: ShardStore;
  readonly voters: OldVoters;
  readonly pages: PageCopier;
  readonly repairer: Repairer;
  readonly pace: LearnPace;
  readonly counts: LearnCounts;
}

/** What was learned since the start. */
export interface LearnCounts {
  ranges: number;
  recordsCopied: number;
  recordsRepaired: number;
  bytes: number;
}

/** A record to be stored here, and a node that has its pages. */
interface Chosen {
  readonly copy: Copy;
  readonly source: NodeId;
}

/**
 * Learns one shard (protocol §8, step 2): range by range it asks Q of the old voters, each answering at the shard's epoch.
 * What Q of them agree on it stores; the rest is settled record by record.
 */
export class ShardLearner {
  readonly shard: number;
  readonly shardEpoch: number;
  readonly #move: ShardMove;
  readonly #tools: LearningTools;
  /** `true`: to its end. Not called once it was stopped. */
  readonly #done: () => void;
  #afterId: RecordId = '';
  #retryMs: number = limits.learnRetryMs;
  /** When the range under way was asked for, monotonic. */
  #startedMs = 0;
  #isStopped = false;

  constructor(tools: LearningTools, move: ShardMove, shardEpoch: number, done: () => void) {
    this.shard = move.shard;
    this.shardEpoch = shardEpoch;
    this.#move = move;
    this.#tools = tools;
    this.#done = done;
  }

  /** The shard is empty, or as far as `afterId` learned, and open. */
  start(afterId: RecordId): void {
    this.#afterId = afterId;
    this.#nextRange();
  }

  /** The map is another: what is under way comes to nothing. */
  stop(): void {
    this.#isStopped = true;
  }

  #nextRange(): void {
    if (this.#isStopped) return;
    this.#startedMs = this.#tools.clock.monotonicMs();
    this.#ask(this.#afterId, '', false, (range) => {
      if (this.#isStopped) return;
      if (range === null) this.#retryLater();
      else this.#take(range);
    });
  }

  #ask(afterId: RecordId, untilId: RecordId, all: boolean, done: (range: VotedRange | null) => void): void {
    const { voters, shards, rules } = this.#tools;
    const map = shards.map.current;
    const question = {
      shard: this.shard,
      shardEpoch: this.shardEpoch,
      voters: oldVotersOf(map, this.#move),
      quorum: rules.quorum(map.zones.length),
      afterId,
      untilId,
      all,
      full: all,
    };
    voters.ask(question, done);
  }

  #take(range: VotedRange): void {
    const agreed: Chosen[] = [];
    const open: VotedRecord[] = [];
    for (const record of range.records) {
      const chosen = this.#choose(range, record);
      if (chosen === 'open') open.push(record);
      else if (chosen !== 'absent') agreed.push(chosen);
    }
    const { counts, pace } = this.#tools;
    this.#store(agreed, (isStored, pageBytes) => {
      if (this.#isStopped) return;
      if (!isStored) {
        this.#retryLater();
        return;
      }
      this.#settleAll(open, (isSettled) => {
        if (this.#isStopped) return;
        counts.bytes += range.bytes + pageBytes;
        if (!isSettled) this.#retryLater();
        else pace.took(range.bytes + pageBytes, this.#startedMs, () => this.#finishRange(range.untilId));
      });
    });
  }

  #finishRange(untilId: RecordId): void {
    if (this.#isStopped) return;
    this.#retryMs = limits.learnRetryMs;
    this.#tools.counts.ranges++;
    if (untilId === '') {
      this.#done();
      return;
    }
    this.#afterId = untilId;
    this.#tools.shards.note({
      shard: this.shard,
      shardEpoch: this.shardEpoch,
      stage: 'learning',
      afterId: untilId,
    });
    this.#nextRange();
  }

  #retryLater(): void {
    const { clock } = this.#tools;
    clock.after(this.#retryMs, () => this.#nextRange());
    this.#retryMs = Math.min(2 * this.#retryMs, limits.learnRetryMaxMs);
  }

  /** What Q agree on, if its state came along. */
  #choose(range: VotedRange, record: VotedRecord): Chosen | 'absent' | 'open' {
    const { rules, shards } = this.#tools;
    const accepted = rules.choose(record.accepted, rules.quorum(shards.map.current.zones.length));
    if (accepted === null) return 'open';
    if (isNoBallot(accepted)) return 'absent';
    const from = record.states.findIndex(
      (state, i) => state !== null && sameBallot(record.accepted[i] ?? NO_BALLOT, accepted),
    );
    const state = record.states[from];
    const source = range.nodes[from];
    if (!state || source === undefined) return 'open';
    return { copy: { address: this.#addressOf(record.id, state), accepted, state }, source };
  }

  #addressOf(id: RecordId, state: SealedState | null): RecordAddress {
    const namespace = state?.header.namespace ?? 0;
    const namespaceEpoch = namespaceEpochOf(this.#tools.shards.map.current, namespace) ?? 0;
    return { id, shard: this.shard, shardEpoch: this.shardEpoch, namespace, namespaceEpoch };
  }

  /** Pages first: a state must not be here without them. */
  #store(chosen: readonly Chosen[], done: (isStored: boolean, pageBytes: number) => void): void {
    const { shards, counts } = this.#tools;
    const addresses = chosen.map(({ copy }) => copy.address);
    shards.acceptedOf(addresses, (own) => {
      // COMMITs may have brought it, or something newer, with all its pages.
      const needed = chosen.filter(({ copy }, i) => compareBallots(own[i] ?? NO_BALLOT, copy.accepted) < 0);
      this.#copyPages(needed, 0, 0, (pageBytes) => {
        if (pageBytes === null) {
          done(false, 0);
          return;
        }
        const copies = needed.map(({ copy }) => copy);
        shards.learn(copies, (outcomes) => {
          for (const outcome of outcomes) if (outcome === 'stored') counts.recordsCopied++;
          done(!outcomes.includes('failed'), pageBytes);
        });
      });
    });
  }

  #copyPages(chosen: readonly Chosen[], from: number, bytes: number, done: (pageBytes: number | null) => void): void {
    const next = chosen.findIndex(({ copy }, i) => i >= from && hasPages(copy.state));
    const one = chosen[next];
    if (one === undefined || this.#isStopped) {
      done(this.#isStopped ? null : bytes);
      return;
    }
    const { address, state } = one.copy;
    this.#tools.pages.copy(address, state.header.origin, one.source, (copied) => {
      if (copied === null) done(null);
      else this.#copyPages(chosen, next + 1, bytes + copied, done);
    });
  }

  /** Records on which the first Q do not agree, a few at a time. */
  #settleAll(open: readonly VotedRecord[], done: (isSettled: boolean) => void): void {
    let next = 0;
    let running = 0;
    let isSettled = true;
    const more = (): void => {
      while (isSettled && running < limits.learnRepairsAtOnce) {
        const record = open[next];
        if (record === undefined) break;
        next++;
        running++;
        this.#settle(record.id, 0, (isWell) => {
          running--;
          isSettled &&= isWell;
          more();
        });
      }
      if (running === 0 && (next === open.length || !isSettled)) done(isSettled);
    };
    if (open.length === 0) done(true);
    else more();
  }

  /** Asks once more, every voter; then what is here already is enough, or the record is repaired and looked at again. */
  #settle(id: RecordId, tries: number, done: (isSettled: boolean) => void): void {
    if (this.#isStopped) {
      done(false);
      return;
    }
    this.#ask(idBefore(id), id, true, (range) => {
      const record = range?.records.find((one) => one.id === id);
      if (range === null || this.#isStopped) {
        done(false);
        return;
      }
      const chosen = record === undefined ? 'absent' : this.#choose(range, record);
      if (record === undefined || chosen === 'absent') done(true);
      else if (chosen !== 'open') this.#store([chosen], (isStored) => done(isStored));
      else this.#settleOpen(record, tries, done);
    });
  }

  #settleOpen(record: VotedRecord, tries: number, done: (isSettled: boolean) => void): void {
    const { shards, repairer, counts } = this.#tools;
    const known = record.states.find((state) => state !== null) ?? null;
    const address = this.#addressOf(record.id, known);
    const highest = record.accepted.reduce((a, b) => (compareBallots(a, b) >= 0 ? a : b), NO_BALLOT);
    shards.acceptedOf([address], ([own]) => {
      if (own && compareBallots(own, highest) >= 0) {
        done(true);
        return;
      }
      if (tries >= limits.learnRepairTries) {
        done(false);
        return;
      }
      repairer.repair(address, WRITE_BACK, (outcome) => {
        if (outcome === 'written') counts.recordsRepaired++;
        if (outcome === 'failed') done(false);
        else this.#settle(record.id, tries + 1, done);
      });
    });
  }
}
