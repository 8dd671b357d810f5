import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { ReplyParser } from '../../resp/reply-parser.ts';
import { tlsErrorText } from '../../rpc/tls-problem.ts';

export type Argument = string | Buffer;

/** Where a server is, and what a connection to it says first. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
  /** Null: plain TCP. */
  readonly tls: SecureContext | null;
  /** Such as AUTH; each must be answered without an error. */
  readonly greeting: readonly (readonly string[])[];
}

/** Why there is no connection, or none any more, and what was under way on it has no answer. */
export class LinkLost extends Error {
  override readonly name = 'LinkLost';
}

/** A command as RESP. */
export function encodeCommand(args: readonly Argument[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg) : arg;
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(pieces);
}

const CRLF = Buffer.from('\r\n');

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: LinkLost): void;
}

/** A connection to a Redis or a proxy, with pipelining: replies come in the order of the calls. */
export class RedisLink {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #parser = new ReplyParser();
  readonly #waiting: Waiting[] = [];
  #first = 0;
  #chunks: Buffer[] = [];
  #lost: LinkLost | null = null;
  readonly #silenceMs: number;
  #answeredMs: number;
  readonly #watch: Timer;

  private constructor(socket: Socket, clock: Clock, silenceMs: number) {
    this.#socket = socket;
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#answeredMs = clock.monotonicMs();
    this.#watch = this.#watchSilence();
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('the connection was closed'));
  }

  /** Given up where no answer comes for `silenceMs`. Throws LinkLost with the reason in words. */
  static async open(place: RedisPlace, clock: Clock, silenceMs: number = limits.importSilenceMs): Promise<RedisLink> {
    const link = new RedisLink(await openSocket(place, clock), clock, silenceMs);
    try {
      for (const words of place.greeting) {
        const reply = await link.call(words);
        if (reply instanceof ErrorReply) throw new LinkLost(`${words[0]} was answered: ${reply.text}`);
      }
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** The reply, errors too. Rejects with LinkLost where none can come. */
  call(args: readonly Argument[]): Promise<Reply> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    if (this.#chunks.length === 0) this.#clock.endOfTurn(() => this.#flush());
    this.#chunks.push(encodeCommand(args));
    return new Promise((resolve, reject) => {
      if (this.#first === this.#waiting.length) this.#answeredMs = this.#clock.monotonicMs();
      this.#waiting.push({ resolve, reject });
    });
  }

  close(): void {
    this.#end('the connection was closed here');
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    if (this.#lost === null) this.#socket.write(bytes);
  }

  #received(chunk: Buffer): void {
    this.#answeredMs = this.#clock.monotonicMs();
    this.#parser.push(chunk);
    for (let reply = this.#parser.next(); reply !== undefined; reply = this.#parser.next()) {
      const waiting = this.#waiting[this.#first++];
      waiting?.resolve(reply);
    }
    // The answered ones are dropped together, not one by one.
    if (this.#first > 1_024 || this.#first === this.#waiting.length) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.#parser.failure !== null) this.#end(`this is not RESP: ${this.#parser.failure}`);
  }

  #watchSilence(): Timer {
    let timer: Timer;
    const look = (): void => {
      const isWaiting = this.#first < this.#waiting.length;
      const silentMs = this.#clock.monotonicMs() - this.#answeredMs;
      if (isWaiting && silentMs > this.#silenceMs) this.#end(`no answer for ${Math.round(silentMs)} ms`);
      else if (this.#lost === null) timer = this.#clock.after(this.#silenceMs / 4, look);
    };
    timer = this.#clock.after(this.#silenceMs / 4, look);
    return { cancel: () => timer.cancel() };
  }

  #end(reason: string): void {
    if (this.#lost !== null) return;
    this.#lost = new LinkLost(reason);
    this.#watch.cancel();
    this.#socket.destroy();
    for (const waiting of this.#waiting.splice(this.#first)) waiting.reject(this.#lost);
  }
}

/** A connected socket. Throws LinkLost. */
export function openSocket({ host, port, tls }: RedisPlace, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      tls === null
        ? connect({ host, port })
        : connectTls({ host, port, secureContext: tls, servername: isIP(host) === 0 ? host : '' });
    socket.setNoDelay(true);
    const timer = clock.after(limits.loadConnectMs, () => fail(`no connection within ${limits.loadConnectMs} ms`));
    const failed = (error: Error): void => fail(tls === null ? error.message : tlsErrorText(error));
    const fail = (reason: string): void => {
      timer.cancel();
      socket.destroy();
      reject(new LinkLost(`${host}:${port}: ${reason}`));
    };
    socket.once('error', failed);
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      timer.cancel();
      socket.off('error', failed);
      resolve(socket);
    });
  });
}
