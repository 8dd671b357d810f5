import { limits } from '../base/limits.ts';

export const QUERY_BUFFER_FULL = 'ERR query buffer limit of this client exceeded';
export const ALL_QUERY_BUFFERS_FULL = 'ERR query buffers of all clients are full, and this one holds the most';

/** A connection as the budget sees it. */
export interface QueryHolder {
  /** Bytes of a request that has not arrived whole, and of what is queued behind MULTI. */
  readonly bufferedBytes: number;
  /** Closes the connection, with an error, to free them. */
  evict(): void;
}

/**
 * One budget for the requests of all connections: what is half received and what is being carried out. Over it, the
 * connections that hold the most of a half received request are closed, as Redis's maxmemory-clients does: many clients
 * that announce much and send it slowly cannot take the memory that the others need.
 */
export class QueryBudget {
  readonly #totalBytes: number;
  /** A connection that holds less is left alone. */
  readonly smallBytes: number;
  readonly #holders = new Set<QueryHolder>();
  #bufferedBytes = 0;
  #inFlightBytes = 0;

  constructor(totalBytes: number = limits.allQueryBytes) {
    this.#totalBytes = totalBytes;
    this.smallBytes = totalBytes * limits.smallQueryShare;
  }

  get usedBytes(): number {
    return this.#bufferedBytes + this.#inFlightBytes;
  }

  add(holder: QueryHolder): void {
    this.#holders.add(holder);
  }

  remove(holder: QueryHolder): void {
    this.#holders.delete(holder);
  }

  /** A connection now holds `deltaBytes` more of a half received request. */
  buffered(deltaBytes: number): void {
    this.#bufferedBytes += deltaBytes;
  }

  /** Commands with so many more argument bytes are under way. */
  inFlight(deltaBytes: number): void {
    this.#inFlightBytes += deltaBytes;
  }

  /** Call after memory was taken. */
  enforce(): void {
    if (this.usedBytes > this.#totalBytes && !this.mustWait()) this.#relieve();
  }

  /**
   * Whether a connection should wait before it reads more: most of the budget belongs to commands under way, which will
   * give it back within their deadline.
   */
  mustWait(): boolean {
    return this.usedBytes > this.#totalBytes && this.#inFlightBytes > this.#totalBytes / 2;
  }

  #relieve(): void {
    const target = this.#totalBytes * (1 - limits.queryBudgetSlack);
    // Looks at all connections, but then makes room for a while.
    const bySize = [...this.#holders]
      .filter((holder) => holder.bufferedBytes > this.smallBytes)
      .sort((a, b) => b.bufferedBytes - a.bufferedBytes);
    // Half the budget in flight: closing slow senders would not help, those commands end by themselves.
    for (const holder of bySize) {
      if (this.usedBytes <= target || this.mustWait()) return;
      holder.evict();
    }
  }
}
