import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';

/**
 * What a door does to the traffic of its storage node:
 * `open`: passes it on;
 * `shut`: cuts all connections, and new ones as soon as they come;
 * `hold`: passes nothing on in the held directions, and all of it, late, when the door opens again;
 * `lose`: passes nothing on in these directions, and cuts the connections when the door opens again;
 * `delay`: passes each piece on a while later, in both directions.
 */
export type DoorState =
  | { readonly kind: 'open' }
  | { readonly kind: 'shut' }
  | { readonly kind: 'hold' | 'lose'; readonly requests: boolean; readonly replies: boolean }
  | { readonly kind: 'delay'; readonly delayMs: number };

const OPEN: DoorState = { kind: 'open' };

/** Stands before one storage node and passes TCP connections of 127.0.0.1 on to it, as long as it is open. */
export class Door {
  readonly #upstreamPort: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #state: DoorState = OPEN;

  private constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** `port`: where others look for the node that listens on `upstreamPort`. */
  static async start(port: number, upstreamPort: number): Promise<Door> {
    const door = new Door(upstreamPort);
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return door;
  }

  set(state: DoorState): void {
    this.#state = state;
    for (const pair of this.#pairs) pair.set(state);
  }

  open(): void {
    this.set(OPEN);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const pair of this.#pairs) pair.cut();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#state.kind === 'shut') {
      client.resetAndDestroy();
      return;
    }
    const pair = new Pair(client, tcpConnect(this.#upstreamPort, '127.0.0.1'), () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
    pair.set(this.#state);
  }
}

/** A connection that came in, and the one to the node. */
class Pair {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #requests: Direction;
  readonly #replies: Direction;

  constructor(client: Socket, upstream: Socket, gone: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#requests = new Direction(client, upstream);
    this.#replies = new Direction(upstream, client);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      // 'close' follows and tells all that is of interest.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        gone();
        this.cut();
      });
    }
  }

  set(state: DoorState): void {
    if (state.kind === 'shut') {
      this.#client.resetAndDestroy();
      this.#upstream.resetAndDestroy();
      return;
    }
    if (this.#requests.hasLost || this.#replies.hasLost) {
      this.cut();
      return;
    }
    this.#requests.set(state, 'requests' in state && state.requests);
    this.#replies.set(state, 'replies' in state && state.replies);
  }

  cut(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }
}

interface Delayed {
  readonly chunk: Buffer;
  /** Monotonic. */
  readonly dueMs: number;
}

/** One direction of one connection. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayed: Delayed[] = [];
  #delayMs = 0;
  #losing = false;
  #holding = false;
  hasLost = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => this.#pass(chunk));
    to.on('drain', () => {
      if (!this.#holding) from.resume();
    });
  }

  set(state: DoorState, isStruck: boolean): void {
    this.#losing = state.kind === 'lose' && isStruck;
    this.#holding = state.kind === 'hold' && isStruck;
    this.#delayMs = state.kind === 'delay' ? state.delayMs : 0;
    if (this.#holding) this.#from.pause();
    else this.#from.resume();
  }

  #pass(chunk: Buffer): void {
    if (this.#losing) {
      this.hasLost = true;
    } else if (this.#delayMs > 0 || this.#delayed.length > 0) {
      // Never before the one ahead of it.
      const earliestMs = this.#delayed.at(-1)?.dueMs ?? 0;
      this.#delayed.push({ chunk, dueMs: Math.max(earliestMs, performance.now() + this.#delayMs) });
      if (this.#delayed.length === 1) this.#wait();
    } else {
      this.#write(chunk);
    }
  }

  #wait(): void {
    const [first] = this.#delayed;
    if (first === undefined) return;
    setTimeout(
      () => {
        this.#delayed.shift();
        this.#write(first.chunk);
        this.#wait();
      },
      Math.max(0, first.dueMs - performance.now()),
    );
  }

  #write(chunk: Buffer): void {
    if (this.#to.destroyed) return;
    if (!this.#to.write(chunk)) this.#from.pause();
  }
}
