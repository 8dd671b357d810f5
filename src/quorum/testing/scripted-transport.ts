import { assert } from '../../base/assert.ts';
import type { Request, Response } from '../../rpc/messages.ts';
import type { NodeId, NodeListener, ResponseReceiver, Transport } from '../../rpc/transport.ts';

/** One request that a test is to answer, or to leave unanswered. */
export interface SentRequest {
  readonly nodeId: NodeId;
  readonly request: Request;
  answer(response: Response): void;
}

/** A network in the hands of a test: keeps what is sent until the test answers it. */
export class ScriptedTransport implements Transport {
  /** All that was ever sent, in order. */
  readonly sent: SentRequest[] = [];
  /** What nobody has answered yet, oldest first. */
  open: SentRequest[] = [];
  readonly down = new Set<NodeId>();
  #listener: NodeListener | null = null;

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    const sent: SentRequest = {
      nodeId,
      request,
      answer: (response) => {
        this.open = this.open.filter((other) => other !== sent);
        receiver.onResponse(tag, response);
      },
    };
    this.sent.push(sent);
    this.open.push(sent);
  }

  isUp(nodeId: NodeId): boolean {
    return !this.down.has(nodeId);
  }

  setListener(listener: NodeListener): void {
    this.#listener = listener;
  }

  get listener(): NodeListener {
    assert(this.#listener !== null, 'somebody listens');
    return this.#listener;
  }

  /** The nodes that have not answered, in the order they were asked. */
  asked(): NodeId[] {
    return this.open.map(({ nodeId }) => nodeId);
  }

  /** Answers the oldest open request of this node. */
  answer(nodeId: NodeId, response: Response): void {
    const sent = this.open.find((other) => other.nodeId === nodeId);
    assert(sent !== undefined, `node ${nodeId} was asked`);
    sent.answer(response);
  }
}
