import type { Request } from './messages.ts';
import type { NodeId, NodeListener, ResponseReceiver, Transport } from './transport.ts';

/** A storage node's way to all nodes of its cluster: to itself within the process, to the others by another transport. */
export class OwnNodeTransport implements Transport {
  readonly #nodeId: NodeId;
  readonly #own: Transport;
  readonly #others: Transport;

  constructor(nodeId: NodeId, own: Transport, others: Transport) {
    this.#nodeId = nodeId;
    this.#own = own;
    this.#others = others;
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    this.#to(nodeId).send(nodeId, request, receiver, tag);
  }

  isUp(nodeId: NodeId): boolean {
    return this.#to(nodeId).isUp(nodeId);
  }

  setListener(listener: NodeListener): void {
    this.#own.setListener(listener);
    this.#others.setListener(listener);
  }

  #to(nodeId: NodeId): Transport {
    return nodeId === this.#nodeId ? this.#own : this.#others;
  }
}
