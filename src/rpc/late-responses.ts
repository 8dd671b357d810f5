import type { Clock } from '../base/clock.ts';
import type { Response } from './messages.ts';
import type { ResponseReceiver } from './transport.ts';

interface LateResponse {
  readonly receiver: ResponseReceiver;
  readonly tag: number;
  readonly response: Response;
}

/** Responses that a transport makes itself (LOST, BUSY): delivered at the end of the turn, never from inside `send`. */
export class LateResponses {
  readonly #clock: Clock;
  #waiting: LateResponse[] = [];
  readonly #deliver = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { receiver, tag, response } of waiting) receiver.onResponse(tag, response);
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(receiver: ResponseReceiver, tag: number, response: Response): void {
    this.#waiting.push({ receiver, tag, response });
    if (this.#waiting.length === 1) this.#clock.endOfTurn(this.#deliver);
  }
}
