import { assert } from '../base/assert.ts';
import { type Ballot, compareBallots, isNoBallot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import type { SealedState } from '../record/state.ts';
import {
  MessageType,
  type ReadRequest,
  type RecordAddress,
  type Request,
  type Response,
  Want,
} from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { majority } from './majority.ts';
import { Round, type RoundContext } from './round.ts';

export type ReadResult =
  /** Q nodes hold the same. `state` is null when absent. `holders`: nodes that hold it, first the one that sent it. */
  | {
      readonly kind: 'agreed';
      readonly accepted: Ballot;
      readonly state: SealedState | null;
      readonly holders: readonly NodeId[];
      readonly sawCorrupt: boolean;
    }
  /** All that answered were asked and no Q agree. */
  | { readonly kind: 'unsettled'; readonly highest: Ballot }
  /** The epochs of too many nodes are not those of the address. */
  | { readonly kind: 'fenced'; readonly mapEpoch: number };

export interface ReadOwner {
  onRead(result: ReadResult): void;
}

interface Answer {
  readonly accepted: Ballot;
  readonly state: SealedState | null;
  /** A pair's, whose nodes differ: an answer, but equal to no other. */
  readonly split: boolean;
}

/** READ of protocol §3: one node sends its state, the others their ballot; any Q equal answers will do. */
export class ReadRound extends Round {
  protected override readonly address: RecordAddress;
  readonly #want: Want;
  readonly #owner: ReadOwner;
  readonly #quorum: number;
  readonly #answers: (Answer | null)[];
  #agreed: Ballot | null = null;
  #fetchingFrom = -1;
  #sawCorrupt = false;
  #fencedEpoch = 0;
  #fencedNodes = 0;
  /** Ballots too far above this clock, by the index of their node. */
  #far: Map<number, number> | null = null;

  constructor(context: RoundContext, nodes: readonly NodeId[], address: RecordAddress, want: Want, owner: ReadOwner) {
    super(context, nodes);
    this.address = address;
    this.#want = want;
    this.#owner = owner;
    this.#quorum = context.rules.readQuorum(nodes.length);
    this.#answers = new Array<Answer | null>(nodes.length).fill(null);
  }

  override begin(nowMs: number): void {
    this.start(this.#quorum, nowMs);
  }

  protected override request(index: number): Request {
    const fetch = this.#agreed;
    const request: ReadRequest = {
      type: MessageType.read,
      address: this.address,
      want: index === 0 || fetch !== null ? this.#want : Want.nothing,
      ifAccepted: fetch,
    };
    return request;
  }

  protected override handle(index: number, response: Response): void {
    if (this.#fetchingFrom >= 0 && index !== this.#fetchingFrom) return;
    switch (response.type) {
      case MessageType.state:
        this.#onState(index, response.accepted, response.state, response.split === true);
        return;
      case MessageType.epoch:
        this.#fencedNodes++;
        this.#fencedEpoch = Math.max(this.#fencedEpoch, response.mapEpoch);
        this.noteEpoch(index, response.mapEpoch);
        if (this.nodes.length - this.#fencedNodes < majority(this.nodes.length)) {
          this.#finish({ kind: 'fenced', mapEpoch: this.#fencedEpoch });
          return;
        }
        break;
      case MessageType.fault:
        if (response.fault === 'corrupt') {
          this.#sawCorrupt = true;
          this.context.counters.add('corrupt-replica');
          this.failHere(index);
        } else {
          this.fail(index);
        }
        break;
      default:
        this.fail(index);
    }
    this.#answers[index] = null;
    if (this.#fetchingFrom >= 0) this.#restart();
    else this.#askMore();
  }

  protected override onOutdated(): void {
    this.#finish({ kind: 'fenced', mapEpoch: this.#fencedEpoch });
  }

  /** A node does not answer: asks others, or makes do with what is there. */
  protected override onSlow(): void {
    if (this.#fetchingFrom >= 0) this.#restart();
    else if (!this.askAllOthers()) this.#giveUp();
  }

  #onState(index: number, accepted: Ballot, state: SealedState | null, split: boolean): void {
    if (!this.observe(accepted) && !this.#followFar(index, accepted.time)) {
      this.fail(index);
      this.#askMore();
      return;
    }
    this.#answers[index] = { accepted, state, split };
    if (this.#fetchingFrom >= 0) this.#onFetched(accepted, state);
    else this.#evaluate();
  }

  /** One node's far-off clock is not followed; that of a quorum is (protocol §2). */
  #followFar(index: number, timeUs: number): boolean {
    this.context.counters.add('clock-too-far');
    this.#far ??= new Map();
    this.#far.set(index, timeUs);
    if (this.#far.size < majority(this.nodes.length)) return false;
    this.context.ballots.follow(Math.min(...this.#far.values()));
    return true;
  }

  #evaluate(): void {
    for (const candidate of this.#answers) {
      if (candidate === null || candidate.split) continue;
      if (this.#count(candidate.accepted) >= this.#quorum) {
        this.#onAgreed(candidate.accepted);
        return;
      }
    }
    this.#askMore();
  }

  #askMore(): void {
    const usable = this.#usable();
    if (usable + this.waiting() < this.#quorum || (this.waiting() === 0 && usable > 0)) {
      if (this.askAnother()) this.context.counters.add('read-asked-more');
      else if (this.waiting() === 0) this.#giveUp();
    }
  }

  /** No Q agree, and nobody else will answer soon. Too few answers: only a resend can help. */
  #giveUp(): void {
    if (this.#usable() >= this.#quorum) {
      let highest = NO_BALLOT;
      for (const answer of this.#answers) {
        if (answer !== null && compareBallots(answer.accepted, highest) > 0) highest = answer.accepted;
      }
      this.#finish({ kind: 'unsettled', highest });
    } else if (this.#fencedNodes > 0) {
      this.#finish({ kind: 'fenced', mapEpoch: this.#fencedEpoch });
    }
  }

  #usable(): number {
    let count = 0;
    for (const answer of this.#answers) if (answer !== null) count++;
    return count;
  }

  #onAgreed(accepted: Ballot): void {
    if (isNoBallot(accepted)) {
      this.#finishAgreed(accepted, null, -1);
      return;
    }
    let holder = -1;
    for (let i = 0; i < this.#answers.length; i++) {
      const answer = this.#answers[i];
      if (answer === null || answer === undefined || !isEqual(answer, accepted)) continue;
      if (answer.state !== null || this.#want === Want.nothing) {
        this.#finishAgreed(accepted, answer.state, i);
        return;
      }
      holder = i;
    }
    assert(holder >= 0, 'agreed nodes hold the state');
    this.context.counters.add('read-fetched-state');
    this.#agreed = accepted;
    this.#fetchingFrom = holder;
    this.askAgain(holder);
  }

  #onFetched(accepted: Ballot, state: SealedState | null): void {
    const agreed = this.#agreed;
    assert(agreed !== null, 'only an agreed state is fetched');
    if (sameBallot(accepted, agreed) && state !== null) this.#finishAgreed(agreed, state, this.#fetchingFrom);
    else this.#restart();
  }

  /** What was agreed on moved before it could be fetched: everybody is asked for everything again. */
  #restart(): void {
    this.#finish({ kind: 'unsettled', highest: this.#agreed ?? NO_BALLOT });
  }

  #count(accepted: Ballot): number {
    let count = 0;
    for (const answer of this.#answers) if (answer !== null && isEqual(answer, accepted)) count++;
    return count;
  }

  #finishAgreed(accepted: Ballot, state: SealedState | null, source: number): void {
    const holders: NodeId[] = [];
    for (let i = 0; i < this.#answers.length; i++) {
      const answer = this.#answers[i];
      const node = this.nodes[i];
      if (answer !== null && answer !== undefined && node !== undefined && sameBallot(answer.accepted, accepted)) {
        if (i === source) holders.unshift(node);
        else holders.push(node);
      }
    }
    this.#finish({ kind: 'agreed', accepted, state, holders, sawCorrupt: this.#sawCorrupt });
  }

  #finish(result: ReadResult): void {
    this.end();
    this.#owner.onRead(result);
  }
}

function isEqual(answer: Answer, accepted: Ballot): boolean {
  return !answer.split && sameBallot(answer.accepted, accepted);
}
