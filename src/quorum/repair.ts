import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { type SealedState, type StateHeader, StateKind } from '../record/state.ts';
import { type CommitRequest, MessageType, type RecordAddress, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { Backoff } from './backoff.ts';
import { type CommitOwner, type CommitResult, CommitRound } from './commit-round.ts';
import { deadFromAbsent, extendLineage } from './lineage.ts';
import type { MapHolder } from './map-holder.ts';
import type { PageTransfer } from './page-transfer.ts';
import { type PreparedBase, type PrepareOwner, type PrepareResult, PrepareRound } from './prepare-round.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { RepairOutcome } from './repairer.ts';
import type { Round, RoundContext } from './round.ts';

/** `kill-expired`: a live state past its expiry becomes a tombstone; what is not expired is left alone. */
export type RepairChange = 'none' | 'kill-expired';

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

/**
 * Whether a node, which has no key, may write this state dead: it is past its expiry, and remembers no request that a
 * client may still repeat.
 */
export function mayKill(header: Pick<StateHeader, 'kind' | 'expiresAtMs' | 'remembers'>, nowMs: number): boolean {
  if (header.kind !== StateKind.live || header.expiresAtMs === 0) return false;
  return header.expiresAtMs + (header.remembers ? limits.requestReachMs : 0) <= nowMs;
}

/** The tombstone that follows this state, made by `ballot` without a key: its past is empty. */
export function deadAfter(header: StateHeader, ballot: Ballot): SealedState {
  const lineage = extendLineage(header, ballot);
  const dead: StateHeader = {
    kind: StateKind.dead,
    origin: ballot,
    lineage: lineage.ballots,
    birth: lineage.birth,
    expiresAtMs: 0,
    sizeBytes: 0,
    namespace: header.namespace,
    generation: header.generation,
    paged: false,
    remembers: false,
  };
  return { header: dead, meta: NO_BYTES, value: NO_BYTES };
}

/** One record's way through PREPARE and COMMIT, again after refusals, until its deadline. */
export class Repair implements PrepareOwner, CommitOwner {
  readonly #owner: RepairOwner;
  readonly #address: RecordAddress;
  readonly #change: RepairChange;
  readonly #done: (outcome: RepairOutcome) => void;
  readonly #backoff = new Backoff();
  #round: Round | null = null;
  #commit: CommitRound | null = null;
  #ballot: Ballot = NO_BALLOT;
  #deadlineMs = 0;
  /** Monotonic time of the next try; infinite when none waits. */
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #catchUps = 0;
  #finished = false;

  constructor(
    owner: RepairOwner,
    address: RecordAddress,
    change: RepairChange,
    done: (outcome: RepairOutcome) => void,
  ) {
    this.#owner = owner;
    this.#address = address;
    this.#change = change;
    this.#done = done;
  }

  begin(): void {
    this.#deadlineMs = this.#owner.clock.monotonicMs() + limits.deadlineMs;
    this.#prepare();
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
    this.#owner.counters.add('commit-refused');
    if (result.fencedEpoch > 0) this.#finish('failed');
    else this.#retry();
  }

  onStale(node: NodeId, index: number): void {
    this.#catchUps++;
    if (this.#commit !== null && this.#catchUps <= limits.pageCatchUpsPerWrite) {
      this.#catchUp(this.#commit, node, index, 0);
    }
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
    const { state } = base;
    const kills = this.#change === 'kill-expired';
    if (kills && (state === null || !mayKill(state.header, this.#owner.clock.wallMs()))) {
      // Nothing rests on what was found, so it need not be written back either.
      this.#finish('unneeded');
      return;
    }
    const nodes = this.#owner.nodesOf(this.#address);
    const written = kills && state !== null ? deadAfter(state.header, this.#ballot) : (state ?? this.#absent());
    if (written === null || nodes.length === 0) {
      this.#finish('failed');
      return;
    }
    const commit: CommitRequest = {
      type: MessageType.commit,
      address: this.#address,
      ballot: this.#ballot,
      baseOrigin: state?.header.origin ?? NO_BALLOT,
      state: written,
      pages: written.header.paged ? { complete: false, added: [], dropped: [] } : null,
      next: null,
      encoded: undefined,
    };
    const round = new CommitRound(this.#owner.rounds, nodes, commit, this);
    this.#commit = round;
    this.#begin(round);
  }

  /** What is written where no node has heard of the record; null if the map does not know its namespace. */
  #absent(): SealedState | null {
    const { namespace } = this.#address;
    const generation = this.#owner.map.current.namespaces[namespace]?.generation;
    if (generation === undefined) return null;
    return { header: deadFromAbsent(namespace, generation), meta: NO_BYTES, value: NO_BYTES };
  }

  /** Copies the pages that this node lacks, once there is one that has acknowledged, and sends the COMMIT again. */
  #catchUp(round: CommitRound, node: NodeId, index: number, tries: number): void {
    const { clock, counters, pageTransfer } = this.#owner;
    const source = round.acknowledged[0];
    if (source === undefined) {
      if (tries >= limits.pageCatchUpTries || round.ended) return;
      clock.after(limits.roundTickMs, () => this.#catchUp(round, node, index, tries + 1));
      return;
    }
    const progress = (): void => {
      this.#deadlineMs = Math.max(this.#deadlineMs, clock.monotonicMs() + limits.deadlineMs);
    };
    pageTransfer.catchUp(node, source, round.commit, progress, (complete) => {
      if (complete === null) return;
      counters.add('pages-caught-up');
      round.sendAgain(index, complete);
    });
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
