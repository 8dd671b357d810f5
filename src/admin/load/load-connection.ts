import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { tlsErrorText } from '../../rpc/tls-problem.ts';
import type { Target } from './load-plan.ts';
import type { Outcome } from './measurements.ts';
import { ReplyFramer, type ReplyKind } from './reply-framer.ts';
import { RequestBuffer } from './request-buffer.ts';

/** Who a connection tells what has happened. */
export interface ConnectionOwner {
  /** What became of the oldest request: `startMs` is as it was given to `add`. */
  replied(operation: number, startMs: number, nowMs: number, outcome: Outcome, errorText: string): void;
  /** After all replies that came together. */
  turned(connection: LoadConnection, nowMs: number): void;
  /** The connection has ended, and each of its requests was reported as lost. */
  ended(connection: LoadConnection, problem: string): void;
}

const FIRST_SLOTS = 16;

function commandBytes(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** One connection of the generator: requests go out in pipelines, replies come back in order. */
export class LoadConnection {
  /** Where the next request is written; `add` and `flush` follow. */
  readonly buffer = new RequestBuffer();
  readonly index: number;
  readonly #target: Target;
  readonly #greeting: readonly (readonly string[])[];
  readonly #clock: Clock;
  #owner: ConnectionOwner;
  #socket: Socket | null = null;
  #isReady = false;
  /** A ring of what is under way, oldest first; the number of slots is a power of two. */
  #starts = new Float64Array(FIRST_SLOTS);
  #operations = new Uint8Array(FIRST_SLOTS);
  #head = 0;
  #count = 0;
  #nowMs = 0;

  constructor(index: number, target: Target, greeting: readonly (readonly string[])[], clock: Clock) {
    this.index = index;
    this.#target = target;
    this.#greeting = greeting;
    this.#clock = clock;
    this.#owner = NOBODY;
  }

  /** Requests under way. */
  get outstanding(): number {
    return this.#count;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Only while nothing is under way. */
  set owner(owner: ConnectionOwner) {
    assert(this.#count === 0, 'a connection changes hands only when it is idle');
    this.#owner = owner;
  }

  /** Connects and sends the greeting; resolves to null, or to what is wrong. May be called again after the end. */
  open(): Promise<string | null> {
    const { tls } = this.#target;
    return new Promise((resolve) => {
      const socket = openSocket(this.#target);
      this.#socket = socket;
      let problem = 'the connection was closed';
      let waiting = this.#greeting.length;
      const timer = this.#clock.after(limits.loadConnectMs, () => {
        problem = `no answer within ${limits.loadConnectMs} ms`;
        socket.destroy();
      });
      const ready = (): void => {
        timer.cancel();
        this.#isReady = true;
        resolve(null);
      };
      const framer = new ReplyFramer((kind, errorText) => {
        if (this.#isReady) return this.#replied(kind, errorText);
        if (kind === 'error') {
          problem = `${this.#greeting[this.#greeting.length - waiting]?.[0]} was answered: ${errorText}`;
          socket.destroy();
        } else if (--waiting === 0) ready();
      });
      socket.on(tls === null ? 'connect' : 'secureConnect', () => {
        if (waiting === 0) ready();
        else socket.write(this.#greeting.map(commandBytes).join(''));
      });
      socket.on('data', (chunk) => {
        this.#nowMs = this.#clock.monotonicMs();
        if (this.#socket !== socket) return;
        framer.push(chunk);
        if (framer.failure !== null) {
          problem = `this is not RESP: ${framer.failure}`;
          socket.destroy();
        } else if (this.#isReady) this.#owner.turned(this, this.#nowMs);
      });
      socket.on('error', (error) => {
        problem = tls === null ? error.message : tlsErrorText(error);
      });
      socket.on('close', () => {
        timer.cancel();
        // After `ready` this does nothing: a promise is resolved once.
        resolve(problem);
        if (this.#socket === socket) this.#ended(problem);
      });
    });
  }

  /** Says that a request has been written into `buffer`. */
  add(operation: number, startMs: number): void {
    if (this.#count === this.#starts.length) this.#grow();
    const slot = (this.#head + this.#count) & (this.#starts.length - 1);
    this.#starts[slot] = startMs;
    this.#operations[slot] = operation;
    this.#count++;
  }

  flush(): void {
    if (this.buffer.length > 0) this.#socket?.write(this.buffer.take());
  }

  /** Reports everything under way as lost, for this reason. */
  giveUp(nowMs: number, errorText: string): void {
    while (this.#count > 0) this.#take(nowMs, 'lost', errorText);
  }

  /** Ends the connection without telling the owner. */
  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isReady = false;
    socket?.destroy();
  }

  #replied(kind: ReplyKind, errorText: string): void {
    // A server that says more than it was asked is as good as broken.
    if (this.#count === 0) this.#socket?.destroy();
    else this.#take(this.#nowMs, kind, errorText);
  }

  #take(nowMs: number, outcome: Outcome, errorText: string): void {
    const slot = this.#head;
    this.#head = (slot + 1) & (this.#starts.length - 1);
    this.#count--;
    this.#owner.replied(this.#operations[slot] ?? 0, this.#starts[slot] ?? 0, nowMs, outcome, errorText);
  }

  #ended(problem: string): void {
    const wasReady = this.#isReady;
    this.#socket = null;
    this.#isReady = false;
    this.buffer.take();
    this.giveUp(this.#clock.monotonicMs(), 'CONNECTION');
    if (wasReady) this.#owner.ended(this, problem);
  }

  #grow(): void {
    const size = this.#starts.length;
    const starts = new Float64Array(2 * size);
    const operations = new Uint8Array(2 * size);
    for (let i = 0; i < this.#count; i++) {
      const slot = (this.#head + i) & (size - 1);
      starts[i] = this.#starts[slot] ?? 0;
      operations[i] = this.#operations[slot] ?? 0;
    }
    this.#starts = starts;
    this.#operations = operations;
    this.#head = 0;
  }
}

function openSocket({ host, port, tls }: Target): Socket {
  if (tls === null) return connect({ host, port, noDelay: true });
  const { secureContext } = tls;
  const socket = connectTls({ host, port, secureContext, servername: isIP(host) === 0 ? host : '' });
  return socket.setNoDelay(true);
}

const NOBODY: ConnectionOwner = { replied: () => {}, turned: () => {}, ended: () => {} };
