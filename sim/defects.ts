import { startNodeWork } from '../src/admin/node-proposer.ts';
import { type PairedRequest, ProposerRules, type Report } from '../src/quorum/rules.ts';
import type { Settlement, UsedBallot } from '../src/quorum/settle.ts';
import { type Ballot, compareBallots, NO_BALLOT } from '../src/record/ballot.ts';
import { NO_REQUESTS } from '../src/record/request-history.ts';
import {
  type RecordContent,
  type RecordId,
  type SealedState,
  type StateHeader,
  StateKind,
} from '../src/record/state.ts';
import type { TransactionOutcome } from '../src/record/transaction-record.ts';
import { MessageType } from '../src/rpc/messages.ts';
import type { Call, CallHandler, NodeHello } from '../src/rpc/transport.ts';
import { Acceptor, type Held } from '../src/storage/acceptor.ts';
import { LearnerRules } from '../src/storage/learner-rules.ts';
import { PromiseTable } from '../src/storage/promise-table.ts';
import type { StorageNode } from '../src/storage/storage-node.ts';
import { SweepRules } from '../src/storage/sweep-rules.ts';
import { type Restamped, RestampingTransport, UnfencedHandler } from './restamp.ts';
import { SimSeal } from './sim-seal.ts';
import { type Parts, SOUND_PARTS } from './world.ts';

class ReadQuorumOfOne extends ProposerRules {
  override readQuorum(): number {
    return 1;
  }
}

class BaseNotHighest extends ProposerRules {
  override chooseBase(reports: readonly Report[]): number {
    let lowest = 0;
    for (let i = 1; i < reports.length; i++) {
      const report = reports[i];
      const best = reports[lowest];
      if (report !== undefined && best !== undefined && compareBallots(report.accepted, best.accepted) < 0) lowest = i;
    }
    return lowest;
  }
}

class NoOpAlthoughPromisesDiffer extends ProposerRules {
  override promisesDiffer(): boolean {
    return false;
  }
}

class BlindRetry extends ProposerRules {
  override settle<R>(): Settlement<R> {
    return { kind: 'not-applied' };
  }
}

class SecondTryForgetsFirst extends ProposerRules {
  override settle<R>(used: readonly UsedBallot<R>[], base: StateHeader | null, absenceProves: boolean): Settlement<R> {
    return super.settle(used.slice(-1), base, absenceProves);
  }
}

class MemoryNotConfirmed extends ProposerRules {
  override confirms(): boolean {
    return true;
  }
}

class LeavesItsCommitBehind extends ProposerRules {
  override takesAlong(): boolean {
    return false;
  }
}

/** Of a moving shard the old node's answer alone stands for the zone. */
class OldAlone extends ProposerRules {
  readonly #request: PairedRequest;

  constructor(request: PairedRequest) {
    super();
    this.#request = request;
  }

  override bothOfPair(request: PairedRequest): boolean {
    return request !== this.#request;
  }
}

class IntentIgnored extends ProposerRules {
  override heedsIntents(): boolean {
    return false;
  }
}

class IntentOnOneRecord extends ProposerRules {
  override recordsWithIntent(): number {
    return 1;
  }
}

class NoRereadAfterT extends ProposerRules {
  override rereadsAfterTransaction(): boolean {
    return false;
  }
}

class SwapIgnored extends ProposerRules {
  override awaitsDecision(): boolean {
    return false;
  }
}

class TDeletedEarly extends ProposerRules {
  override forgetsUnresolved(): boolean {
    return true;
  }
}

class RefusedCoordinatorCommits extends ProposerRules {
  override outcomeAfterRefusal(): TransactionOutcome {
    return 'committed';
  }
}

class OneReadRound extends ProposerRules {
  override readsTwice(): boolean {
    return false;
  }
}

class SnapshotByPrepare extends ProposerRules {
  override readsAfterPrepare(): boolean {
    return false;
  }
}

class PrepareNotRecorded extends Acceptor {
  protected override recordPromise(): void {}
}

class NextNotRecorded extends Acceptor {
  protected override recordNext(): void {}
}

class CommitIgnoresPromise extends Acceptor {
  protected override mayAccept(_id: RecordId, held: Held, ballot: Ballot): boolean {
    return compareBallots(held.accepted, ballot) < 0;
  }
}

/** Every promise is forgotten by a restart. */
class NoCeiling extends Acceptor {
  protected override firstFloor(): Ballot {
    return NO_BALLOT;
  }
}

/** Tombstones are forgotten although a replica may have missed the deletion. */
class PurgeWithoutAllReplicas extends SweepRules {
  override allAgree(): boolean {
    return true;
  }
}

/** What has expired is forgotten without being written dead. */
class PurgeOfExpiredLive extends SweepRules {
  override isExpired(): boolean {
    return false;
  }

  override isPurgeable(...[glance, nowUs, purgeAfterMs]: Parameters<SweepRules['isPurgeable']>): boolean {
    if (glance.kind === StateKind.dead) return super.isPurgeable(glance, nowUs, purgeAfterMs);
    const isOld = glance.accepted.time + purgeAfterMs * 1000 <= nowUs;
    return isOld && glance.expiresAtMs !== 0 && glance.expiresAtMs * 1000 <= nowUs;
  }
}

class PurgeUnderIntent extends SweepRules {
  override isPurgeable(...[glance, nowUs, purgeAfterMs]: Parameters<SweepRules['isPurgeable']>): boolean {
    return super.isPurgeable({ ...glance, hasIntent: false }, nowUs, purgeAfterMs);
  }
}

class PurgeDuringMove extends SweepRules {
  override purgesWhileMoving(): boolean {
    return true;
  }
}

class PurgeKeepsNoFloor extends Acceptor {
  override purged(): void {}
}

class PurgeDropsPromise extends Acceptor {
  override purged(id: RecordId, ballot: Ballot): void {
    super.purged(id, ballot);
    this.promises.covered(id, { time: Number.MAX_SAFE_INTEGER, proposer: 0 });
  }
}

class ForgetfulPromises extends PromiseTable {
  protected override coverEvicted(): void {}
}

class EvictionWithoutFloor extends Acceptor {
  protected override makePromises(capacity: number, floor: Ballot): PromiseTable {
    return new ForgetfulPromises(capacity, floor);
  }
}

class AbsentIsProof extends ProposerRules {
  override absenceProves(): boolean {
    return true;
  }
}

class LearnerKeepsOldData extends LearnerRules {
  override empties(): boolean {
    return false;
  }
}

class LearnerForgetsPromise extends LearnerRules {
  override standsBy(): number {
    return 0;
  }
}

class LearnerCopiesFromOne extends LearnerRules {
  override quorum(): number {
    return 1;
  }
}

class LearnerTakesHighest extends LearnerRules {
  override choose(reported: readonly Ballot[]): Ballot | null {
    return reported.reduce((a, b) => (compareBallots(a, b) >= 0 ? a : b), NO_BALLOT);
  }
}

/** Old voters answer learners whatever epoch they are at. */
class CopyAcrossEpochs implements CallHandler {
  readonly #node: StorageNode;

  constructor(node: StorageNode) {
    this.#node = node;
  }

  hello(): NodeHello {
    return this.#node.hello();
  }

  receive(calls: readonly Call[]): void {
    this.#node.receive(
      calls.map((call) => {
        const { request } = call;
        if (request.type !== MessageType.listRecords) return call;
        const shardEpoch = this.#node.map.shardEpochs[request.shard] ?? request.shardEpoch;
        return { request: { ...request, shardEpoch }, respond: (response) => call.respond(response) };
      }),
    );
  }
}

/** Only whoever has written a record last still knows whose requests it has carried out. */
class ForgetsRequestIds extends SimSeal {
  override seal(id: RecordId, header: StateHeader, content: RecordContent): SealedState {
    return super.seal(id, header, { ...content, requests: NO_REQUESTS });
  }
}

function withRules(make: () => ProposerRules): Parts {
  return { ...SOUND_PARTS, rules: make };
}

function withAcceptor(make: (durableCeilingUs: number, promiseCapacity: number) => Acceptor): Parts {
  return { ...SOUND_PARTS, acceptor: make };
}

function unfenced(what: Restamped): Parts {
  return { ...SOUND_PARTS, handler: (node) => new UnfencedHandler(node, what) };
}

function withLearner(make: () => LearnerRules): Parts {
  return { ...SOUND_PARTS, work: (parts) => startNodeWork(parts, make()) };
}

function withSweep(make: () => SweepRules): Parts {
  return { ...SOUND_PARTS, nodeOptions: () => ({ sweepRules: make() }) };
}

/** Rules of the protocol broken one at a time: the checkers must notice each. */
export const DEFECTS: ReadonlyMap<string, Parts> = new Map([
  ['read-quorum-of-one', withRules(() => new ReadQuorumOfOne())],
  ['commit-ignores-promise', withAcceptor((ceilingUs, capacity) => new CommitIgnoresPromise(ceilingUs, capacity))],
  ['base-not-highest', withRules(() => new BaseNotHighest())],
  ['prepare-not-recorded', withAcceptor((ceilingUs, capacity) => new PrepareNotRecorded(ceilingUs, capacity))],
  ['blind-retry', withRules(() => new BlindRetry())],
  ['next-not-recorded', withAcceptor((ceilingUs, capacity) => new NextNotRecorded(ceilingUs, capacity))],
  ['no-op-although-promises-differ', withRules(() => new NoOpAlthoughPromisesDiffer())],
  ['no-ceiling', withAcceptor((ceilingUs, capacity) => new NoCeiling(ceilingUs, capacity))],
  ['memory-not-confirmed', withRules(() => new MemoryNotConfirmed())],
  ['leaves-its-commit-behind', withRules(() => new LeavesItsCommitBehind())],
  ['second-try-forgets-first', withRules(() => new SecondTryForgetsFirst())],
  ['joint-reads-old-alone', withRules(() => new OldAlone(MessageType.read))],
  ['joint-promise-dropped', withRules(() => new OldAlone(MessageType.prepare))],
  ['joint-counts-old-alone', withRules(() => new OldAlone(MessageType.commit))],
  ['no-epoch-fence', unfenced({ shard: true, namespace: true })],
  ['flush-unfenced', unfenced({ shard: false, namespace: true })],
  ['restamped-commit', { ...SOUND_PARTS, transport: (link, map) => new RestampingTransport(link, map) }],
  ['purge-without-all-replicas', withSweep(() => new PurgeWithoutAllReplicas())],
  ['purge-of-expired-live', withSweep(() => new PurgeOfExpiredLive())],
  ['purge-under-intent', withSweep(() => new PurgeUnderIntent())],
  ['purge-during-move', withSweep(() => new PurgeDuringMove())],
  ['purge-keeps-no-floor', withAcceptor((ceilingUs, capacity) => new PurgeKeepsNoFloor(ceilingUs, capacity))],
  ['purge-drops-promise', withAcceptor((ceilingUs, capacity) => new PurgeDropsPromise(ceilingUs, capacity))],
  ['eviction-without-floor', withAcceptor((ceilingUs, capacity) => new EvictionWithoutFloor(ceilingUs, capacity))],
  ['learner-keeps-old-data', withLearner(() => new LearnerKeepsOldData())],
  ['learner-forgets-promise', withLearner(() => new LearnerForgetsPromise())],
  ['learner-copies-from-one', withLearner(() => new LearnerCopiesFromOne())],
  ['learner-takes-highest', withLearner(() => new LearnerTakesHighest())],
  ['copy-across-epochs', { ...SOUND_PARTS, handler: (node) => new CopyAcrossEpochs(node) }],
  ['amnesic-node-votes', { ...SOUND_PARTS, keepsIdentity: true }],
  ['absent-is-proof', withRules(() => new AbsentIsProof())],
  ['intent-ignored', withRules(() => new IntentIgnored())],
  ['intent-on-one-record', withRules(() => new IntentOnOneRecord())],
  ['no-reread-after-t', withRules(() => new NoRereadAfterT())],
  ['t-deleted-early', withRules(() => new TDeletedEarly())],
  ['swap-ignored', withRules(() => new SwapIgnored())],
  ['refused-coordinator-commits', withRules(() => new RefusedCoordinatorCommits())],
  ['one-read-round', withRules(() => new OneReadRound())],
  ['snapshot-by-prepare', withRules(() => new SnapshotByPrepare())],
  ['forgets-request-ids', { ...SOUND_PARTS, seal: () => new ForgetsRequestIds() }],
]);
