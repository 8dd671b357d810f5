import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import {
  Ack,
  type CommitItem,
  type ManyRequest,
  MessageType,
  type RecordAddress,
  type Response,
  type Want,
} from '../rpc/messages.ts';
import type { NodeId, ResponseReceiver, Transport } from '../rpc/transport.ts';
import type { ExpressItem, Phase } from './express-item.ts';
import type { NodeHealth } from './node-health.ts';

/** One request to one node about many records, and what its response means to each. */
class Bundle<R> implements ResponseReceiver {
  readonly node: NodeId;
  readonly phase: Phase;
  readonly load: boolean;
  readonly items: ExpressItem<R>[] = [];
  readonly tags: number[] = [];
  readonly addresses: RecordAddress[] = [];
  readonly wants: Want[] = [];
  readonly commits: CommitItem[] = [];
  bytes = 0;
  readonly #outbox: ExpressOutbox<R>;
  readonly #sentMs: number;

  constructor(outbox: ExpressOutbox<R>, node: NodeId, phase: Phase, load: boolean, sentMs: number) {
    this.#outbox = outbox;
    this.node = node;
    this.phase = phase;
    this.load = load;
    this.#sentMs = sentMs;
  }

  request(ballot: Ballot | null): ManyRequest {
    const { load, addresses, wants, commits } = this;
    if (ballot !== null) return { type: MessageType.prepareMany, load, ballot, addresses, wants };
    if (this.phase === 'read') return { type: MessageType.readMany, load, addresses, wants };
    return { type: MessageType.commitMany, load, items: commits };
  }

  onResponse(_tag: number, response: Response): void {
    switch (response.type) {
      case MessageType.statesMany:
      case MessageType.promisesMany:
        this.#outbox.health.answered(this.node, this.#sentMs);
        for (let i = 0; i < this.items.length; i++) {
          const item = this.items[i];
          const tag = this.tags[i];
          if (item === undefined || tag === undefined || !item.open || item.phase !== this.phase) continue;
          const accepted = response.accepted[i] ?? null;
          if (accepted === null) this.#outbox.sendAlone(item, tag);
          else item.answered(tag, accepted, response.states[i] ?? null);
        }
        break;
      case MessageType.acksMany:
        for (let i = 0; i < this.items.length; i++) this.#acknowledged(i, response.acks[i] ?? Ack.passed);
        break;
      default:
        this.#unanswered(response);
    }
  }

  #acknowledged(i: number, ack: Ack): void {
    const item = this.items[i];
    const tag = this.tags[i];
    if (item === undefined || tag === undefined) return;
    // Also where the write is chosen already: this node should have it too.
    if (ack === Ack.passed) this.#outbox.sendAlone(item, tag);
    else if (!item.open || item.phase !== 'commit') return;
    else if (ack === Ack.refused) item.refusedBy(tag);
    else if (ack === Ack.full) this.#noteFull(item, tag);
    else item.acknowledged(tag, ack === Ack.acceptedAndNext);
  }

  #noteFull(item: ExpressItem<R>, tag: number): void {
    this.#outbox.health.full.note(this.node);
    item.fullAt(tag);
  }

  /** As if each record had been asked for alone and got this response. */
  #unanswered(response: Response): void {
    this.#outbox.health.failed(this.node);
    for (let i = 0; i < this.items.length; i++) {
      const item = this.items[i];
      if (item !== undefined && item.phase === this.phase) item.onResponse(this.tags[i] ?? 0, response);
    }
  }
}

/**
 * One bundle for each node, while they are filled. Nodes stay where they are, without one: a map that is emptied and filled all the
 * time leaves a trail of tables, each of which keeps the next with all that is in it until the whole heap is collected.
 */
class BundlesByNode<R> {
  readonly #byNode = new Map<NodeId, Bundle<R> | null>();
  #open: Bundle<R>[] = [];

  get(node: NodeId): Bundle<R> | null {
    return this.#byNode.get(node) ?? null;
  }

  add(bundle: Bundle<R>): void {
    this.#byNode.set(bundle.node, bundle);
    this.#open.push(bundle);
  }

  /** It is full, and has gone. */
  drop(bundle: Bundle<R>): void {
    this.#byNode.set(bundle.node, null);
    this.#open = this.#open.filter((other) => other !== bundle);
  }

  takeAll(): readonly Bundle<R>[] {
    const open = this.#open;
    if (open.length === 0) return open;
    this.#open = [];
    for (const { node } of open) this.#byNode.set(node, null);
    return open;
  }
}

/** Gathers the requests of one flush by the node that they go to. */
export class ExpressOutbox<R> {
  readonly health: NodeHealth;
  readonly #transport: Transport;
  /** What is likely in the node's memory, and what is not: the one does not wait for the other. */
  readonly #warm = new BundlesByNode<R>();
  readonly #cold = new BundlesByNode<R>();

  constructor(transport: Transport, health: NodeHealth) {
    this.#transport = transport;
    this.health = health;
  }

  /** Sends the items to their first `needed` nodes; a COMMIT to all. `ballot`: of the PREPAREs. */
  send(phase: Phase, items: readonly ExpressItem<R>[], ballot: Ballot | null, nowMs: number): void {
    for (const item of items) {
      const targets = phase === 'commit' ? item.nodes.length : item.needed;
      for (let index = 0; index < targets; index++) this.#add(phase, item, index, ballot, nowMs);
    }
    for (const bundles of [this.#warm, this.#cold]) {
      for (const bundle of bundles.takeAll()) this.#send(bundle, ballot);
    }
  }

  sendAlone(item: ExpressItem<R>, index: number): void {
    const node = item.nodes[index];
    if (node !== undefined) this.#transport.send(node, item.request(index), item, index);
  }

  #add(phase: Phase, item: ExpressItem<R>, index: number, ballot: Ballot | null, nowMs: number): void {
    const node = item.nodes[index];
    if (node === undefined) return;
    const bundles = item.cold ? this.#cold : this.#warm;
    let bundle = bundles.get(node);
    if (bundle === null) {
      bundle = new Bundle(this, node, phase, item.cold, nowMs);
      bundles.add(bundle);
    }
    bundle.items.push(item);
    bundle.tags.push(index);
    if (phase === 'commit') {
      const commit = item.written?.commit;
      if (commit === undefined) return;
      bundle.commits.push(commit);
      bundle.bytes += commit.state.meta.length + (commit.state.value?.length ?? 0);
    } else {
      bundle.addresses.push(item.placement.address);
      bundle.wants.push(item.wantAt(index));
    }
    if (bundle.items.length < limits.expressItems && bundle.bytes < limits.frameTargetBytes) return;
    bundles.drop(bundle);
    this.#send(bundle, ballot);
  }

  #send(bundle: Bundle<R>, ballot: Ballot | null): void {
    this.#transport.send(bundle.node, bundle.request(ballot), bundle, 0);
  }
}
