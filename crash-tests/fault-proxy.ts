import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What goes wrong with a connection, once. A chunk is what arrived at once: with small commands that wait for their
 * answers, one or a few whole commands or replies.
 */
export type FaultKind =
  /** The request chunk is passed on late, also if the client has gone meanwhile. */
  | 'delay-request'
  /** Half of the request chunk is passed on, then both sides are cut. */
  | 'cut-request'
  /** This request chunk and all later ones are not passed on. */
  | 'lose-requests'
  /** The reply chunk, and what comes behind it, is passed on late. */
  | 'delay-reply'
  /** Half of the reply chunk is passed on, then both sides are cut. */
  | 'cut-reply'
  /** This reply chunk and all later ones are not passed on; requests still are. */
  | 'lose-replies';

export interface FaultPlan {
  readonly kind: FaultKind;
  /** Chunks of its direction that pass before it; 0: the first is struck. */
  readonly afterChunks: number;
  /** Of the two delays. */
  readonly delayMs: number;
}

export interface FaultProxyOptions {
  readonly upstreamPort: number;
  /** Called for each new connection; null: nothing goes wrong. */
  readonly plan: () => FaultPlan | null;
  /** Every reply chunk, before anything happens to it. */
  readonly onReply?: (chunk: Buffer) => void;
}

/** Passes TCP connections of 127.0.0.1 on to a port of the same machine, and does to them what the plan says. */
export class FaultProxy {
  readonly #options: FaultProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #struck = new Map<FaultKind, number>();
  #calm = false;

  private constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the fault proxy does not listen');
    return address.port;
  }

  /** How often each kind of fault has happened. */
  get struck(): ReadonlyMap<FaultKind, number> {
    return this.#struck;
  }

  /** From now on nothing more goes wrong; connections that have lost something already are cut. */
  calm(): void {
    this.#calm = true;
    for (const socket of this.#sockets) socket.emit('calm');
  }

  /** Cuts all connections and ends. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(client: Socket): void {
    const plan = this.#calm ? null : this.#options.plan();
    const upstream = connect(this.#options.upstreamPort, '127.0.0.1');
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // 'close' follows and tells all that is of interest.
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    const strikes = (kind: FaultKind): boolean => this.#strikes(kind);
    const requests = new Direction(upstream, plan?.kind.includes('request') ? plan : null, strikes, cut);
    const replies = new Direction(client, plan?.kind.includes('repl') ? plan : null, strikes, cut);
    client.on('data', (chunk: Buffer) => requests.pass(chunk, client));
    upstream.on('data', (chunk: Buffer) => {
      this.#options.onReply?.(chunk);
      replies.pass(chunk, upstream);
    });
    client.on('close', () => requests.end());
    upstream.on('close', () => replies.end());
    client.on('calm', () => {
      if (requests.isLosing || replies.isLosing) cut();
    });
  }

  #strikes(kind: FaultKind): boolean {
    if (this.#calm) return false;
    this.#struck.set(kind, (this.#struck.get(kind) ?? 0) + 1);
    return true;
  }
}

/** One direction of one connection. */
class Direction {
  readonly #to: Socket;
  readonly #plan: FaultPlan | null;
  readonly #strikes: (kind: FaultKind) => boolean;
  readonly #cut: () => void;
  #chunks = 0;
  #losing = false;
  #holding = false;
  #ended = false;

  constructor(to: Socket, plan: FaultPlan | null, strikes: (kind: FaultKind) => boolean, cut: () => void) {
    this.#to = to;
    this.#plan = plan;
    this.#strikes = strikes;
    this.#cut = cut;
  }

  get isLosing(): boolean {
    return this.#losing;
  }

  pass(chunk: Buffer, from: Socket): void {
    const plan = this.#plan;
    const isDue = plan !== null && this.#chunks === plan.afterChunks;
    this.#chunks += 1;
    if (this.#losing) return;
    if (!isDue || !this.#strikes(plan.kind)) {
      this.#to.write(chunk);
      return;
    }
    switch (plan.kind) {
      case 'lose-requests':
      case 'lose-replies':
        this.#losing = true;
        break;
      case 'cut-request':
      case 'cut-reply':
        this.#to.write(chunk.subarray(0, chunk.length >> 1), this.#cut);
        break;
      case 'delay-request':
      case 'delay-reply':
        this.#hold(chunk, from, plan.delayMs);
        break;
    }
  }

  /** The other side has gone; what is held is passed on first. */
  end(): void {
    this.#ended = true;
    if (!this.#holding) this.#to.end();
  }

  #hold(chunk: Buffer, from: Socket, delayMs: number): void {
    this.#holding = true;
    from.pause();
    setTimeout(() => {
      this.#holding = false;
      if (!this.#to.destroyed) this.#to.write(chunk);
      if (this.#ended) this.#to.end();
      from.resume();
    }, delayMs);
  }
}
