import type { Redis } from 'ioredis';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { tlsErrorText } from '../../rpc/tls-problem.ts';
import type { ClientTls } from '../client-tls.ts';
import { parseHostAndPort } from '../host-and-port.ts';
import { INFO_SECTIONS, type ProxyReading, proxyReading } from './reading.ts';
import type { Watched } from './view.ts';

/** How to log in at every proxy. */
export interface Login {
  readonly username: string;
  readonly password: string;
  readonly tls: ClientTls | null;
}

/** A connection to one proxy, made again when it breaks, and the last two readings of it. */
export class ProxyLink {
  readonly #address: string;
  readonly #login: Login;
  readonly #clock: Clock;
  #redis: Redis | null = null;
  #before: ProxyReading | null = null;
  #now: ProxyReading | null = null;

  constructor(address: string, login: Login, clock: Clock) {
    this.#address = address;
    this.#login = login;
    this.#clock = clock;
  }

  /** Takes a reading; what it is or why there is none. Within limits.topAnswerMs for each of connecting and asking. */
  async read(): Promise<Watched> {
    const address = this.#address;
    try {
      this.#redis ??= await this.#connect();
      const [info, histogram] = await Promise.all([
        this.#redis.call('INFO', ...INFO_SECTIONS),
        // Not every user may ask for it: then there are no percentiles.
        this.#redis.call('LATENCY', 'HISTOGRAM').catch((error: unknown) => {
          if (error instanceof Error && error.name === 'ReplyError') return [];
          throw error;
        }),
      ]);
      this.#before = this.#now;
      this.#now = proxyReading(String(info), histogram, this.#clock.monotonicMs());
      return { address, before: this.#before, now: this.#now };
    } catch (error) {
      this.close();
      this.#now = null;
      return { address, problem: problemOf(error) };
    }
  }

  close(): void {
    this.#redis?.disconnect();
    this.#redis = null;
  }

  async #connect(): Promise<Redis> {
    const place = parseHostAndPort(this.#address);
    const { username, password, tls } = this.#login;
    const { Redis } = await import('ioredis');
    const redis = new Redis({
      ...place,
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
      ...(tls === null ? {} : { tls: { secureContext: tls.secureContext } }),
      lazyConnect: true,
      enableReadyCheck: false,
      protocol: 2,
      connectTimeout: limits.topAnswerMs,
      commandTimeout: limits.topAnswerMs,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    // What ends a connection also rejects the call that needs it; a wrong password comes only here.
    let problem: Error | null = null;
    redis.on('error', (error: Error) => {
      problem ??= error;
    });
    try {
      await redis.connect();
    } catch (error) {
      redis.disconnect();
      throw problem ?? error;
    }
    return redis;
  }
}

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'ReplyError') return error.message;
  // A name with several addresses fails with one error for all of them, and no message.
  return error.message === '' && 'code' in error ? String(error.code) : tlsErrorText(error);
}
