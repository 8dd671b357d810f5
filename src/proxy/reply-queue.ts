import { assert } from '../base/assert.ts';
import type { Reply } from '../resp/reply.ts';

/** A reply's place in the order of requests; `reply` is undefined until it is there. */
export interface ReplyPlace {
  readonly reply: Reply | undefined;
  readonly replyBytes: number;
  readonly protocol: 2 | 3;
  /** CLIENT REPLY OFF or SKIP: the place is kept, nothing is written. */
  readonly silent: boolean;
}

const FIRST_CAPACITY = 8;
/** Of a connection that has nothing to answer; never written to. */
const NO_RING: (ReplyPlace | undefined)[] = [];

/** The replies of one connection that are not written yet, in request order: a ring that grows by doubling. */
export class ReplyQueue {
  #ring = NO_RING;
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The oldest; undefined when there is none. */
  peek(): ReplyPlace | undefined {
    return this.#ring[this.#first];
  }

  push(place: ReplyPlace): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.#length) & (this.#ring.length - 1)] = place;
    this.#length += 1;
  }

  /** Takes the oldest away. */
  shift(): void {
    assert(this.#length > 0, 'the reply queue is not empty');
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.#length -= 1;
  }

  /** Lets go of the ring, which a deep pipeline has made large, if there is nothing in it. */
  trim(): void {
    if (this.#length > 0) return;
    this.#ring = NO_RING;
    this.#first = 0;
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Array<ReplyPlace | undefined>(Math.max(FIRST_CAPACITY, old.length * 2)).fill(undefined);
    for (let i = 0; i < this.#length; i++) ring[i] = old[(this.#first + i) & (old.length - 1)];
    this.#ring = ring;
    this.#first = 0;
  }
}
