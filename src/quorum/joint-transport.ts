import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { LateResponses } from '../rpc/late-responses.ts';
import { LOST, MessageType, type Request, type Response, Want } from '../rpc/messages.ts';
import type { NodeId, NodeListener, ResponseReceiver, Transport } from '../rpc/transport.ts';
import { isAnswer, mergedResponse } from './joint-merge.ts';
import type { EpochListener } from './round.ts';
import type { ProposerRules } from './rules.ts';

/** Numbers of pairs begin above all node ids, which have 32 bits. */
const FIRST_PAIR = 2 ** 32;

/** The old node and the learner of a moving shard (protocol §8). */
export interface Pair {
  readonly old: NodeId;
  readonly learner: NodeId;
  /** False: the old node is gone or distrusted, and the zone does not count. */
  readonly oldVotes: boolean;
}

/** Whether the number stands for a pair and not for a node. */
export function isPair(nodeId: NodeId): boolean {
  return nodeId >= FIRST_PAIR;
}

const NOBODY: ResponseReceiver = { onResponse() {} };
const OLD = 0;
const LEARNER = 1;

/** Asks both; answers when both have answered, or at once with what keeps the zone from counting. */
class BothCall implements ResponseReceiver {
  readonly #transport: JointTransport;
  readonly #pair: Pair;
  readonly #request: Request;
  readonly #receiver: ResponseReceiver;
  readonly #tag: number;
  readonly #answers: (Response | null)[] = [null, null];
  #ended = false;

  constructor(transport: JointTransport, pair: Pair, request: Request, receiver: ResponseReceiver, tag: number) {
    this.#transport = transport;
    this.#pair = pair;
    this.#request = request;
    this.#receiver = receiver;
    this.#tag = tag;
  }

  onResponse(side: number, response: Response): void {
    if (this.#ended) {
      // The other one may be gone for the very reason that the map is another.
      if (response.type !== MessageType.epoch) return;
      this.#transport.epochs?.onOtherEpoch(side === OLD ? this.#pair.old : this.#pair.learner, response.mapEpoch);
      return;
    }
    this.#answers[side] = response;
    const [old, learner] = this.#answers;
    if (old && learner) this.#finish(mergedResponse(this.#request, old, learner));
    else if (!isAnswer(this.#request, response)) this.#finish(response);
  }

  #finish(response: Response): void {
    this.#ended = true;
    this.#receiver.onResponse(this.#tag, response);
  }
}

/** Asks the old node, and the learner where that has not got everything. */
class EitherCall implements ResponseReceiver {
  readonly #transport: Transport;
  readonly #pair: Pair;
  readonly #request: Request;
  readonly #receiver: ResponseReceiver;
  readonly #tag: number;
  #old: Response | null = null;

  constructor(transport: Transport, pair: Pair, request: Request, receiver: ResponseReceiver, tag: number) {
    this.#transport = transport;
    this.#pair = pair;
    this.#request = request;
    this.#receiver = receiver;
    this.#tag = tag;
  }

  onResponse(side: number, response: Response): void {
    if (side === LEARNER) {
      this.#receiver.onResponse(this.#tag, mergedResponse(this.#request, this.#old ?? LOST, response));
    } else if (this.#old === null) {
      this.#old = response;
      if (isWhole(response)) this.#receiver.onResponse(this.#tag, response);
      else this.#transport.send(this.#pair.learner, this.#request, this, LEARNER);
    }
  }
}

function isWhole(response: Response): boolean {
  if (response.type === MessageType.pages) return !response.pages.includes(null);
  return response.type === MessageType.pageIds && response.pageIds !== null;
}

/**
 * Makes of the old node and the learner of a moving shard one node with a number of its own, so that rounds count their
 * zone only when both answered alike (protocol §8). What is for plain nodes passes through.
 *
 * Both promised or accepted: that. Both hold the same ballot: that. Different ballots: the higher one's state, marked
 * `split`, which is an answer but equal to no other. Anything else that one of them says stands for both.
 * Where the old node does not vote, the learner gets COMMITs and pages, and the sender gets LOST.
 */
export class JointTransport implements Transport {
  /** Hears of epoch refusals that came too late to be answers. */
  epochs: EpochListener | null = null;
  readonly #inner: Transport;
  readonly #late: LateResponses;
  readonly #rules: ProposerRules;
  readonly #pairs = new Map<NodeId, Pair>();
  readonly #numbers = new Map<string, NodeId>();
  #next = FIRST_PAIR;

  constructor(inner: Transport, clock: Clock, rules: ProposerRules) {
    this.#inner = inner;
    this.#late = new LateResponses(clock);
    this.#rules = rules;
  }

  /** The pair's number: the same for the same pair, as long as limits.jointPairs others were not named since. */
  numberOf(pair: Pair): NodeId {
    const name = `${pair.old} ${pair.learner} ${pair.oldVotes}`;
    const known = this.#numbers.get(name);
    const number = known ?? this.#next++;
    this.#numbers.delete(name);
    this.#numbers.set(name, number);
    this.#pairs.set(number, pair);
    if (this.#numbers.size > limits.jointPairs) this.#forgetOldest();
    return number;
  }

  /** The nodes behind a number. */
  nodesOf(nodeId: NodeId): readonly NodeId[] {
    if (!isPair(nodeId)) return [nodeId];
    const pair = this.#pairs.get(nodeId);
    if (pair === undefined) return [];
    return pair.old === pair.learner ? [pair.old] : [pair.old, pair.learner];
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    if (nodeId < FIRST_PAIR) {
      this.#inner.send(nodeId, request, receiver, tag);
      return;
    }
    const pair = this.#pairs.get(nodeId);
    if (pair === undefined) this.#late.add(receiver, tag, LOST);
    else if (pair.oldVotes) this.#sendToPair(pair, request, receiver, tag);
    else this.#sendToLearner(pair, request, receiver, tag);
  }

  isUp(nodeId: NodeId): boolean {
    if (!isPair(nodeId)) return this.#inner.isUp(nodeId);
    const pair = this.#pairs.get(nodeId);
    return pair?.oldVotes === true && this.#inner.isUp(pair.old) && this.#inner.isUp(pair.learner);
  }

  setListener(listener: NodeListener): void {
    this.#inner.setListener(listener);
  }

  #sendToPair(pair: Pair, request: Request, receiver: ResponseReceiver, tag: number): void {
    switch (request.type) {
      case MessageType.read:
      case MessageType.prepare:
      case MessageType.commit:
        if (!this.#rules.bothOfPair(request.type)) {
          this.#inner.send(pair.old, request, receiver, tag);
          this.#inner.send(pair.learner, request, NOBODY, tag);
          return;
        }
        break;
      case MessageType.getPages:
      case MessageType.listPages:
        this.#inner.send(pair.old, request, new EitherCall(this.#inner, pair, request, receiver, tag), OLD);
        return;
      case MessageType.readMany:
      case MessageType.prepareMany:
      case MessageType.commitMany:
        assert(false, 'what is about many records is not for pairs');
    }
    const both = new BothCall(this, pair, request, receiver, tag);
    this.#inner.send(pair.old, request, both, OLD);
    this.#inner.send(pair.learner, learnersRequest(request), both, LEARNER);
  }

  #sendToLearner(pair: Pair, request: Request, receiver: ResponseReceiver, tag: number): void {
    if (request.type === MessageType.commit || request.type === MessageType.putPages) {
      this.#inner.send(pair.learner, request, NOBODY, tag);
    }
    this.#late.add(receiver, tag, LOST);
  }

  #forgetOldest(): void {
    for (const [name, number] of this.#numbers) {
      this.#numbers.delete(name);
      this.#pairs.delete(number);
      return;
    }
  }
}

/** A whole state need not come twice: if the learner has a newer one, which is seldom, it is fetched. */
function learnersRequest(request: Request): Request {
  if (request.type === MessageType.prepare || (request.type === MessageType.read && request.ifAccepted === null)) {
    return request.want === Want.full ? { ...request, want: Want.meta } : request;
  }
  return request;
}
