import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import type { RecordAddress, Request, Response } from '../rpc/messages.ts';
import type { NodeId, ResponseReceiver, Transport } from '../rpc/transport.ts';
import type { BallotClock } from './ballot-clock.ts';
import type { NodeHealth } from './node-health.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { RecentManifests } from './recent-manifests.ts';
import type { ProposerRules } from './rules.ts';

/** Told of every refusal for another epoch, whatever else comes of the round. */
export interface EpochListener {
  onOtherEpoch(node: NodeId, mapEpoch: number): void;
  /** The epochs of the address are those of the newest map that this process has seen. */
  isCurrent(address: RecordAddress): boolean;
}

/** What the rounds of one coordinator share. */
export interface RoundContext {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly ballots: BallotClock;
  readonly rules: ProposerRules;
  readonly health: NodeHealth;
  readonly counters: ProtocolCounters;
  readonly manifests: RecentManifests;
  /** Nodes that have another map are heard of here. */
  readonly epochs?: EpochListener;
}

/**
 * One exchange with the nodes of a replica set: asks some, asks more when they are slow or gone, sends again what
 * may have been lost. Subclasses say what a response means. Ends exactly once, by `finish`; what comes later is ignored.
 */
export abstract class Round implements ResponseReceiver {
  protected readonly context: RoundContext;
  /** The replica set in the order of preference; indexes into it are the tags of requests. */
  protected readonly nodes: readonly NodeId[];
  // One bit per node: a set of at most five of them costs no allocation.
  #waiting = 0;
  #answered = 0;
  #failed = 0;
  #startedMs = 0;
  #hedgeAtMs = 0;
  #resendAtMs = 0;
  /** Those asked at the start, of whom no answer was timed. */
  #timed = 0;
  #ended = false;

  constructor(context: RoundContext, nodes: readonly NodeId[]) {
    this.context = context;
    this.nodes = nodes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends the first requests; once. */
  abstract begin(nowMs: number): void;

  /** Sends to the first `count` nodes. */
  protected start(count: number, nowMs: number): void {
    this.#startedMs = nowMs;
    this.#hedgeAtMs = nowMs + this.context.health.hedgeDelayMs;
    this.#resendAtMs = nowMs + limits.resendDelayMs;
    this.#timed = this.isTimed ? (1 << count) - 1 : 0;
    for (let i = 0; i < count; i++) this.#send(i);
  }

  /** Its answers tell how quick a node is. */
  protected get isTimed(): boolean {
    return true;
  }

  onResponse(tag: number, response: Response): void {
    if (this.#ended) {
      this.late(tag, response);
      return;
    }
    const bit = 1 << tag;
    if ((this.#answered & bit) !== 0) return;
    const node = this.nodes[tag];
    if (node === undefined) return;
    this.#waiting &= ~bit;
    this.#failed &= ~bit;
    this.#answered |= bit;
    this.handle(tag, response);
    if ((this.#timed & bit) === 0) return;
    this.#timed &= ~bit;
    if ((this.#answered & bit) !== 0) this.context.health.answered(node, this.#startedMs);
  }

  /** Hedges and resends; called every few milliseconds while the round is open. */
  onTick(nowMs: number): void {
    if (this.#ended) return;
    if (nowMs >= this.#hedgeAtMs) {
      this.#hedgeAtMs = nowMs + this.context.health.hedgeDelayMs;
      if (this.context.epochs?.isCurrent(this.address) === false) {
        // Who is asked may have gone with the map that named him.
        this.onOutdated();
        return;
      }
      if (this.waiting() > 0) {
        const isSlow = this.isTimed || nowMs - this.#startedMs >= limits.resendDelayMs;
        for (let i = 0; i < this.nodes.length; i++) {
          const node = this.nodes[i];
          if (isSlow && (this.#waiting & (1 << i)) !== 0 && node !== undefined) this.context.health.slow(node);
        }
        this.onSlow();
      }
    }
    if (nowMs >= this.#resendAtMs && !this.#ended) {
      this.#resendAtMs = nowMs + limits.resendDelayMs;
      for (let i = 0; i < this.nodes.length; i++) {
        if (((this.#waiting | this.#failed) & (1 << i)) !== 0) this.#send(i);
      }
    }
  }

  /** Nobody waits for it any more. */
  abandon(): void {
    this.#ended = true;
  }

  /** A node that has answered is sent another request of this round; its next response counts. */
  sendAgain(index: number, request: Request): void {
    const node = this.nodes[index];
    if (node === undefined) return;
    this.#markWaiting(index);
    this.context.transport.send(node, request, this, index);
  }

  /** What the round is about. */
  protected abstract readonly address: RecordAddress;

  /** The map has moved on, and no end is in sight: ends as if fenced. */
  protected abstract onOutdated(): void;

  /** The request for the node at this index. */
  protected abstract request(index: number): Request;

  /** Meaning of a response; calls `fail`, `askAnother` or `finish`-like methods of the subclass. */
  protected abstract handle(index: number, response: Response): void;

  /** Nodes have not answered for a hedge delay, and again after each further one: asks those not asked yet. */
  protected onSlow(): void {
    this.askAllOthers();
  }

  /** A response after the end; mostly of no interest. */
  protected late(_index: number, _response: Response): void {}

  protected end(): void {
    this.#ended = true;
  }

  /** No usable answer from this node for now: it is asked again with the next resend, and last in other rounds. */
  protected fail(index: number): void {
    this.failHere(index);
    const node = this.nodes[index];
    if (node !== undefined) this.context.health.failed(node);
  }

  /** The same where the cause is this record's alone. */
  protected failHere(index: number): void {
    this.#answered &= ~(1 << index);
    this.#failed |= 1 << index;
  }

  /** A node's map is another: whoever is behind gets the newer one. */
  protected noteEpoch(index: number, mapEpoch: number): void {
    const node = this.nodes[index];
    if (node !== undefined) this.context.epochs?.onOtherEpoch(node, mapEpoch);
  }

  /** Sends to the first node that was not asked yet; false if there is none. */
  protected askAnother(): boolean {
    for (let i = 0; i < this.nodes.length; i++) {
      if (((this.#waiting | this.#answered | this.#failed) & (1 << i)) === 0) {
        this.#giveTime();
        this.#send(i);
        return true;
      }
    }
    return false;
  }

  /** True if there was any. */
  protected askAllOthers(): boolean {
    if (!this.askAnother()) return false;
    this.context.counters.add('hedged');
    while (this.askAnother()) {}
    return true;
  }

  /** Sends again to a node that has answered (to fetch what it holds). */
  protected askAgain(index: number): void {
    this.#giveTime();
    this.#send(index);
  }

  /** How many nodes have been asked and have not answered. */
  protected waiting(): number {
    let count = 0;
    for (let bits = this.#waiting; bits !== 0; bits &= bits - 1) count++;
    return count;
  }

  /**
   * Notes a ballot or floor that stands in the way. False if it is too far above this clock to be one node's word:
   * the caller counts such nodes, and follows only what Q of them report (protocol §2).
   */
  protected observe(ballot: Ballot): boolean {
    return this.context.ballots.observe(ballot.time);
  }

  /** Who is asked now has a whole hedge delay to answer. */
  #giveTime(): void {
    this.#hedgeAtMs = this.context.clock.monotonicMs() + this.context.health.hedgeDelayMs;
  }

  #send(index: number): void {
    const node = this.nodes[index];
    if (node === undefined) return;
    this.#markWaiting(index);
    this.context.transport.send(node, this.request(index), this, index);
  }

  #markWaiting(index: number): void {
    const bit = 1 << index;
    this.#waiting |= bit;
    this.#answered &= ~bit;
    this.#failed &= ~bit;
  }
}
