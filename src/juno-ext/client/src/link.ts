import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { ServerAddress } from './types.ts';

export type Argument = string | Buffer;

/** What became of one command on one connection. */
export type TryOutcome =
  | { readonly kind: 'reply'; readonly reply: unknown }
  | { readonly kind: 'error-reply'; readonly message: string }
  /** The connection ended; `maySent` is false where nothing of the command can have left this process. */
  | { readonly kind: 'lost'; readonly mayBeSent: boolean; readonly message: string }
  | { readonly kind: 'try-timed-out' };

type Settle = (outcome: TryOutcome) => void;

interface Waiting {
  readonly name: string;
  readonly args: readonly Argument[];
  readonly settle: Settle;
}

export interface LinkEvents {
  /** It takes commands from now on. */
  readonly onReady: () => void;
  /**
   * It has ended; `refusal` is the error reply to one of the setup commands, if that was the reason, `problem` what the
   * connection failed with, '' if it said nothing.
   */
  readonly onEnd: (refusal: string | null, problem: string) => void;
}

const NOT_SENT = "Stream isn't writeable and enableOfflineQueue options is false";

/**
 * One connection, for as long as it lives: it does not connect again. Commands that are given to it in one turn of the
 * event loop leave in one write.
 */
export class Link {
  readonly address: ServerAddress;
  readonly #redis: Redis;
  readonly #events: LinkEvents;
  readonly #pending = new Set<Settle>();
  #collected: Waiting[] = [];
  #refusal: string | null = null;
  #problem = '';
  #ended = false;
  readonly #silenceMs: number;
  /** Commands written and not answered, those included that nobody waits for any more. */
  #unanswered = 0;
  /** When the present wait for a reply began. */
  #waitingSinceMs = 0;

  /**
   * `setup` are the commands that must be answered without an error before the link is ready. Where no reply comes for
   * `timeoutMs` although commands wait for one, the link is held to be dead, and is ended. `tls`: null for plain TCP.
   */
  constructor(
    address: ServerAddress,
    setup: readonly (readonly [string, ...Argument[]])[],
    timeoutMs: number,
    tls: ConnectionOptions | null,
    events: LinkEvents,
  ) {
    this.address = address;
    this.#events = events;
    this.#silenceMs = timeoutMs;
    this.#redis = new Redis({
      host: address.host,
      port: address.port,
      // No command before `setup` that could be refused or change what is selected; repeating is for call.ts.
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: null,
      connectTimeout: timeoutMs,
      disconnectTimeout: 100,
      ...(tls === null ? {} : { tls }),
    });
    // 'end' follows.
    this.#redis.on('error', (error: Error) => {
      // OpenSSL's messages are long; what they say in the end is the reason.
      this.#problem = 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
    });
    this.#redis.on('end', () => this.#end());
    this.#redis.on('ready', () => void this.#setUp(setup, timeoutMs));
  }

  /** Never rejects. After `timeoutMs` without an answer the outcome is 'try-timed-out'; the command may still be done. */
  send(name: string, args: readonly Argument[], timeoutMs: number): Promise<TryOutcome> {
    return new Promise((resolve) => {
      if (this.#ended) {
        resolve({ kind: 'lost', mayBeSent: false, message: 'the connection has ended' });
        return;
      }
      const timer = setTimeout(() => {
        settle({ kind: 'try-timed-out' });
        // Timers count whole milliseconds.
        if (performance.now() - this.#waitingSinceMs >= this.#silenceMs - 1) this.disconnect();
      }, timeoutMs);
      const settle: Settle = (outcome) => {
        if (!this.#pending.delete(settle)) return;
        clearTimeout(timer);
        resolve(outcome);
      };
      this.#pending.add(settle);
      if (this.#collected.push({ name, args, settle }) === 1) setImmediate(() => this.#flush());
    });
  }

  /** Ends it at once; what is pending is lost. */
  disconnect(): void {
    this.#redis.disconnect();
    this.#end();
  }

  #flush(): void {
    const collected = this.#collected;
    this.#collected = [];
    if (this.#ended) return;
    if (this.#unanswered === 0) this.#waitingSinceMs = performance.now();
    this.#unanswered += collected.length;
    const [first] = collected;
    if (collected.length === 1 && first !== undefined) {
      const { name, args, settle } = first;
      this.#redis.callBuffer(name, [...args], this.#answer(settle)).catch(() => undefined);
      return;
    }
    const pipeline = this.#redis.pipeline();
    for (const { name, args, settle } of collected) pipeline.callBuffer(name, [...args], this.#answer(settle));
    pipeline.exec().catch(() => undefined);
  }

  #answer(settle: Settle): (error: Error | null | undefined, reply?: unknown) => void {
    return (error, reply) => {
      if (error === null || error === undefined) {
        this.#answered();
        settle({ kind: 'reply', reply });
      } else if (error.name === 'ReplyError') {
        this.#answered();
        settle({ kind: 'error-reply', message: error.message });
      } else {
        settle({ kind: 'lost', mayBeSent: error.message !== NOT_SENT, message: error.message });
      }
    };
  }

  #answered(): void {
    this.#unanswered--;
    this.#waitingSinceMs = performance.now();
  }

  async #setUp(setup: readonly (readonly [string, ...Argument[]])[], timeoutMs: number): Promise<void> {
    const outcomes = await Promise.all(setup.map(([name, ...args]) => this.send(name, args, timeoutMs)));
    for (const outcome of outcomes) {
      if (outcome.kind === 'reply') continue;
      if (outcome.kind === 'error-reply') this.#refusal = outcome.message;
      this.disconnect();
      return;
    }
    if (!this.#ended) this.#events.onReady();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const collected = new Set(this.#collected.map(({ settle }) => settle));
    for (const settle of [...this.#pending]) {
      settle({ kind: 'lost', mayBeSent: !collected.has(settle), message: 'the connection was lost' });
    }
    this.#events.onEnd(this.#refusal, this.#problem);
  }
}
