import type { Clock } from '../base/clock.ts';
import { LOST, MessageType, type Request, type Response } from '../rpc/messages.ts';
import type { NodeId, ResponseReceiver, Transport } from '../rpc/transport.ts';
import type { FullDisks } from './full-disks.ts';

/** One request to one node with a time-out, for what is not on the data path; no answer in time counts as LOST. */
export class NodeCaller {
  readonly #clock: Clock;
  readonly #transport: Transport;

  readonly #full: FullDisks | null;

  /** `full` is told of nodes that have no room. */
  constructor(clock: Clock, transport: Transport, full: FullDisks | null = null) {
    this.#clock = clock;
    this.#transport = transport;
    this.#full = full;
  }

  call(node: NodeId, request: Request, timeoutMs: number, done: (response: Response) => void): void {
    let finished = false;
    const finish = (response: Response): void => {
      if (finished) return;
      finished = true;
      timer.cancel();
      if (response.type === MessageType.fault && response.fault === 'full') this.#full?.note(node);
      done(response);
    };
    const timer = this.#clock.after(timeoutMs, () => finish(LOST));
    const receiver: ResponseReceiver = { onResponse: (_tag, response) => finish(response) };
    this.#transport.send(node, request, receiver, 0);
  }
}
