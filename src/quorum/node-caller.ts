import type { Clock } from '../base/clock.ts';
import { LOST, type Request, type Response } from '../rpc/messages.ts';
import type { NodeId, ResponseReceiver, Transport } from '../rpc/transport.ts';

/** One request to one node with a time-out, for what is not on the data path; no answer in time counts as LOST. */
export class NodeCaller {
  readonly #clock: Clock;
  readonly #transport: Transport;

  constructor(clock: Clock, transport: Transport) {
    this.#clock = clock;
    this.#transport = transport;
  }

  call(node: NodeId, request: Request, timeoutMs: number, done: (response: Response) => void): void {
    let finished = false;
    const finish = (response: Response): void => {
      if (finished) return;
      finished = true;
      timer.cancel();
      done(response);
    };
    const timer = this.#clock.after(timeoutMs, () => finish(LOST));
    const receiver: ResponseReceiver = { onResponse: (_tag, response) => finish(response) };
    this.#transport.send(node, request, receiver, 0);
  }
}
