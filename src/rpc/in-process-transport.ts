import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { LateResponses } from './late-responses.ts';
import { BUSY, LOST, MessageType, type Request, type Response } from './messages.ts';
import type { Call, CallHandler, NodeId, NodeListener, ResponseReceiver, Transport } from './transport.ts';

/** A request on its way. Unanswered calls form a ring around the node's `open` call, so that a fall of the node finds them. */
class InProcessCall implements Call {
  readonly request: Request;
  readonly tag: number;
  readonly node: LocalNode | null;
  receiver: ResponseReceiver | null;
  lost = false;
  previous: InProcessCall = this;
  next: InProcessCall = this;

  constructor(request: Request, receiver: ResponseReceiver | null, tag: number, node: LocalNode | null) {
    this.request = request;
    this.receiver = receiver;
    this.tag = tag;
    this.node = node;
  }

  respond(response: Response): void {
    if (this.lost) return;
    const receiver = this.take();
    assert(receiver !== null, 'a call is answered once');
    receiver.onResponse(this.tag, response);
  }

  /** Out of the ring; gives the receiver, to whom one answer is due, or null if it has been given. */
  take(): ResponseReceiver | null {
    const receiver = this.receiver;
    if (receiver === null) return null;
    this.receiver = null;
    this.previous.next = this.next;
    this.next.previous = this.previous;
    // Else those that came after it would live as long as it, and what came after them: until the whole heap is collected.
    this.previous = this;
    this.next = this;
    if (this.node !== null) this.node.openCalls--;
    return receiver;
  }
}

const RING_HEAD: Request = { type: MessageType.nodeStatus };

/** One node and what is under way to it. */
class LocalNode {
  readonly handler: CallHandler;
  up = true;
  openCalls = 0;
  arrived: InProcessCall[] = [];
  readonly open = new InProcessCall(RING_HEAD, null, 0, null);
  /** Made once, so that a flush costs no closure. */
  readonly flush: () => void;

  constructor(handler: CallHandler) {
    this.handler = handler;
    this.flush = () => {
      const calls = this.arrived;
      if (calls.length === 0) return;
      this.arrived = [];
      this.handler.receive(calls);
    };
  }

  add(request: Request, receiver: ResponseReceiver, tag: number): void {
    const call = new InProcessCall(request, receiver, tag, this);
    const last = this.open.previous;
    call.previous = last;
    call.next = this.open;
    last.next = call;
    this.open.previous = call;
    this.openCalls++;
    this.arrived.push(call);
  }
}

/**
 * Transport to storage nodes of the same process: objects pass by reference, nothing is encoded. Requests of one turn to
 * one node arrive as one `receive`; responses come synchronously from `Call.respond`. A response after the node was
 * taken down is dropped: its request has been answered LOST.
 */
export class InProcessTransport implements Transport {
  readonly #clock: Clock;
  readonly #nodes = new Map<NodeId, LocalNode>();
  #listener: NodeListener | null = null;
  readonly #late: LateResponses;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#late = new LateResponses(clock);
  }

  /** The node is up from now on. Its number comes from its hello; each number once, unless removed before. */
  addNode(handler: CallHandler): void {
    const hello = handler.hello();
    assert(!this.#nodes.has(hello.nodeId), `node ${hello.nodeId} is there already`);
    this.#nodes.set(hello.nodeId, new LocalNode(handler));
    this.#listener?.onNodeUp(hello);
  }

  /** As takeDown, and the handler is let go: a node that restarts is added again. */
  removeNode(nodeId: NodeId): void {
    this.takeDown(nodeId);
    this.#nodes.delete(nodeId);
  }

  /** All that is unanswered gets LOST at the end of this turn; calls not yet handed over never arrive. */
  takeDown(nodeId: NodeId): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined || !node.up) return;
    node.up = false;
    node.arrived = [];
    while (node.open.next !== node.open) {
      const call = node.open.next;
      call.lost = true;
      const receiver = call.take();
      assert(receiver !== null, 'a call in the ring is unanswered');
      this.#late.add(receiver, call.tag, LOST);
    }
    this.#listener?.onNodeDown(nodeId);
  }

  takeUp(nodeId: NodeId): void {
    const node = this.#nodes.get(nodeId);
    assert(node !== undefined, `node ${nodeId} was never added`);
    if (node.up) return;
    node.up = true;
    this.#listener?.onNodeUp(node.handler.hello());
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined || !node.up) {
      this.#late.add(receiver, tag, LOST);
    } else if (node.openCalls >= limits.requestsPerNode) {
      this.#late.add(receiver, tag, BUSY);
    } else {
      node.add(request, receiver, tag);
      if (node.arrived.length === 1) this.#clock.endOfTurn(node.flush);
    }
  }

  isUp(nodeId: NodeId): boolean {
    return this.#nodes.get(nodeId)?.up === true;
  }

  /** Tells `listener` at once of the nodes that are up already. */
  setListener(listener: NodeListener): void {
    this.#listener = listener;
    for (const node of this.#nodes.values()) if (node.up) listener.onNodeUp(node.handler.hello());
  }
}
