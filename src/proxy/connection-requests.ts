import { RequestParser } from '../resp/request-parser.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { QueryBudget } from './query-budget.ts';

/** The requests of one connection: the parser, and what it and the commands under way hold of the common budget. */
export class ConnectionRequests {
  readonly #proxy: ProxyContext;
  readonly #budget: QueryBudget;
  #parser: RequestParser;
  #bufferedBytes = 0;
  #inFlightBytes = 0;

  constructor(proxy: ProxyContext, budget: QueryBudget) {
    this.#proxy = proxy;
    this.#budget = budget;
    this.#parser = new RequestParser(!proxy.users.passwordNeeded, proxy.config.protoMaxBulkBytes);
  }

  /** What has been received and not been parsed to a whole command, as of the last `count`. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Argument bytes of the commands under way. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get authenticated(): boolean {
    return this.#parser.authenticated;
  }

  /** Also lifts the parser's tight limits for strangers. */
  set authenticated(value: boolean) {
    this.#parser.authenticated = value;
  }

  push(chunk: Buffer): void {
    const { config, users } = this.#proxy;
    this.#parser.maxBulkBytes = config.protoMaxBulkBytes;
    if (!this.#parser.authenticated && !users.passwordNeeded) this.#parser.authenticated = true;
    this.#parser.push(chunk);
  }

  /** The next whole command; null when more bytes are needed, or after a protocol error. */
  next(): Buffer[] | null {
    return this.#parser.next();
  }

  /** The text of a protocol error, once. */
  takeError(): string | null {
    return this.#parser.takeError();
  }

  /** Forgets what was received. */
  drop(): void {
    this.#parser = new RequestParser(this.#parser.authenticated, this.#proxy.config.protoMaxBulkBytes);
    this.count();
  }

  /** Brings the common totals up to date. */
  count(): void {
    const bytes = this.#parser.bufferedBytes;
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
