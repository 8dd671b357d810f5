import type { RecordId, SealedState } from '../../record/state.ts';
import type { Request, Response } from '../../rpc/messages.ts';
import type { NodeId, NodeListener, ResponseReceiver, Transport } from '../../rpc/transport.ts';
import type { CommandTrace, CommandTracer } from './command-tracer.ts';
import type { TracedCall } from './finished-trace.ts';
import { messageName } from './message-words.ts';

/** A call, and whose. */
interface Told {
  readonly trace: CommandTrace;
  readonly call: TracedCall;
}

/** Tells traces of the response before its receiver gets it. */
class TellingReceiver implements ResponseReceiver {
  readonly #receiver: ResponseReceiver;
  readonly #told: readonly Told[];

  constructor(receiver: ResponseReceiver, told: readonly Told[]) {
    this.#receiver = receiver;
    this.#told = told;
  }

  onResponse(tag: number, response: Response): void {
    const name = messageName(response.type);
    for (const { trace, call } of this.#told) trace.onAnswered(call, name);
    this.#receiver.onResponse(tag, response);
  }
}

/**
 * The transport that it is made over, with an eye on requests about records of traced commands. While no traced command is
 * under way a request costs one comparison more. Requests about no single record (SCAN and the like) are not told.
 */
export class TracedTransport implements Transport {
  readonly #inner: Transport;
  readonly #tracer: CommandTracer;

  constructor(inner: Transport, tracer: CommandTracer) {
    this.#inner = inner;
    this.#tracer = tracer;
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    const seeing = this.#tracer.isWatching ? this.#watch(nodeId, request, receiver) : receiver;
    this.#inner.send(nodeId, request, seeing, tag);
  }

  isUp(nodeId: NodeId): boolean {
    return this.#inner.isUp(nodeId);
  }

  setListener(listener: NodeListener): void {
    this.#inner.setListener(listener);
  }

  #watch(nodeId: NodeId, request: Request, receiver: ResponseReceiver): ResponseReceiver {
    const told: Told[] = [];
    const tell = (id: RecordId, records: number, state: SealedState | null): void => {
      for (const { trace, index } of this.#tracer.watchersOf(id) ?? []) {
        const intent = state?.intent;
        const call = trace.onSent(index, nodeId, messageName(request.type), records, intent !== undefined);
        if (call !== null) told.push({ trace, call });
        if (intent !== undefined) trace.watchTransaction(intent.transaction);
      }
    };
    if ('address' in request) tell(request.address.id, 1, 'state' in request ? request.state : null);
    else if ('addresses' in request) for (const { id } of request.addresses) tell(id, request.addresses.length, null);
    else if ('items' in request)
      for (const { address, state } of request.items) tell(address.id, request.items.length, state);
    return told.length === 0 ? receiver : new TellingReceiver(receiver, told);
  }
}
