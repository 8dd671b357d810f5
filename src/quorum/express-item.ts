import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import type { SealedState } from '../record/state.ts';
import { type CommitItem, MessageType, type Request, type Response, Want } from '../rpc/messages.ts';
import type { NodeId, ResponseReceiver, Transport } from '../rpc/transport.ts';
import type { OpenedBase } from './attempt.ts';
import type { Operation } from './operation.ts';
import { areInReach } from './reach.ts';
import type { RecordEntry } from './record-table.ts';
import type { Placement } from './task-context.ts';

export type Phase = 'read' | 'prepare' | 'commit';

/** Who follows the items; each call is about an item that is open. */
export interface ItemOwner<R> {
  /** A quorum (`needed` nodes) said the same. */
  onAgreed(item: ExpressItem<R>): void;
  onChosen(item: ExpressItem<R>): void;
  /** Something that the express lane does not deal with. */
  onLeave(item: ExpressItem<R>): void;
}

/** The items that were sent in one flush. */
export interface Wave<R> {
  readonly phase: Phase;
  readonly items: readonly ExpressItem<R>[];
  /** Monotonic milliseconds; moved along by what this process itself was late. */
  sentMs: number;
  resentMs: number;
  /** How long this process stood still since. */
  forgivenMs: number;
  /** How many of them are still in this phase. */
  open: number;
}

/** What a write will be answered with once it is chosen, and what the record is then. */
export interface Written<R> {
  readonly reply: R;
  /** The record as it is then. */
  readonly base: OpenedBase;
  readonly commit: CommitItem;
  readonly sentMonotonicMs: number;
  readonly sentWallMs: number;
}

/** One operation on the express lane: counts answers of one phase after the other. */
export class ExpressItem<R> implements ResponseReceiver {
  readonly entry: RecordEntry<R>;
  readonly operation: Operation<R>;
  readonly placement: Placement;
  /** The replica set in the order of preference; indexes into it are the tags of requests. */
  readonly nodes: readonly NodeId[];
  /** Monotonic milliseconds. */
  readonly arrivedMs: number;
  phase: Phase;
  /** This proxy did not serve the record lately: nodes may not have it in memory. */
  readonly cold: boolean;
  /** Neither answered nor left. */
  open = true;
  wave: Wave<R> | null = null;
  /** How many equal answers end the phase. */
  needed = 0;
  accepted: Ballot = NO_BALLOT;
  state: SealedState | null = null;
  ballot: Ballot = NO_BALLOT;
  /** Of the state, from the first node. */
  want: Want = Want.nothing;
  /** The COMMIT went out under a ballot that was promised with the one before. */
  chained = false;
  written: Written<R> | null = null;
  nextRecorded = 0;
  refused = 0;
  /** Of those, for lack of room. */
  full = 0;
  agreeing = 0;
  #answered = 0;
  readonly #owner: ItemOwner<R>;

  constructor(
    owner: ItemOwner<R>,
    entry: RecordEntry<R>,
    operation: Operation<R>,
    nodes: readonly NodeId[],
    arrivedMs: number,
  ) {
    this.#owner = owner;
    this.entry = entry;
    this.operation = operation;
    this.placement = entry.placement;
    this.nodes = nodes;
    this.arrivedMs = arrivedMs;
    this.cold = entry.opened === null;
    this.phase = operation.step.access === 'read' ? 'read' : 'prepare';
  }

  enter(phase: Phase, needed: number): void {
    this.phase = phase;
    this.needed = needed;
    this.#answered = 0;
    this.agreeing = 0;
  }

  /** The state is asked from the first node only. */
  wantAt(index: number): Want {
    return index === 0 ? this.want : Want.nothing;
  }

  hasAnswered(index: number): boolean {
    return (this.#answered & (1 << index)) !== 0;
  }

  /** As Pending.isOverdue, once its COMMIT is out. */
  isOverdue(nowMs: number, transport: Pick<Transport, 'isUp'>): boolean {
    const ageMs = nowMs - this.arrivedMs;
    if (ageMs < limits.deadlineMs + (this.wave?.forgivenMs ?? 0) && ageMs < limits.deadlineWhenLateMs) return false;
    return ageMs >= limits.deadlineWhenLateMs || !areInReach(transport, this.nodes);
  }

  /** A node's word on the record, in a READ or with a promise. */
  answered(index: number, accepted: Ballot, state: SealedState | null): void {
    if (this.hasAnswered(index)) return;
    this.#answered |= 1 << index;
    if (this.agreeing === 0) {
      this.accepted = accepted;
    } else if (!sameBallot(this.accepted, accepted)) {
      this.#owner.onLeave(this);
      return;
    }
    this.agreeing++;
    if (state !== null) this.state = state;
    if (this.agreeing === this.needed) this.#owner.onAgreed(this);
  }

  acknowledged(index: number, next: boolean): void {
    if (this.hasAnswered(index)) return;
    this.#answered |= 1 << index;
    this.agreeing++;
    if (next) this.nextRecorded++;
    if (this.agreeing === this.needed) this.#owner.onChosen(this);
    else this.#leaveIfHopeless();
  }

  /** A node has promised a higher ballot, or its map is another. */
  refusedBy(index: number): void {
    if (this.hasAnswered(index)) return;
    this.#answered |= 1 << index;
    this.refused++;
    this.#leaveIfHopeless();
  }

  /** A node's disk has no room for what is to be written. */
  fullAt(index: number): void {
    if (this.hasAnswered(index)) return;
    this.full++;
    this.refusedBy(index);
  }

  /** The response to a request about this record alone. */
  onResponse(index: number, response: Response): void {
    if (!this.open) return;
    switch (response.type) {
      case MessageType.state:
        if (this.phase === 'read') this.answered(index, response.accepted, response.state);
        break;
      case MessageType.promise:
        if (this.phase === 'prepare') this.answered(index, response.accepted, response.state);
        break;
      case MessageType.ack:
        if (this.phase === 'commit') this.acknowledged(index, response.nextRecorded);
        break;
      case MessageType.lost:
      case MessageType.fault:
        if (this.phase !== 'commit') this.#owner.onLeave(this);
        else if (response.type === MessageType.fault && response.fault === 'full') this.fullAt(index);
        // Else the COMMIT waits for the others, and is sent again.
        break;
      default:
        if (this.phase === 'commit') this.refusedBy(index);
        else this.#owner.onLeave(this);
    }
  }

  /** The request of this phase about this record alone. */
  request(index: number): Request {
    const { address } = this.placement;
    if (this.phase === 'read') return { type: MessageType.read, address, want: this.wantAt(index), ifAccepted: null };
    const { written, ballot } = this;
    if (this.phase === 'prepare' || written === null) {
      return { type: MessageType.prepare, address, ballot, want: this.wantAt(index) };
    }
    const { state, next, encoded } = written.commit;
    return { type: MessageType.commit, address, ballot, baseOrigin: NO_BALLOT, state, pages: null, next, encoded };
  }

  #leaveIfHopeless(): void {
    if (this.refused > 0 && this.nodes.length - this.refused < this.needed) this.#owner.onLeave(this);
  }
}
