import { limits } from '../base/limits.ts';
import { findNode } from '../cluster/cluster-map.ts';
import { updateClusterMap } from '../cluster/config-store.ts';
import type { ClusterMap, ShardMove } from '../cluster/map.ts';
import { withShardsLearned } from '../cluster/members.ts';
import { moveOf } from '../cluster/seats.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { MessageType, type NodeStatus } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { LearnPace } from './learn-pace.ts';
import { LearnerRules } from './learner-rules.ts';
import type { NodePeerParts, NodeWork } from './node-peer-parts.ts';
import { OldVoters, oldVotersOf } from './old-voters.ts';
import { PageCopier } from './page-copier.ts';
import { type LearnCounts, type LearningTools, ShardLearner } from './shard-learner.ts';

export interface LearnerParts extends NodePeerParts {
  readonly repairer: Repairer;
  readonly rules?: LearnerRules;
}

/** Where one shard stands. */
type Stage = 'waiting' | 'probing' | 'emptying' | 'queued' | 'learning' | 'learned';

interface Learning {
  readonly move: ShardMove;
  readonly shardEpoch: number;
  stage: Stage;
  learner: ShardLearner | null;
}

/**
 * Learns the shards that the map has this node learn (protocol §8), several at once, and makes the node their voter: empties what
 * was here before, as soon as Q old voters are at the shard's epoch; copies; and before the last change of the map makes
 * sure that the node stands by all that others have promised under older epochs. Goes on where it was after a restart.
 */
export class Learner implements NodeWork {
  readonly counts: LearnCounts = { ranges: 0, recordsCopied: 0, recordsRepaired: 0, bytes: 0 };
  readonly #parts: LearnerParts;
  readonly #rules: LearnerRules;
  readonly #tools: LearningTools;
  readonly #learnings = new Map<number, Learning>();
  #isFinishing = false;
  #isProbing = false;
  #probeDelayMs: number = limits.learnRetryMs;
  #isStopped = false;

  constructor(parts: LearnerParts) {
    const { node, clock, repairer, transport } = parts;
    this.#parts = parts;
    this.#rules = parts.rules ?? new LearnerRules();
    this.#tools = {
      nodeId: node.nodeId,
      clock,
      rules: this.#rules,
      shards: node.shards,
      voters: new OldVoters(repairer.caller, transport),
      pages: new PageCopier(repairer.caller, node.nodeId),
      repairer,
      pace: new LearnPace(clock, () => node.map.moveRate || limits.learnBytesPerSecond),
      counts: this.counts,
    };
    node.onMap((map) => this.#onMap(map));
  }

  start(): void {
    this.#onMap(this.#parts.node.map);
  }

  stop(): void {
    this.#isStopped = true;
    for (const { learner } of this.#learnings.values()) learner?.stop();
  }

  /** What is learned follows the map that the node goes by. */
  #onMap(map: ClusterMap): void {
    if (this.#isStopped) return;
    const { shards, nodeId } = this.#tools;
    for (const [shard, learning] of this.#learnings) {
      if (shards.map.learns(shard) && map.shardEpochs[shard] === learning.shardEpoch) continue;
      learning.learner?.stop();
      this.#learnings.delete(shard);
    }
    if (!shards.map.isEntered) return;
    for (const move of map.moves) {
      const shardEpoch = map.shardEpochs[move.shard];
      if (move.learner !== nodeId || shardEpoch === undefined || this.#learnings.has(move.shard)) continue;
      this.#learnings.set(move.shard, {
        move,
        shardEpoch,
        stage: this.#firstStage(move.shard, shardEpoch),
        learner: null,
      });
    }
    this.#probe();
    this.#learnMore();
    this.#finishSoon();
  }

  /** What was begun in this very epoch goes on. */
  #firstStage(shard: number, shardEpoch: number): Stage {
    const { shards } = this.#tools;
    const mark = shards.markOf(shard);
    if (mark?.shardEpoch !== shardEpoch || mark.stage === 'emptying') return 'waiting';
    shards.reopen(shard, shardEpoch);
    return mark.stage === 'learned' ? 'learned' : 'queued';
  }

  #inStage(stage: Stage): Learning[] {
    return [...this.#learnings.values()].filter((learning) => learning.stage === stage);
  }

  #isCurrent(learning: Learning): boolean {
    return !this.#isStopped && this.#learnings.get(learning.move.shard) === learning;
  }

  /** Before anything is deleted, Q old voters must be there: otherwise it may be all that is left. */
  #probe(): void {
    const waiting = this.#inStage('waiting');
    if (this.#isProbing || waiting.length === 0 || this.#isStopped) return;
    this.#isProbing = true;
    this.#probeFrom(waiting, 0);
  }

  /** Some shards a turn: each is a look at several disks, and clients wait meanwhile. */
  #probeFrom(waiting: readonly Learning[], from: number): void {
    if (this.#isStopped) return;
    const to = from + limits.learnProbesAtOnce;
    const some = waiting.slice(from, to).filter((learning) => this.#isCurrent(learning));
    const next = (): void => {
      if (to < waiting.length) this.#parts.clock.after(0, () => this.#probeFrom(waiting, to));
      else this.#allProbed();
    };
    if (some.length === 0) {
      next();
      return;
    }
    let open = some.length;
    for (const learning of some) {
      learning.stage = 'probing';
      this.#probeOne(learning, (isAnswered) => {
        learning.stage = isAnswered ? 'emptying' : 'waiting';
        open--;
        if (open > 0) return;
        this.#probed(some);
        next();
      });
    }
  }

  #probeOne(learning: Learning, done: (isAnswered: boolean) => void): void {
    const { map } = this.#parts.node;
    const question = {
      shard: learning.move.shard,
      shardEpoch: learning.shardEpoch,
      voters: oldVotersOf(map, learning.move),
      quorum: this.#rules.quorum(map.zones.length),
      afterId: '',
      // Nothing lies up to the lowest id but that one.
      untilId: '\0'.repeat(16),
      all: false,
      full: false,
    };
    this.#tools.voters.ask(question, (range) => done(range !== null));
  }

  #probed(probed: readonly Learning[]): void {
    if (this.#isStopped) return;
    const ready = probed.filter((learning) => learning.stage === 'emptying' && this.#isCurrent(learning));
    if (ready.length > 0) this.#empty(ready);
  }

  #allProbed(): void {
    this.#isProbing = false;
    if (!this.#isStopped) this.#probeAgain(this.#inStage('waiting').length);
  }

  /** At first soon: those that are asked only have to hear of the newest map. */
  #probeAgain(shards: number): void {
    if (shards === 0) {
      this.#probeDelayMs = limits.learnRetryMs;
      return;
    }
    const delayMs = this.#probeDelayMs;
    this.#probeDelayMs = Math.min(2 * delayMs, limits.learnRetryMaxMs);
    if (delayMs === limits.learnRetryMaxMs) {
      this.#parts.log.warn(
        { nodeId: this.#tools.nodeId, shards },
        'shards wait to be learned: too few of the other zones answer for them',
      );
    }
    this.#parts.clock.after(delayMs, () => this.#probe());
  }

  #empty(ready: readonly Learning[]): void {
    const { shards } = this.#tools;
    const done = (): void => {
      for (const learning of ready) if (this.#isCurrent(learning)) learning.stage = 'queued';
      this.#learnMore();
    };
    if (this.#rules.empties()) {
      shards.empty(new Map(ready.map(({ move, shardEpoch }) => [move.shard, shardEpoch])), done);
      return;
    }
    for (const { move, shardEpoch } of ready) shards.reopen(move.shard, shardEpoch);
    done();
  }

  #learnMore(): void {
    if (this.#isStopped) return;
    let running = this.#inStage('learning').length;
    for (const learning of this.#inStage('queued')) {
      if (running >= limits.learnShardsAtOnce) break;
      running++;
      this.#learn(learning);
    }
  }

  #learn(learning: Learning): void {
    const { shards } = this.#tools;
    const { shard } = learning.move;
    learning.stage = 'learning';
    learning.learner = new ShardLearner(this.#tools, learning.move, learning.shardEpoch, () => {
      shards.noteLearned(shard, learning.shardEpoch, (isWritten) => {
        if (!this.#isCurrent(learning)) return;
        learning.stage = isWritten ? 'learned' : 'queued';
        this.#learnMore();
        this.#finishSoon();
      });
    });
    const mark = shards.markOf(shard);
    learning.learner.start(mark?.shardEpoch === learning.shardEpoch ? mark.afterId : '');
  }

  /** Many shards become one change of the map. */
  #finishSoon(): void {
    if (this.#isFinishing || this.#isStopped || this.#inStage('learned').length === 0) return;
    this.#isFinishing = true;
    const isLast = this.#inStage('learning').length === 0 && this.#inStage('queued').length === 0;
    this.#parts.clock.after(isLast ? 0 : limits.learnFinishMs, () => this.#finish());
  }

  #finish(): void {
    const learned = this.#inStage('learned');
    const again = (delayMs: number): void => {
      this.#parts.clock.after(delayMs, () => {
        this.#isFinishing = false;
        this.#finishSoon();
      });
    };
    if (this.#isStopped || learned.length === 0) {
      this.#isFinishing = false;
      return;
    }
    this.#standBy(learned, (ready) => {
      if (ready.length === 0) again(limits.learnRetryMaxMs);
      else void this.#becomeVoter(ready).then((isDone) => again(isDone ? 0 : limits.learnRetryMs));
    });
  }

  /** Ceiling and floor above all that Q old voters of each shard can have promised; those of which Q answered. */
  #standBy(learned: readonly Learning[], done: (ready: readonly Learning[]) => void): void {
    const { map } = this.#parts.node;
    const voters = new Set(learned.flatMap(({ move }) => oldVotersOf(map, move)));
    const statuses = new Map<NodeId, NodeStatus>();
    let open = voters.size;
    const answered = (): void => {
      const quorum = this.#rules.quorum(map.zones.length);
      let highestUs = 0;
      const ready = learned.filter((learning) => {
        const ceilings = this.#ceilingsOf(learning, map, statuses);
        // Any Q of them will do: the lowest, so that one clock far ahead is not followed where others have answered.
        const neededUs = ceilings[quorum - 1];
        if (neededUs !== undefined) highestUs = Math.max(highestUs, neededUs);
        return neededUs !== undefined;
      });
      this.#tools.shards.standBy(this.#rules.standsBy(highestUs), (isRaised) => done(isRaised ? ready : []));
    };
    if (open === 0) done([]);
    for (const voter of voters) {
      this.#parts.repairer.caller.call(voter, { type: MessageType.nodeStatus }, limits.learnCallMs, (response) => {
        if (response.type === MessageType.status) statuses.set(voter, response.status);
        open--;
        if (open === 0) answered();
      });
    }
  }

  /** Of the old voters that answered at the shard's epoch, lowest first. */
  #ceilingsOf(learning: Learning, map: ClusterMap, statuses: ReadonlyMap<NodeId, NodeStatus>): number[] {
    if (!this.#isCurrent(learning)) return [];
    const ceilings: number[] = [];
    for (const voter of oldVotersOf(map, learning.move)) {
      const status = statuses.get(voter);
      const incarnation = findNode(map, voter)?.node.incarnation;
      const isMeant = incarnation === '' || status?.incarnation === incarnation;
      if (status !== undefined && isMeant && status.mapEpoch >= learning.shardEpoch) ceilings.push(status.ceilingUs);
    }
    return ceilings.sort((a, b) => a - b);
  }

  async #becomeVoter(ready: readonly Learning[]): Promise<boolean> {
    const { map, log } = this.#parts;
    const { nodeId } = this.#tools;
    const changed = await updateClusterMap(map.store, (current) => {
      const still = ready.filter(({ move, shardEpoch }) => {
        return moveOf(current, move.shard)?.learner === nodeId && current.shardEpochs[move.shard] === shardEpoch;
      });
      return withShardsLearned(
        current,
        nodeId,
        still.map(({ move }) => move.shard),
      );
    });
    if (!changed.ok) {
      log.warn({ nodeId, problem: changed.problem }, 'shards are learned, but the cluster map could not be changed');
      return false;
    }
    log.info({ nodeId, shards: ready.length, ...this.counts }, 'shards are learned');
    map.adopt(changed.value);
    return true;
  }
}
