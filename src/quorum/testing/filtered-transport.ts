import type { Clock } from '../../base/clock.ts';
import { LOST, type Request } from '../../rpc/messages.ts';
import type { NodeId, NodeListener, ResponseReceiver, Transport } from '../../rpc/transport.ts';

/**
 * What becomes of a request: it passes; it is dropped, and nobody is told; it is lost, and the sender is told; it arrives
 * and its response is dropped (deaf); or it waits for `release`.
 */
export type Fate = 'pass' | 'drop' | 'lost' | 'deaf' | 'hold';

const NOBODY: ResponseReceiver = { onResponse() {} };

/** A transport with faults that a test chooses. */
export class FilteredTransport implements Transport {
  fate: (nodeId: NodeId, request: Request) => Fate = () => 'pass';
  readonly #inner: Transport;
  readonly #clock: Clock;
  #held: (() => void)[] = [];

  constructor(inner: Transport, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    switch (this.fate(nodeId, request)) {
      case 'pass':
        this.#inner.send(nodeId, request, receiver, tag);
        break;
      case 'deaf':
        this.#inner.send(nodeId, request, NOBODY, tag);
        break;
      case 'lost':
        this.#clock.endOfTurn(() => receiver.onResponse(tag, LOST));
        break;
      case 'hold':
        this.#held.push(() => this.#inner.send(nodeId, request, receiver, tag));
        break;
      case 'drop':
        break;
    }
  }

  isUp(nodeId: NodeId): boolean {
    return this.#inner.isUp(nodeId);
  }

  setListener(listener: NodeListener): void {
    this.#inner.setListener(listener);
  }

  get held(): number {
    return this.#held.length;
  }

  /** Lets everything that waits through. */
  release(): void {
    for (const send of this.#held.splice(0)) send();
  }
}
