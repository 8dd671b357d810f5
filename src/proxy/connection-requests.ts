import { RequestParser } from '../resp/request-parser.ts';
import type { CommandEntry } from './command-table.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { QueryBudget } from './query-budget.ts';

/** A command that has been admitted but must wait before it starts; nothing behind it is parsed. */
export interface HeldCommand {
  readonly entry: CommandEntry;
  readonly args: readonly Buffer[];
  readonly argumentBytes: number;
}

/** The requests of one connection: the parser, and what it and the commands under way hold of the common budget. */
export class ConnectionRequests {
  readonly #proxy: ProxyContext;
  readonly #budget: QueryBudget;
  /** None while the client is idle. */
  #parser: RequestParser | null = null;
  #authenticated: boolean;
  #bufferedBytes = 0;
  #queuedBytes = 0;
  #inFlightBytes = 0;
  #held: HeldCommand | null = null;
  /** Draining: only what has come is still read, and the rest of one request. */
  #drain: 'no' | 'what has come' | 'one more' = 'no';

  constructor(proxy: ProxyContext, budget: QueryBudget) {
    this.#proxy = proxy;
    this.#budget = budget;
    this.#authenticated = !proxy.users.passwordNeeded;
  }

  /** What has been received and not been parsed to a whole command, as of the last `count`. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** What waits for EXEC, as of the last `count`. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Argument bytes of the commands under way. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  /** Also lifts the parser's tight limits for strangers. */
  set authenticated(value: boolean) {
    this.#authenticated = value;
    if (this.#parser !== null) this.#parser.authenticated = value;
  }

  push(chunk: Buffer): void {
    if (this.#drain !== 'no') {
      if (this.isDrained) return;
      this.#drain = 'one more';
    }
    const { config, users } = this.#proxy;
    if (!this.#authenticated && !users.passwordNeeded) this.authenticated = true;
    this.#parser ??= new RequestParser(this.#authenticated, config.protoMaxBulkBytes);
    this.#parser.maxBulkBytes = config.protoMaxBulkBytes;
    this.#parser.push(chunk);
  }

  /** The next whole command; null when more bytes are needed, or after a protocol error. */
  next(): Buffer[] | null {
    if (this.#parser === null) return null;
    const args = this.#parser.next();
    if (this.#drain === 'one more' && args !== null) this.#parser = null;
    return args;
  }

  /** From now on takes no more than the rest of a request of which a part is there. */
  drain(): void {
    if (this.#drain === 'no') this.#drain = 'what has come';
  }

  /** Whether nothing more will come out, once `next` has given all that it can. */
  get isDrained(): boolean {
    return this.#drain !== 'no' && this.#isBetweenRequests;
  }

  get #isBetweenRequests(): boolean {
    return this.#parser === null || this.#parser.isBetweenRequests;
  }

  /** The command that waits. */
  get held(): HeldCommand | null {
    return this.#held;
  }

  hold(command: HeldCommand): void {
    this.#held = command;
    this.inFlight(command.argumentBytes);
  }

  dropHeld(): void {
    if (this.#held !== null) this.inFlight(-this.#held.argumentBytes);
    this.#held = null;
  }

  /** The text of a protocol error, once. */
  takeError(): string | null {
    return this.#parser === null ? null : this.#parser.takeError();
  }

  /** Forgets what was received. */
  drop(): void {
    this.#parser = null;
    this.count();
  }

  /** The client is idle: lets go of memory that comes back with its next command. */
  trim(): void {
    if (this.#isBetweenRequests) this.#parser = null;
  }

  /** Brings the common totals up to date; `queuedBytes`: what waits for EXEC. */
  count(queuedBytes = 0): void {
    if (queuedBytes !== this.#queuedBytes) {
      this.#budget.buffered(queuedBytes - this.#queuedBytes);
      this.#queuedBytes = queuedBytes;
    }
    const bytes = this.#parser === null ? 0 : this.#parser.bufferedBytes;
    const delta = bytes - this.#bufferedBytes;
    if (delta === 0) return;
    this.#bufferedBytes = bytes;
    this.#budget.buffered(delta);
    this.#proxy.clients.queryBufferBytes += delta;
    if (bytes > this.#proxy.stats.maxQueryBufferBytes) this.#proxy.stats.maxQueryBufferBytes = bytes;
  }

  /** A command with so many argument bytes starts (or, negative, is over). */
  inFlight(deltaBytes: number): void {
    this.#inFlightBytes += deltaBytes;
    this.#budget.inFlight(deltaBytes);
  }
}
