import { Redis } from 'ioredis';
import { redisOptions, type TlsPlace } from '../compat-tests/support/place.ts';

const PIPELINE = 4;
const READ_TOGETHER = 200;
const LARGE_ONE_IN = 100;
const LARGE_BYTES = 120_000;
const COMMAND_MS = 10_000;

export interface TlsLoadFigures {
  readonly acknowledged: number;
  readonly problems: readonly string[];
}

/** Writers over TLS, spread over some proxies; each counts up keys of its own, and all know what was acknowledged. */
export class TlsLoad {
  readonly #clients: readonly Redis[];
  /** By writer: the last number that was acknowledged; every lower one was, too. */
  readonly #written: number[];
  #acknowledged = 0;
  #problems: string[] = [];
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(places: readonly TlsPlace[], connections: number) {
    this.#clients = Array.from({ length: connections }, (_, i) => {
      const place = places[i % places.length];
      if (place === undefined) throw new Error('no place to connect to');
      const options = { retryStrategy: null, maxRetriesPerRequest: 0, commandTimeout: COMMAND_MS } as const;
      const client = new Redis({ ...redisOptions(place), ...options });
      client.on('error', (error) => this.#problems.push(`writer ${i}: ${error.message}`));
      return client;
    });
    this.#written = this.#clients.map(() => 0);
  }

  start(): void {
    this.#running = Promise.all(this.#clients.map((client, writer) => this.#write(client, writer)));
  }

  /** Since the last call. */
  takeFigures(): TlsLoadFigures {
    const figures = { acknowledged: this.#acknowledged, problems: this.#problems };
    this.#acknowledged = 0;
    this.#problems = [];
    return figures;
  }

  /** Ends the writers, reads everything by another writer's connection, and closes; what is not as it was acknowledged. */
  async stopAndCheck(): Promise<string[]> {
    this.#isStopped = true;
    await this.#running;
    const lost: string[] = [];
    for (const [writer, last] of this.#written.entries()) {
      const reader = this.#clients[(writer + 1) % this.#clients.length];
      for (let from = 1; from <= last; from += READ_TOGETHER) {
        const numbers = Array.from({ length: Math.min(READ_TOGETHER, last - from + 1) }, (_, i) => from + i);
        const values = (await reader?.mget(numbers.map((number) => keyOf(writer, number)))) ?? [];
        for (const [i, number] of numbers.entries()) {
          if (values[i] !== textOf(number)) lost.push(`${keyOf(writer, number)} is not what was written`);
        }
      }
    }
    for (const client of this.#clients) client.disconnect();
    return [...lost, ...this.#problems];
  }

  async #write(client: Redis, writer: number): Promise<void> {
    while (!this.#isStopped) {
      const first = (this.#written[writer] ?? 0) + 1;
      const pipeline = client.pipeline();
      for (let i = 0; i < PIPELINE; i++) pipeline.set(keyOf(writer, first + i), textOf(first + i));
      const replies = (await pipeline.exec().catch((error: Error) => [[error, null] as const])) ?? [];
      const failed = replies.find(([error]) => error !== null)?.[0];
      if (failed instanceof Error) {
        this.#problems.push(`writer ${writer}: ${failed.message}`);
        if (client.status === 'end') return;
        // The same keys again: they hold the same values.
        continue;
      }
      this.#written[writer] = first + PIPELINE - 1;
      this.#acknowledged += PIPELINE;
    }
  }
}

function keyOf(writer: number, number: number): string {
  return `writer ${writer} key ${number}`;
}

function textOf(number: number): string {
  return number % LARGE_ONE_IN === 0 ? `${number}`.padEnd(LARGE_BYTES, '.') : `value ${number}`;
}
