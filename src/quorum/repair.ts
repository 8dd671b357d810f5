import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { NO_NAMESPACE, type SealedState } from '../record/state.ts';
import { type CommitRequest, MessageType, type RecordAddress, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { Backoff } from './backoff.ts';
import { type CommitOwner, type CommitResult, CommitRound } from './commit-round.ts';
import { deadFromAbsent } from './lineage.ts';
import type { MapHolder } from './map-holder.ts';
import { catchUpPages } from './page-catch-up.ts';
import type { PageTransfer } from './page-transfer.ts';
import { type PreparedBase, type PrepareOwner, type PrepareResult, PrepareRound } from './prepare-round.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { RecordChange } from './record-change.ts';
import type { Round, RoundContext } from './round.ts';
import { sameAddress } from './same-record.ts';

export type RepairOutcome =
  /** A quorum holds it under a new ballot. */
  | 'written'
  /** Nothing had to be written, as where what was to be killed has not expired. */
  | 'unneeded'
  /** No quorum in time, or the map is another: try again later. */
  | 'failed';

/** A ballot that Q nodes have promised with the COMMIT that made `base`: the repair may start at COMMIT (protocol §4, chained ballots). */
export interface RepairLink {
  readonly ballot: Ballot;
  readonly base: PreparedBase;
  /** As it was then: the promises hold under the same epochs only. */
  readonly address: RecordAddress;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
}

/** What repairs share. */
export interface RepairOwner {
  readonly clock: Clock;
  readonly random: Random;
  readonly rounds: RoundContext;
  readonly counters: ProtocolCounters;
  readonly pageTransfer: PageTransfer;
  readonly map: MapHolder;
  nodesOf(address: RecordAddress): readonly NodeId[];
  onClockBroken(): void;
}

const NO_BYTES = Buffer.alloc(0);

/** One record's way through PREPARE and COMMIT, again after refusals, until its deadline. */
export class Repair implements PrepareOwner, CommitOwner {
  readonly #owner: RepairOwner;
  #address: RecordAddress;
  readonly #change: RecordChange;
  readonly #done: (outcome: RepairOutcome) => void;
  readonly #backoff = new Backoff();
  #round: Round | null = null;
  #commit: CommitRound | null = null;
  #ballot: Ballot = NO_BALLOT;
  /** It began at COMMIT, which is under way. */
  #chained = false;
  #deadlineMs = 0;
  /** Monotonic time of the next try; infinite when none waits. */
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #catchUps = 0;
  #finished = false;

  constructor(
    owner: RepairOwner,
    address: RecordAddress,
    change: RecordChange,
    done: (outcome: RepairOutcome) => void,
  ) {
    this.#owner = owner;
    this.#address = address;
    this.#change = change;
    this.#done = done;
  }

  begin(link: RepairLink | null = null): void {
    const nowMs = this.#owner.clock.monotonicMs();
    this.#deadlineMs = nowMs + limits.deadlineMs;
    if (link === null || nowMs >= link.untilMs || !sameAddress(link.address, this.#address)) {
      this.#prepare();
      return;
    }
    this.#chained = true;
    this.#owner.counters.add('chain-continued');
    // The one that was used before: nodes of this process find the record by it.
    this.#address = link.address;
    this.#ballot = link.ballot;
    this.#write(link.base);
  }

  onTick(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) {
      this.#finish('failed');
    } else if (nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#prepare();
    } else {
      this.#round?.onTick(nowMs);
    }
  }

  onPrepared(result: PrepareResult): void {
    this.#round = null;
    switch (result.kind) {
      case 'promised':
        this.#write(result.base);
        break;
      case 'refused':
        this.#owner.counters.add('prepare-refused');
        this.#retry();
        break;
      case 'clock-broken':
        this.#owner.onClockBroken();
        this.#finish('failed');
        break;
      case 'fenced':
        this.#finish('failed');
        break;
    }
  }

  onCommitted(result: CommitResult): void {
    this.#round = null;
    if (result.kind === 'chosen') {
      this.#owner.counters.add('repair-written');
      this.#finish('written');
      return;
    }
    this.#owner.counters.add(this.#chained ? 'chain-refused' : 'commit-refused');
    this.#chained = false;
    if (result.fencedEpoch > 0) this.#finish('failed');
    else this.#retry();
  }

  onStale(node: NodeId, index: number): void {
    this.#catchUps++;
    if (this.#commit === null || this.#catchUps > limits.pageCatchUpsPerWrite) return;
    const { clock } = this.#owner;
    catchUpPages(this.#owner, this.#commit, node, index, () => {
      this.#deadlineMs = Math.max(this.#deadlineMs, clock.monotonicMs() + limits.deadlineMs);
    });
  }

  #prepare(): void {
    const { rounds } = this.#owner;
    const nodes = this.#owner.nodesOf(this.#address);
    if (nodes.length === 0) {
      this.#finish('failed');
      return;
    }
    this.#ballot = rounds.ballots.next(this.#backoff.aheadUs);
    this.#begin(new PrepareRound(rounds, nodes, this.#address, this.#ballot, Want.full, this));
  }

  #write(base: PreparedBase): void {
    const { clock, rounds } = this.#owner;
    const replacement = this.#change.apply(base, this.#ballot, clock.wallMs(), this.#absent());
    if (replacement === null) {
      // Nothing rests on what was found, so it need not be written back either.
      this.#finish('unneeded');
      return;
    }
    const nodes = this.#owner.nodesOf(this.#address);
    if (nodes.length === 0) {
      this.#finish('failed');
      return;
    }
    const commit: CommitRequest = {
      type: MessageType.commit,
      address: this.#address,
      ballot: this.#ballot,
      baseOrigin: base.state?.header.origin ?? NO_BALLOT,
      state: replacement.state,
      pages: replacement.pages,
      next: null,
      encoded: undefined,
    };
    const round = new CommitRound(rounds, nodes, commit, this);
    this.#commit = round;
    this.#begin(round);
  }

  /** What is written where no node has heard of the record; null if the map does not know its namespace. */
  #absent(): SealedState | null {
    const { namespace } = this.#address;
    // A transaction's record as well: a tombstone of it that one node has kept is purged when all have one.
    const generation = namespace === NO_NAMESPACE ? 0 : this.#owner.map.current.namespaces[namespace]?.generation;
    if (generation === undefined) return null;
    return { header: deadFromAbsent(namespace, generation), meta: NO_BYTES, value: NO_BYTES };
  }

  #begin(round: Round): void {
    this.#round = round;
    round.begin(this.#owner.clock.monotonicMs());
  }

  #retry(): void {
    if (!this.#finished) {
      this.#wakeAtMs = this.#owner.clock.monotonicMs() + this.#backoff.nextMs(this.#owner.random);
    }
  }

  #finish(outcome: RepairOutcome): void {
    if (this.#finished) return;
    this.#finished = true;
    if (outcome === 'failed') this.#round?.abandon();
    this.#round = null;
    this.#done(outcome);
  }
}
