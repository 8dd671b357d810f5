import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { NO_NAMESPACE, StateKind } from '../record/state.ts';
import {
  Ack,
  type CommitRequest,
  type ManyRequest,
  MessageType,
  type PrepareRequest,
  type ReadRequest,
  type Request,
  type Response,
} from '../rpc/messages.ts';
import type { NodeId, NodeListener, ResponseReceiver, Transport } from '../rpc/transport.ts';
import { isPair } from './joint-transport.ts';

/** A request that can travel with others of its kind. */
type Bundled = ReadRequest | PrepareRequest | CommitRequest;

/** Requests of one kind to one node; each gets its response as if it had been sent alone. */
class Bundle implements ResponseReceiver {
  readonly node: NodeId;
  readonly kind: Bundled['type'];
  /** Of the PREPAREs: a message has one. */
  readonly ballot: Ballot | null;
  readonly requests: Bundled[] = [];
  bytes = 0;
  readonly #transport: Transport;
  readonly #receivers: ResponseReceiver[] = [];
  readonly #tags: number[] = [];

  constructor(transport: Transport, node: NodeId, kind: Bundled['type'], ballot: Ballot | null) {
    this.#transport = transport;
    this.node = node;
    this.kind = kind;
    this.ballot = ballot;
  }

  add(request: Bundled, receiver: ResponseReceiver, tag: number): void {
    this.requests.push(request);
    this.#receivers.push(receiver);
    this.#tags.push(tag);
    if (request.type === MessageType.commit) this.bytes += stateBytes(request);
  }

  send(): void {
    if (this.requests.length === 1) this.#sendAlone(0);
    else this.#transport.send(this.node, this.#many(), this, 0);
  }

  onResponse(_tag: number, response: Response): void {
    for (let i = 0; i < this.requests.length; i++) {
      const own = ownResponse(response, i);
      if (own === null) this.#sendAlone(i);
      else this.#receivers[i]?.onResponse(this.#tags[i] ?? 0, own);
    }
  }

  #many(): ManyRequest {
    const commits: CommitRequest[] = [];
    const asks: (ReadRequest | PrepareRequest)[] = [];
    for (const request of this.requests) {
      if (request.type === MessageType.commit) commits.push(request);
      else asks.push(request);
    }
    // Whoever prepared the records has them in memory; who has not says so, and need not hold up the others.
    if (this.kind === MessageType.commit) return { type: MessageType.commitMany, load: false, items: commits };
    const addresses = asks.map(({ address }) => address);
    const wants = asks.map(({ want }) => want);
    const { ballot } = this;
    if (ballot === null) return { type: MessageType.readMany, load: true, addresses, wants };
    return { type: MessageType.prepareMany, load: true, ballot, addresses, wants };
  }

  #sendAlone(index: number): void {
    const request = this.requests[index];
    const receiver = this.#receivers[index];
    if (request === undefined || receiver === undefined) return;
    this.#transport.send(this.node, request, receiver, this.#tags[index] ?? 0);
  }
}

function stateBytes({ state }: CommitRequest): number {
  const proposed = state.intent?.proposed ?? null;
  const proposedBytes = proposed === null ? 0 : proposed.meta.length + (proposed.value?.length ?? 0);
  return state.meta.length + (state.value?.length ?? 0) + proposedBytes;
}

/** What a response to many says to one of them; null: it is to be sent alone, to learn why. */
function ownResponse(response: Response, index: number): Response | null {
  switch (response.type) {
    case MessageType.statesMany: {
      const accepted = response.accepted[index] ?? null;
      const state = response.states[index] ?? null;
      return accepted === null ? null : { type: MessageType.state, accepted, state };
    }
    case MessageType.promisesMany: {
      const accepted = response.accepted[index] ?? null;
      const state = response.states[index] ?? null;
      return accepted === null ? null : { type: MessageType.promise, accepted, state };
    }
    case MessageType.acksMany: {
      const ack = response.acks[index];
      const isAccepted = ack === Ack.accepted || ack === Ack.acceptedAndNext;
      return isAccepted ? { type: MessageType.ack, nextRecorded: ack === Ack.acceptedAndNext } : null;
    }
    default:
      return response;
  }
}

/**
 * A transport for rounds that are about one record each and are begun together, as those of a transaction are: what they send to a
 * node in one turn travels in one message, many records to a message, and every round gets its own response. What a
 * node refuses or passes on it is asked alone.
 */
export class BundledTransport implements Transport {
  readonly #inner: Transport;
  readonly #clock: Clock;
  #open: Bundle[] = [];
  readonly #flush = (): void => {
    const open = this.#open;
    this.#open = [];
    for (const bundle of open) bundle.send();
  };

  constructor(inner: Transport, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    if (isPair(nodeId) || !isBundled(request)) this.#inner.send(nodeId, request, receiver, tag);
    else this.#add(nodeId, request, receiver, tag);
  }

  isUp(nodeId: NodeId): boolean {
    return this.#inner.isUp(nodeId);
  }

  setListener(listener: NodeListener): void {
    this.#inner.setListener(listener);
  }

  #add(node: NodeId, request: Bundled, receiver: ResponseReceiver, tag: number): void {
    const ballot = request.type === MessageType.prepare ? request.ballot : null;
    let bundle = this.#find(node, request.type, ballot);
    if (bundle === null) {
      bundle = new Bundle(this.#inner, node, request.type, ballot);
      if (this.#open.push(bundle) === 1) this.#clock.endOfTurn(this.#flush);
    }
    bundle.add(request, receiver, tag);
    if (bundle.requests.length < limits.expressItems && bundle.bytes < limits.frameTargetBytes) return;
    this.#open.splice(this.#open.indexOf(bundle), 1);
    bundle.send();
  }

  /** The newest are the likeliest. */
  #find(node: NodeId, kind: Bundled['type'], ballot: Ballot | null): Bundle | null {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const bundle = this.#open[i];
      if (bundle?.node === node && bundle.kind === kind && bundle.ballot === ballot) return bundle;
    }
    return null;
  }
}

function isBundled(request: Request): request is Bundled {
  switch (request.type) {
    case MessageType.read:
      return request.ifAccepted === null;
    case MessageType.prepare:
      return true;
    case MessageType.commit:
      return request.pages === null && !isFirst(request);
    default:
      return false;
  }
}

/** A transaction's record has never been there, so no node has it in memory: it would be passed on, one round trip later. */
function isFirst({ address, state }: CommitRequest): boolean {
  return address.namespace === NO_NAMESPACE && state.header.kind === StateKind.live;
}
