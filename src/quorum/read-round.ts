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
  /** Q nodes hold the same. `state` is null when absent. `holders`: nodes that hold it. */
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
}

/** READ of protocol §3: one node sends its state, the others their ballot; any Q equal answers will do. */
export class ReadRound extends Round {
  readonly #address: RecordAddress;
  readonly #want: Want;
  readonly #owner: ReadOwner;
  readonly #quorum: number;
  readonly #answers: (Answer | null)[];
  readonly #unusable: boolean[];
  #agreed: Ballot | null = null;
  #fetchingFrom = -1;
  #sawCorrupt = false;
  #fencedEpoch = 0;
  #fencedNodes = 0;
  #farNodes = 0;

  constructor(context: RoundContext, nodes: readonly NodeId[], address: RecordAddress, want: Want, owner: ReadOwner) {
    super(context, nodes);
    this.#address = address;
    this.#want = want;
    this.#owner = owner;
    this.#quorum = context.rules.readQuorum(nodes.length);
    this.#answers = new Array<Answer | null>(nodes.length).fill(null);
    this.#unusable = new Array<boolean>(nodes.length).fill(false);
  }

  begin(nowMs: number): void {
    this.start(this.#quorum, nowMs);
  }

  protected override request(index: number): Request {
    const fetch = this.#agreed;
    const request: ReadRequest = {
      type: MessageType.read,
      address: this.#address,
      want: index === 0 || fetch !== null ? this.#want : Want.nothing,
      ifAccepted: fetch,
    };
    return request;
  }

  protected override handle(index: number, response: Response): void {
    if (this.#fetchingFrom >= 0 && index !== this.#fetchingFrom) return;
    switch (response.type) {
      case MessageType.state:
        this.#onState(index, response.accepted, response.state);
        return;
      case MessageType.epoch:
        this.#fencedNodes++;
        this.#fencedEpoch = Math.max(this.#fencedEpoch, response.mapEpoch);
        this.#unusable[index] = true;
        if (this.nodes.length - this.#fencedNodes < majority(this.nodes.length)) {
          this.#finish({ kind: 'fenced', mapEpoch: this.#fencedEpoch });
          return;
        }
        break;
      case MessageType.fault:
        if (response.fault === 'corrupt') {
          this.#sawCorrupt = true;
          this.context.counters.add('corrupt-replica');
        }
        this.fail(index);
        break;
      default:
        this.fail(index);
    }
    this.#answers[index] = null;
    if (this.#fetchingFrom >= 0) this.#restart();
    else this.#askMore();
  }

  #onState(index: number, accepted: Ballot, state: SealedState | null): void {
    if (!this.observe(accepted)) {
      // One node's far-off clock is not followed; that of a quorum is (protocol §2).
      this.context.counters.add('clock-too-far');
      this.#farNodes++;
      if (this.#farNodes < majority(this.nodes.length)) {
        this.fail(index);
        this.#askMore();
        return;
      }
      this.context.ballots.follow(accepted.time);
    }
    this.#answers[index] = { accepted, state };
    if (this.#fetchingFrom >= 0) this.#onFetched(accepted, state);
    else this.#evaluate();
  }

  #evaluate(): void {
    for (const candidate of this.#answers) {
      if (candidate === null) continue;
      if (this.#count(candidate.accepted) >= this.#quorum) {
        this.#onAgreed(candidate.accepted);
        return;
      }
    }
    this.#askMore();
  }

  #askMore(): void {
    const usable = this.#answers.reduce((count, answer) => count + (answer === null ? 0 : 1), 0);
    if (usable + this.waiting() < this.#quorum || (this.waiting() === 0 && usable > 0)) {
      if (this.askAnother()) {
        this.context.counters.add('read-asked-more');
        return;
      }
      if (this.waiting() === 0 && usable >= this.#quorum) {
        let highest = NO_BALLOT;
        for (const answer of this.#answers) {
          if (answer !== null && compareBallots(answer.accepted, highest) > 0) highest = answer.accepted;
        }
        this.#finish({ kind: 'unsettled', highest });
      }
    }
  }

  #onAgreed(accepted: Ballot): void {
    if (isNoBallot(accepted)) {
      this.#finishAgreed(accepted, null);
      return;
    }
    let holder = -1;
    for (let i = 0; i < this.#answers.length; i++) {
      const answer = this.#answers[i];
      if (answer === null || answer === undefined || !sameBallot(answer.accepted, accepted)) continue;
      if (answer.state !== null || this.#want === Want.nothing) {
        this.#finishAgreed(accepted, answer.state);
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
    if (sameBallot(accepted, agreed) && state !== null) this.#finishAgreed(agreed, state);
    else this.#restart();
  }

  /** What was agreed on moved before it could be fetched: everybody is asked for everything again. */
  #restart(): void {
    this.#finish({ kind: 'unsettled', highest: this.#agreed ?? NO_BALLOT });
  }

  #count(accepted: Ballot): number {
    let count = 0;
    for (const answer of this.#answers) if (answer !== null && sameBallot(answer.accepted, accepted)) count++;
    return count;
  }

  #finishAgreed(accepted: Ballot, state: SealedState | null): void {
    const holders: NodeId[] = [];
    for (let i = 0; i < this.#answers.length; i++) {
      const answer = this.#answers[i];
      const node = this.nodes[i];
      if (answer !== null && answer !== undefined && node !== undefined && sameBallot(answer.accepted, accepted)) {
        holders.push(node);
      }
    }
    this.#finish({ kind: 'agreed', accepted, state, holders, sawCorrupt: this.#sawCorrupt });
  }

  #finish(result: ReadResult): void {
    this.end();
    this.#owner.onRead(result);
  }
}
