import { assert } from '../base/assert.ts';
import { type Ballot, isNoBallot, sameBallot } from '../record/ballot.ts';
import type { SealedState } from '../record/state.ts';
import {
  MessageType,
  type PrepareRequest,
  type ReadRequest,
  type RecordAddress,
  type Request,
  type Response,
  Want,
} from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { majority } from './majority.ts';
import { Round, type RoundContext } from './round.ts';

/** What the promises told: the base to run commands on. */
export interface PreparedBase {
  readonly accepted: Ballot;
  /** Null: absent. Its separate value may be missing if only metadata was asked for. */
  readonly state: SealedState | null;
  /** The promises did not all carry the same ballot: the base may not be chosen yet. */
  readonly differ: boolean;
  /** Nodes that hold it, first the one that sent it. */
  readonly holders: readonly NodeId[];
  /** Some replica's record is damaged. */
  readonly sawCorrupt: boolean;
}

export type PrepareResult =
  | { readonly kind: 'promised'; readonly base: PreparedBase }
  /** Q promises are impossible under this ballot: another, higher one may succeed. */
  | { readonly kind: 'refused' }
  /** So many nodes found this proposer's clock far ahead that Q is impossible. */
  | { readonly kind: 'clock-broken' }
  | { readonly kind: 'fenced'; readonly mapEpoch: number };

export interface PrepareOwner {
  onPrepared(result: PrepareResult): void;
}

interface PromiseReport {
  readonly index: number;
  readonly accepted: Ballot;
  readonly state: SealedState | null;
  readonly split: true | undefined;
}

/** PREPARE of protocol §4.1: Q promises, and the state of the highest ballot among them. */
export class PrepareRound extends Round {
  protected override readonly address: RecordAddress;
  readonly #ballot: Ballot;
  readonly #want: Want;
  readonly #owner: PrepareOwner;
  readonly #quorum: number;
  readonly #promises: PromiseReport[] = [];
  #base: PromiseReport | null = null;
  #differ = false;
  #sawCorrupt = false;
  #rejected = 0;
  #clockRefused = 0;
  #fenced = 0;
  #fencedEpoch = 0;
  /** Floors and ballots too far above this clock, by the index of their node. */
  #far: Map<number, number> | null = null;

  constructor(
    context: RoundContext,
    nodes: readonly NodeId[],
    address: RecordAddress,
    ballot: Ballot,
    want: Want,
    owner: PrepareOwner,
  ) {
    super(context, nodes);
    this.address = address;
    this.#ballot = ballot;
    this.#want = want;
    this.#owner = owner;
    this.#quorum = majority(nodes.length);
  }

  override begin(nowMs: number): void {
    this.start(this.#quorum, nowMs);
  }

  protected override request(index: number): Request {
    if (this.#base !== null) {
      const fetch: ReadRequest = {
        type: MessageType.read,
        address: this.address,
        want: this.#want,
        ifAccepted: this.#base.accepted,
      };
      return fetch;
    }
    const prepare: PrepareRequest = {
      type: MessageType.prepare,
      address: this.address,
      ballot: this.#ballot,
      want: index === 0 ? this.#want : Want.nothing,
    };
    return prepare;
  }

  protected override handle(index: number, response: Response): void {
    if (this.#base !== null) {
      if (index === this.#base.index) this.#onFetched(response);
      return;
    }
    switch (response.type) {
      case MessageType.promise:
        this.#onPromise({ index, accepted: response.accepted, state: response.state, split: response.split });
        return;
      case MessageType.reject:
        this.#onReject(index, response.ballot, response.floor);
        return;
      case MessageType.clock:
        this.#clockRefused++;
        break;
      case MessageType.epoch:
        this.#fenced++;
        this.#fencedEpoch = Math.max(this.#fencedEpoch, response.mapEpoch);
        this.noteEpoch(index, response.mapEpoch);
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
    this.#continueWithout();
  }

  protected override onOutdated(): void {
    this.#finish({ kind: 'fenced', mapEpoch: this.#fencedEpoch });
  }

  /** A node does not answer: asks others, or, where a refused one is in the way too, tries another ballot. */
  protected override onSlow(): void {
    if (this.#base !== null) this.#finish({ kind: 'refused' });
    else if (!this.askAllOthers()) this.#giveUp();
  }

  #onPromise(report: PromiseReport): void {
    this.#promises.push(report);
    if (this.#promises.length < this.#quorum) {
      if (this.waiting() === 0) this.#continueWithout();
      return;
    }
    const base = this.#promises[this.context.rules.chooseBase(this.#promises)];
    assert(base !== undefined, 'a quorum of promises has a base');
    this.#differ = this.context.rules.promisesDiffer(this.#promises);
    this.#base = base;
    if (isNoBallot(base.accepted) || base.state !== null) {
      this.#finishPromised(base.state, base.index);
      return;
    }
    const withState = this.#promises.find((other) => other.state !== null && sameBallot(other.accepted, base.accepted));
    if (withState !== undefined) {
      this.#finishPromised(withState.state, withState.index);
      return;
    }
    this.context.counters.add('base-fetched');
    this.askAgain(base.index);
  }

  #onFetched(response: Response): void {
    const base = this.#base;
    assert(base !== null, 'a base is fetched once it is known');
    if (
      response.type === MessageType.state &&
      response.state !== null &&
      sameBallot(response.accepted, base.accepted)
    ) {
      this.#finishPromised(response.state, base.index);
    } else {
      // It moved, or its holder went away: only another ballot can tell.
      this.#finish({ kind: 'refused' });
    }
  }

  #onReject(index: number, ballot: Ballot, floor: Ballot): void {
    const highestUs = Math.max(ballot.time, floor.time);
    if (this.context.ballots.observe(highestUs)) {
      this.#rejected++;
    } else {
      this.context.counters.add('clock-too-far');
      this.#far ??= new Map();
      this.#far.set(index, highestUs);
      if (this.#far.size >= this.#quorum) {
        // Each of these Q nodes reports at least the lowest of their times.
        this.context.ballots.follow(Math.min(...this.#far.values()));
        this.#finish({ kind: 'refused' });
        return;
      }
      this.fail(index);
    }
    this.#continueWithout();
  }

  /** A node will not promise: ask another, or see that no quorum can be had. */
  #continueWithout(): void {
    const refusals = this.#rejected + this.#clockRefused + this.#fenced;
    const nodes = this.nodes.length;
    if (nodes - refusals < this.#quorum) {
      if (this.#fenced > 0) this.#finish({ kind: 'fenced', mapEpoch: this.#fencedEpoch });
      else if (this.#clockRefused > 0 && nodes - this.#clockRefused < this.#quorum)
        this.#finish({ kind: 'clock-broken' });
      else this.#finish({ kind: 'refused' });
      return;
    }
    while (this.#promises.length + this.waiting() < this.#quorum) {
      if (this.askAnother()) continue;
      if (this.waiting() === 0) this.#giveUp();
      return;
    }
  }

  /** Nobody else to ask for now: a refused ballot or an old map is worth a new try, a lost node only its resend. */
  #giveUp(): void {
    if (this.#fenced > 0) this.#finish({ kind: 'fenced', mapEpoch: this.#fencedEpoch });
    else if (this.#rejected > 0) this.#finish({ kind: 'refused' });
  }

  #finishPromised(state: SealedState | null, source: number): void {
    const base = this.#base;
    assert(base !== null, 'promised with a base');
    const holders: NodeId[] = [];
    for (const report of this.#promises) {
      const node = this.nodes[report.index];
      if (node === undefined || !sameBallot(report.accepted, base.accepted)) continue;
      if (report.index === source) holders.unshift(node);
      else holders.push(node);
    }
    const { accepted } = base;
    const sawCorrupt = this.#sawCorrupt;
    this.#finish({ kind: 'promised', base: { accepted, state, differ: this.#differ, holders, sawCorrupt } });
  }

  #finish(result: PrepareResult): void {
    this.end();
    this.#owner.onPrepared(result);
  }
}
