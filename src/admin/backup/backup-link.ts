import type { Redis } from 'ioredis';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { isTlsRefusal, tlsErrorText } from '../../rpc/tls-problem.ts';
import { type ClientTls, readClientTls } from '../client-tls.ts';
import { readPassword } from '../data-verbs/client-config.ts';
import { parseHostAndPort } from '../host-and-port.ts';
import type { Configuration } from '../option-table.ts';
import { BackupProblem, messageOf } from './backup-problem.ts';

export type Argument = string | number | Buffer;

/** Where JUNO.BACKUP is answered. */
export interface BackupSource {
  /** Bulk strings come as buffers. Throws BackupProblem. */
  backup(...args: readonly Argument[]): Promise<unknown>;
}

/** Answers that pass: the same call is made again. */
const PASSING = /^(UNAVAILABLE|UNCERTAIN|BUSY|LOADING|TRYAGAIN)\b/;
const CONNECT_MS = 5_000;
/** Longer than a proxy tries to find a quorum. */
const CALL_MS = 30_000;
/** Opened as they are needed. */
const CONNECTIONS = limits.backupCallsAtOnce;

/** Connections to the proxies of a cluster, for JUNO.BACKUP. Each carries one call at a time; further ones wait. */
export class BackupLink implements BackupSource {
  readonly #clock: Clock;
  readonly #config: Configuration;
  readonly #password: string;
  readonly #tls: ClientTls | null;
  readonly #idle: (Redis | null)[] = Array.from({ length: CONNECTIONS }, () => null);
  readonly #waiting: ((slot: Redis | null) => void)[] = [];
  #nextTarget = 0;
  #closed = false;
  /** When a proxy last answered; null until one has. */
  #answeredMs: number | null = null;

  constructor(config: Configuration, clock: Clock) {
    const password = readPassword(config);
    if (!password.ok) throw new BackupProblem(password.problem);
    this.#password = password.password;
    const tls = readClientTls(config);
    if (!tls.ok) throw new BackupProblem(tls.problem);
    this.#tls = tls.tls;
    this.#config = config;
    this.#clock = clock;
  }

  /** JUNO.BACKUP with these arguments; bulk strings come as buffers. Throws BackupProblem. */
  backup(...args: readonly Argument[]): Promise<unknown> {
    return this.call('JUNO.BACKUP', ...args);
  }

  /** Tries again what can pass, with other proxies in turn, until none has answered for limits.backupUnreachableMs. */
  async call(name: string, ...args: readonly Argument[]): Promise<unknown> {
    let redis = await this.#take();
    const startedMs = this.#clock.monotonicMs();
    try {
      for (;;) {
        if (this.#closed) throw new BackupProblem('the connections are closed');
        try {
          redis ??= await this.#connect();
          const reply = await redis.callBuffer(name, ...args);
          this.#answeredMs = this.#clock.monotonicMs();
          return reply;
        } catch (error) {
          const isAnswer = error instanceof Error && error.name === 'ReplyError';
          if (error instanceof BackupProblem) throw error;
          if (isAnswer && !PASSING.test(error.message)) throw new BackupProblem(error.message);
          if (!isAnswer) {
            redis?.disconnect();
            redis = null;
          }
          const patienceMs = this.#answeredMs === null ? CONNECT_MS : limits.backupUnreachableMs;
          if (this.#clock.monotonicMs() - Math.max(this.#answeredMs ?? 0, startedMs) > patienceMs) {
            throw new BackupProblem(`the cluster does not answer: ${messageOf(error)}`);
          }
          await pause(this.#clock, limits.backupRetryMs);
        }
      }
    } finally {
      this.#give(redis);
    }
  }

  /** Calls that are still tried fail. */
  close(): void {
    this.#closed = true;
    for (const redis of this.#idle) redis?.disconnect();
  }

  #take(): Promise<Redis | null> | Redis | null {
    const slot = this.#idle.pop();
    if (slot !== undefined) return slot;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(slot: Redis | null): void {
    if (this.#closed) slot?.disconnect();
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(slot);
    else next(slot);
  }

  async #connect(): Promise<Redis> {
    const targets = this.#config.target;
    const target = targets[this.#nextTarget++ % targets.length] ?? '';
    const address = parseHostAndPort(target);
    if (address === null) throw new BackupProblem(`--target: ${target} is no HOST:PORT`);
    const { Redis } = await import('ioredis');
    const redis = new Redis({
      ...address,
      ...(this.#config.username === '' ? {} : { username: this.#config.username }),
      ...(this.#password === '' ? {} : { password: this.#password }),
      ...(this.#tls === null ? {} : { tls: { secureContext: this.#tls.secureContext } }),
      lazyConnect: true,
      enableReadyCheck: false,
      protocol: 2,
      connectTimeout: CONNECT_MS,
      commandTimeout: CALL_MS,
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
      throw reasonOf(problem ?? error);
    }
    return redis;
  }
}

/** What TLS failed with, in words; anything else as it is. */
function reasonOf(error: unknown): unknown {
  return error instanceof Error && isTlsRefusal(error) ? new Error(tlsErrorText(error)) : error;
}

export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** The buffer in an answer. Throws BackupProblem where the proxy answers something else. */
export function bytesOf(reply: unknown): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw new BackupProblem('the proxy answers something else than JUNO.BACKUP should; is it of another version?');
}

/** The items of an answer, all of them buffers, numbers or null. */
export function itemsOf(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw new BackupProblem('the proxy answers something else than JUNO.BACKUP should; is it of another version?');
}
