import { assert } from '../src/base/assert.ts';
import type { NodeEntry } from '../src/cluster/map.ts';
import { LOST, type Request, type Response } from '../src/rpc/messages.ts';
import type { Call, CallHandler, NodeId, NodeListener, ResponseReceiver, Transport } from '../src/rpc/transport.ts';
import type { SimProcess, SimScheduler } from './sim-clock.ts';
import { throughRequestCodec, throughResponseCodec } from './sim-codec.ts';

/** One request that a process sent: its receiver is told at most once. */
interface Sent {
  readonly request: Request;
  readonly nodeId: NodeId;
  /** Of the node that it is for: another one takes no notice. */
  readonly incarnation: string;
  readonly link: SimLink;
  readonly tag: number;
  receiver: ResponseReceiver | null;
}

/** A node that has refused a connection is tried again after so long. */
const RECONNECT_US = 100_000;

/** A request, or the response to it, on its way. */
export interface SimMessage {
  readonly from: string;
  readonly to: string;
  readonly request: Request;
  /** Null: this is the request. */
  readonly response: Response | null;
  /** Arrives now. A request may arrive more than once. */
  deliver(): void;
}

/** Decides what becomes of messages. */
export interface NetworkPolicy {
  /** Delays in microseconds after which copies arrive; none: it is lost. */
  route(message: SimMessage): readonly number[];
  /** How long it takes a process to notice that a node went away or came back. */
  noticeUs(): number;
}

/** Sees what arrives. */
export interface NetworkWatcher {
  onArrival(from: string, to: string, request: Request, response: Response | null): void;
}

interface NodeEnd {
  readonly handler: CallHandler;
  readonly process: SimProcess;
}

export function nodeName(nodeId: NodeId): string {
  return `n${nodeId}`;
}

/** Links from proxies and storage nodes to storage nodes. Messages have no order; connections come and go with the nodes. */
export class SimNetwork {
  readonly scheduler: SimScheduler;
  readonly policy: NetworkPolicy;
  readonly watcher: NetworkWatcher;
  /** Requests and responses pass through the real codec. */
  readonly encoded: boolean;
  /** Requests of one turn to one node travel together. */
  readonly framed: boolean;
  readonly #nodes = new Map<NodeId, NodeEnd>();
  readonly #links = new Set<SimLink>();

  constructor(
    scheduler: SimScheduler,
    policy: NetworkPolicy,
    watcher: NetworkWatcher,
    encoded: boolean,
    framed: boolean,
  ) {
    this.scheduler = scheduler;
    this.policy = policy;
    this.watcher = watcher;
    this.encoded = encoded;
    this.framed = framed;
  }

  addNode(nodeId: NodeId, handler: CallHandler, process: SimProcess): void {
    this.#nodes.set(nodeId, { handler, process });
    for (const link of this.#links) link.nodeCame(nodeId);
  }

  /** The node's process ended: connections to it break. */
  removeNode(nodeId: NodeId): void {
    this.#nodes.delete(nodeId);
    for (const link of this.#links) link.nodeWent(nodeId);
  }

  connect(process: SimProcess): SimLink {
    const link = new SimLink(this, process);
    this.#links.add(link);
    return link;
  }

  disconnect(link: SimLink): void {
    this.#links.delete(link);
  }

  node(nodeId: NodeId): NodeEnd | undefined {
    return this.#nodes.get(nodeId);
  }

  /** Links of all processes, by name; `not`: but of this one. */
  *linksBut(not: string): Iterable<SimLink> {
    for (const link of this.#links) if (link.process.name !== not) yield link;
  }

  linkOf(name: string): SimLink | undefined {
    for (const link of this.#links) if (link.process.name === name) return link;
    return undefined;
  }

  /** Breaks the connection between one process and one node; it comes back by itself when `reconnect` is called. */
  reset(link: SimLink, nodeId: NodeId): void {
    link.nodeWent(nodeId);
  }

  reconnect(link: SimLink, nodeId: NodeId): void {
    if (this.#nodes.has(nodeId)) link.nodeCame(nodeId);
  }

  /** Requests that leave together; each has its own response. */
  dispatch(frame: readonly Sent[]): void {
    const first = frame[0];
    if (first === undefined) return;
    const message = new RequestMessage(this, first.link.process.name, first.request, frame);
    this.#route(message);
  }

  respond(sent: Sent, response: Response): void {
    this.#route(new ResponseMessage(this, sent, response));
  }

  #route(message: SimMessage): void {
    for (const delayUs of this.policy.route(message)) {
      this.scheduler.after(delayUs, null, () => message.deliver());
    }
  }
}

class RequestMessage implements SimMessage {
  readonly from: string;
  readonly to: string;
  readonly request: Request;
  readonly response = null;
  readonly #network: SimNetwork;
  readonly #frame: readonly Sent[];

  constructor(network: SimNetwork, from: string, request: Request, frame: readonly Sent[]) {
    this.#network = network;
    this.from = from;
    this.request = request;
    this.#frame = frame;
    this.to = nodeName(frame[0]?.nodeId ?? 0);
  }

  deliver(): void {
    const network = this.#network;
    const first = this.#frame[0];
    const node = network.node(first?.nodeId ?? 0);
    if (node === undefined || node.handler.hello().incarnation !== first?.incarnation) return;
    if (node.process.pausedUntilUs > network.scheduler.nowUs) {
      network.scheduler.at(node.process.pausedUntilUs, null, () => this.deliver());
      return;
    }
    const calls: Call[] = [];
    for (const sent of this.#frame) {
      network.watcher.onArrival(this.from, this.to, sent.request, null);
      calls.push(new SimCall(network, sent, node.process));
    }
    node.handler.receive(calls);
  }
}

class SimCall implements Call {
  readonly request: Request;
  readonly #network: SimNetwork;
  readonly #sent: Sent;
  readonly #process: SimProcess;
  #responded = false;

  constructor(network: SimNetwork, sent: Sent, process: SimProcess) {
    this.#network = network;
    this.#sent = sent;
    this.#process = process;
    this.request = network.encoded ? throughRequestCodec(sent.request) : sent.request;
  }

  respond(response: Response): void {
    assert(!this.#responded, 'a call is answered once');
    this.#responded = true;
    if (this.#process.alive) this.#network.respond(this.#sent, response);
  }
}

class ResponseMessage implements SimMessage {
  readonly from: string;
  readonly to: string;
  readonly request: Request;
  readonly response: Response;
  readonly #network: SimNetwork;
  readonly #sent: Sent;

  constructor(network: SimNetwork, sent: Sent, response: Response) {
    this.#network = network;
    this.#sent = sent;
    this.request = sent.request;
    this.response = response;
    this.from = nodeName(sent.nodeId);
    this.to = sent.link.process.name;
  }

  deliver(): void {
    const { process } = this.#sent.link;
    if (!process.alive) return;
    const { scheduler, encoded, watcher } = this.#network;
    if (process.pausedUntilUs > scheduler.nowUs) {
      scheduler.at(process.pausedUntilUs, null, () => this.deliver());
      return;
    }
    if (this.#sent.receiver === null) return;
    watcher.onArrival(this.from, this.to, this.request, this.response);
    this.#sent.link.answer(this.#sent, encoded ? throughResponseCodec(this.response) : this.response);
  }
}

/** One process's connections. */
export class SimLink implements Transport {
  readonly process: SimProcess;
  readonly #network: SimNetwork;
  /** The incarnations of the nodes that the cluster map names. */
  #wanted = new Map<NodeId, string>();
  readonly #up = new Set<NodeId>();
  readonly #connecting = new Set<NodeId>();
  readonly #open = new Map<NodeId, Set<Sent>>();
  readonly #forming = new Map<NodeId, Sent[]>();
  #listener: NodeListener | null = null;

  constructor(network: SimNetwork, process: SimProcess) {
    this.#network = network;
    this.process = process;
  }

  /** Follows the cluster map, as a TCP transport does: another incarnation is a new node. */
  setNodes(nodes: readonly NodeEntry[]): void {
    const before = this.#wanted;
    this.#wanted = new Map(nodes.map((node) => [node.id, node.incarnation]));
    for (const [nodeId, incarnation] of before) if (this.#wanted.get(nodeId) !== incarnation) this.nodeWent(nodeId);
    for (const [nodeId, incarnation] of this.#wanted) if (before.get(nodeId) !== incarnation) this.nodeCame(nodeId);
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    const incarnation = this.#wanted.get(nodeId) ?? '';
    const sent: Sent = { request, nodeId, incarnation, link: this, tag, receiver };
    const { scheduler, framed } = this.#network;
    if (!this.#up.has(nodeId)) {
      scheduler.endOfTurn(this.process, () => this.answer(sent, LOST));
      return;
    }
    this.#openTo(nodeId).add(sent);
    const forming = this.#forming.get(nodeId);
    if (framed && forming !== undefined) {
      forming.push(sent);
      return;
    }
    const frame = [sent];
    this.#forming.set(nodeId, frame);
    scheduler.endOfTurn(this.process, () => {
      if (this.#forming.get(nodeId) === frame) this.#forming.delete(nodeId);
      this.#network.dispatch(frame);
    });
  }

  isUp(nodeId: NodeId): boolean {
    return this.#up.has(nodeId);
  }

  setListener(listener: NodeListener): void {
    this.#listener = listener;
    for (const nodeId of this.#up) this.#tellUp(nodeId);
  }

  answer(sent: Sent, response: Response): void {
    const receiver = sent.receiver;
    if (receiver === null) return;
    sent.receiver = null;
    this.#open.get(sent.nodeId)?.delete(sent);
    receiver.onResponse(sent.tag, response);
  }

  nodeCame(nodeId: NodeId): void {
    if (this.#wanted.has(nodeId)) this.#connect(nodeId, this.#network.policy.noticeUs());
  }

  /** A node that goes by another incarnation refuses; it is tried again, as it may not have heard of its new one. */
  #connect(nodeId: NodeId, delayUs: number): void {
    if (this.#connecting.has(nodeId)) return;
    this.#connecting.add(nodeId);
    const { scheduler } = this.#network;
    scheduler.after(delayUs, this.process, () => {
      this.#connecting.delete(nodeId);
      const node = this.#network.node(nodeId);
      if (this.#up.has(nodeId) || node === undefined || !this.#wanted.has(nodeId)) return;
      if (node.handler.hello().incarnation !== this.#wanted.get(nodeId)) {
        this.#connect(nodeId, RECONNECT_US);
        return;
      }
      this.#up.add(nodeId);
      this.#tellUp(nodeId);
    });
  }

  /** What is unanswered by then gets LOST. */
  nodeWent(nodeId: NodeId): void {
    const { scheduler, policy } = this.#network;
    const broken = [...this.#openTo(nodeId)];
    const wasUp = this.#up.delete(nodeId);
    scheduler.after(policy.noticeUs(), this.process, () => {
      if (wasUp) this.#listener?.onNodeDown(nodeId);
      for (const sent of broken) this.answer(sent, LOST);
    });
  }

  #openTo(nodeId: NodeId): Set<Sent> {
    let open = this.#open.get(nodeId);
    if (open === undefined) {
      open = new Set();
      this.#open.set(nodeId, open);
    }
    return open;
  }

  #tellUp(nodeId: NodeId): void {
    const node = this.#network.node(nodeId);
    if (node !== undefined) this.#listener?.onNodeUp(node.handler.hello());
  }
}
