import {
  type CommitRequest,
  type FaultKind,
  MessageType,
  type RecordAddress,
  type Request,
  type Response,
} from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { majority } from './majority.ts';
import { Round, type RoundContext } from './round.ts';

export type CommitResult =
  /** Q nodes have it: it is the value. `nextRecorded`: Q of them also promised `next`. */
  | { readonly kind: 'chosen'; readonly nextRecorded: boolean }
  /** Somebody else's ballot, or epochs, stand in the way of Q, which is impossible or not to be had soon. The write may still happen. `full`: it is room that is lacking. */
  | { readonly kind: 'refused'; readonly fencedEpoch: number; readonly full: boolean };

export interface CommitOwner {
  onCommitted(result: CommitResult): void;
  /** This node lacks pages that the state rests on. */
  onStale(node: NodeId, index: number): void;
}

/** COMMIT of protocol §4.3 to all N nodes; Q acknowledgements make it chosen. */
export class CommitRound extends Round {
  readonly commit: CommitRequest;
  readonly #owner: CommitOwner;
  readonly #quorum: number;
  readonly acknowledged: NodeId[] = [];
  #nextRecorded = 0;
  #refused = 0;
  /** Of those. */
  #full = 0;
  #fencedEpoch = 0;
  #chosen = false;

  constructor(context: RoundContext, nodes: readonly NodeId[], commit: CommitRequest, owner: CommitOwner) {
    super(context, nodes);
    this.commit = commit;
    this.#owner = owner;
    this.#quorum = majority(nodes.length);
    if (commit.pages !== null) context.manifests.note(commit);
  }

  override begin(nowMs: number): void {
    this.start(this.nodes.length, nowMs);
  }

  /** A COMMIT waits for the disk: who is asked only for that, being slow, would never seem quick. */
  protected override get isTimed(): boolean {
    return false;
  }

  get chosen(): boolean {
    return this.#chosen;
  }

  protected override request(index: number): Request {
    return this.context.manifests.requestFor(this.nodes[index], this.commit);
  }

  protected override handle(index: number, response: Response): void {
    switch (response.type) {
      case MessageType.ack:
        this.#onAck(index, response.nextRecorded);
        break;
      case MessageType.reject: {
        const highestUs = Math.max(response.ballot.time, response.floor.time);
        if (!this.context.ballots.observe(highestUs)) this.context.counters.add('clock-too-far');
        this.#onRefusal();
        break;
      }
      case MessageType.epoch:
        this.#fencedEpoch = Math.max(this.#fencedEpoch, response.mapEpoch);
        this.noteEpoch(index, response.mapEpoch);
        this.#onRefusal();
        break;
      case MessageType.stale:
        this.#onStale(index);
        break;
      case MessageType.fault:
        this.#onFault(index, response.fault);
        break;
      default:
        this.#onFailed(index);
    }
  }

  #onFault(index: number, fault: FaultKind): void {
    const node = this.nodes[index];
    if (fault !== 'full' || node === undefined) {
      this.#onFailed(index);
      return;
    }
    this.context.health.full.note(node);
    this.#full++;
    this.#onRefusal();
  }

  #onFailed(index: number): void {
    this.fail(index);
    if (this.waiting() === 0) this.#giveUp();
  }

  protected override get address(): RecordAddress {
    return this.commit.address;
  }

  /** It counts as refused: what became of it is seen under the new epoch. */
  protected override onOutdated(): void {
    this.#end(Math.max(1, this.#fencedEpoch), false);
  }

  /** Some refused and the rest does not answer: another ballot finds out what became of this one. */
  protected override onSlow(): void {
    this.#giveUp();
  }

  /**
   * After the end: a repair that a node refused although the rest had chosen it must be followed by one above that node's
   * promises; and a node that lacks pages of what is chosen is brought up all the same, or it would stay behind.
   */
  protected override late(index: number, response: Response): void {
    if (response.type === MessageType.reject) {
      this.context.ballots.observe(Math.max(response.ballot.time, response.floor.time));
    } else if (response.type === MessageType.stale && this.#chosen) {
      this.#onStale(index);
    } else if (response.type === MessageType.epoch) {
      this.noteEpoch(index, response.mapEpoch);
    } else if (response.type === MessageType.ack) {
      this.#noteHeld(this.nodes[index]);
    }
  }

  #onStale(index: number): void {
    this.context.counters.add('pages-stale');
    const node = this.nodes[index];
    if (node !== undefined) this.#owner.onStale(node, index);
  }

  #onAck(index: number, nextRecorded: boolean): void {
    const node = this.nodes[index];
    if (node !== undefined) this.acknowledged.push(node);
    this.#noteHeld(node);
    if (nextRecorded) this.#nextRecorded++;
    if (this.acknowledged.length < this.#quorum) {
      if (this.waiting() === 0) this.#giveUp();
      return;
    }
    this.#chosen = true;
    this.end();
    this.#owner.onCommitted({ kind: 'chosen', nextRecorded: this.#nextRecorded >= this.#quorum });
  }

  #noteHeld(node: NodeId | undefined): void {
    if (this.commit.pages === null || node === undefined) return;
    this.context.manifests.noteCaughtUp(node, this.commit.address.id);
  }

  #onRefusal(): void {
    this.#refused++;
    if (this.nodes.length - this.#refused < this.#quorum || this.waiting() === 0) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#refused === 0) return;
    const isOnlyFull = this.#full === this.#refused && this.waiting() === 0;
    const full = this.#full > this.nodes.length - this.#quorum || isOnlyFull;
    this.#end(this.#fencedEpoch, full);
  }

  #end(fencedEpoch: number, full: boolean): void {
    this.end();
    this.#owner.onCommitted({ kind: 'refused', fencedEpoch, full });
  }
}
