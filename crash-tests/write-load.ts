import { randomInt } from 'node:crypto';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { encodeCommand } from '../compat-tests/support/request.ts';
import { readReply, showReply } from '../compat-tests/support/resp-reply.ts';
import { type Change, KeyModel } from './key-model.ts';
import { LatencyTally } from './latency-tally.ts';

/** Every key and every value contains one of these, to be looked for where they must not be readable. */
export const KEY_MARK = 'RecognisableKey';
export const VALUE_MARK = 'RecognisableValue';

const KEYS_PER_WRITER = 300;
const COUNTERS_PER_WRITER = 20;
const SHARED_COUNTERS = 5;
const PIPELINE = 8;
/** One value in so many is large enough for pages. */
const LARGE_ONE_IN = 200;
const LARGE_BYTES = 150_000;
const READ_TOGETHER = 50;
const PROBLEMS_KEPT = 20;
const ACKNOWLEDGED_POLL_MS = 10;

interface Operation {
  readonly args: readonly string[];
  readonly key: string;
  readonly change: Change;
  readonly isShared: boolean;
}

/** Counters that all writers increment: an acknowledged INCR answers a number that no other one answers. */
interface SharedCounter {
  attempted: number;
  readonly answers: Set<string>;
}

export interface LoadFigures {
  readonly acknowledged: number;
  /** Sent and never answered. */
  readonly unanswered: number;
  readonly longestMs: number;
  readonly p99Ms: number;
  /** Error replies to writes of keys that one connection alone writes; some of them in words. */
  readonly errors: number;
  /** Error replies to INCR of keys that all connections write at once. */
  readonly sharedErrors: number;
  readonly problems: readonly string[];
  readonly sharedProblems: readonly string[];
}

export interface CheckFigures {
  readonly keysRead: number;
  /** A key whose value is none that it may have: the acknowledged write is lost, or another was done twice. */
  readonly lost: readonly string[];
}

/** Counts errors and keeps some of them. */
class ErrorTally {
  count = 0;
  readonly kept: string[] = [];

  add(problem: string): void {
    this.count += 1;
    if (this.kept.length < PROBLEMS_KEPT) this.kept.push(problem);
  }
}

/** Writers on several connections, with their own record of what was acknowledged to them. */
export class WriteLoad {
  readonly #models: readonly KeyModel[];
  readonly #shared = new Map<string, SharedCounter>();
  #nextValue = 0;
  #isStopped = false;
  #acknowledged = 0;
  #unanswered = 0;
  #latencies = new LatencyTally();
  #own = new ErrorTally();
  #sharedKeys = new ErrorTally();
  #running: Promise<unknown> = Promise.resolve();
  /** Answers that no right counting gives; shown by the next check. */
  #impossible: string[] = [];

  constructor(writers: number) {
    this.#models = Array.from({ length: writers }, () => new KeyModel());
    for (let i = 0; i < SHARED_COUNTERS; i++) {
      this.#shared.set(`${KEY_MARK}-shared-${i}`, { attempted: 0, answers: new Set() });
    }
  }

  /** Starts all writers, spread over the ports; figures begin at zero. */
  start(ports: readonly number[]): void {
    this.#isStopped = false;
    this.takeFigures();
    const writing = this.#models.map((model, i) => this.#write(i, model, ports[i % ports.length] ?? 0));
    this.#running = Promise.all(writing);
  }

  /** Resolves once a write was acknowledged since the last figures were taken, or after `timeoutMs`. */
  async untilAcknowledged(timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (this.#acknowledged === 0 && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, ACKNOWLEDGED_POLL_MS));
    }
  }

  /** Lets what is under way be answered; resolves when all writers have ended. */
  async stop(): Promise<LoadFigures> {
    this.#isStopped = true;
    await this.#running;
    return this.takeFigures();
  }

  /** What happened since the last call. */
  takeFigures(): LoadFigures {
    const figures = {
      acknowledged: this.#acknowledged,
      unanswered: this.#unanswered,
      longestMs: this.#latencies.longestMs,
      p99Ms: this.#latencies.percentileMs(99),
      errors: this.#own.count,
      sharedErrors: this.#sharedKeys.count,
      problems: this.#own.kept,
      sharedProblems: this.#sharedKeys.kept,
    };
    this.#acknowledged = 0;
    this.#unanswered = 0;
    this.#latencies = new LatencyTally();
    this.#own = new ErrorTally();
    this.#sharedKeys = new ErrorTally();
    return figures;
  }

  async #write(writer: number, model: KeyModel, port: number): Promise<void> {
    const client = await RawClient.connect(port);
    while (!this.#isStopped) {
      const batch = Array.from({ length: PIPELINE }, () => this.#operation(writer));
      for (const operation of batch) this.#sent(model, operation);
      const startMs = performance.now();
      void client.send(Buffer.concat(batch.map(({ args }) => encodeCommand(args))));
      for (const [index, operation] of batch.entries()) {
        const reply = await client.replyOrEnd(60_000);
        if (reply === null) {
          model.cutOff();
          this.#unanswered += batch.length - index;
          return;
        }
        this.#latencies.add(performance.now() - startMs);
        this.#answered(model, operation, showReply(readReply(reply) ?? { type: '?', bytes: reply, items: [], end: 0 }));
      }
    }
    client.close();
  }

  #operation(writer: number): Operation {
    const dice = randomInt(100);
    if (dice < 5) {
      const key = `${KEY_MARK}-shared-${randomInt(SHARED_COUNTERS)}`;
      return { args: ['INCR', key], key, change: (before) => before, isShared: true };
    }
    if (dice < 25) {
      const key = `${KEY_MARK}-${writer}-counter-${randomInt(COUNTERS_PER_WRITER)}`;
      return { args: ['INCR', key], key, change: (before) => String(Number(before ?? 0) + 1), isShared: false };
    }
    const key = `${KEY_MARK}-${writer}-${randomInt(KEYS_PER_WRITER)}`;
    if (dice < 37) return { args: ['DEL', key], key, change: () => null, isShared: false };
    this.#nextValue += 1;
    const unique = `${VALUE_MARK}-${writer}-${this.#nextValue}-`;
    const value = randomInt(LARGE_ONE_IN) === 0 ? unique.repeat(Math.ceil(LARGE_BYTES / unique.length)) : unique;
    return { args: ['SET', key, value], key, change: () => value, isShared: false };
  }

  #sent(model: KeyModel, { key, change, isShared }: Operation): void {
    const counter = isShared ? this.#shared.get(key) : undefined;
    if (counter === undefined) model.sent(key, change);
    else counter.attempted += 1;
  }

  #answered(model: KeyModel, { args, key, isShared }: Operation, reply: string): void {
    if (reply.startsWith('-')) {
      (isShared ? this.#sharedKeys : this.#own).add(`${args[0]} ${key}: ${reply}`);
      if (isShared) return;
      if (reply.startsWith('-UNCERTAIN')) model.unknown(key);
      else model.refused(key);
      return;
    }
    this.#acknowledged += 1;
    const answers = isShared ? this.#shared.get(key)?.answers : undefined;
    if (answers === undefined) {
      const isPossible = model.acknowledged(key, args[0] === 'INCR' ? reply.slice(1) : undefined);
      if (!isPossible) this.#impossible.push(`INCR ${key} answered ${reply}, which cannot be`);
      return;
    }
    if (answers.has(reply)) this.#impossible.push(`INCR ${key} answered ${reply} twice`);
    answers.add(reply);
  }

  /** Reads every key and compares it with what may be there, once nothing is under way. */
  async check(port: number): Promise<CheckFigures> {
    const client = await RawClient.connect(port);
    const lost: string[] = [];
    let keysRead = 0;
    for (const model of this.#models) {
      const { keys } = model;
      for (let i = 0; i < keys.length; i += READ_TOGETHER) {
        const part = keys.slice(i, i + READ_TOGETHER);
        const values = await readKeys(client, part);
        keysRead += part.length;
        for (const [index, key] of part.entries()) {
          const value = values[index] ?? null;
          const allowed = model.allowed(key);
          if (!allowed.includes(value))
            lost.push(`${key}: ${short(value)}, expected ${allowed.map(short).join(' or ')}`);
          model.seen(key, value);
        }
      }
    }
    lost.push(...(await this.#checkShared(client)));
    client.close();
    return { keysRead: keysRead + this.#shared.size, lost };
  }

  async #checkShared(client: RawClient): Promise<string[]> {
    const lost = this.#impossible;
    this.#impossible = [];
    for (const [key, { attempted, answers }] of this.#shared) {
      const [text] = await readKeys(client, [key]);
      const value = Number(text ?? 0);
      if (value < answers.size || value > attempted) {
        lost.push(`${key}: ${value}, but ${answers.size} INCR were acknowledged and ${attempted} sent`);
      }
    }
    return lost;
  }
}

async function readKeys(client: RawClient, keys: readonly string[]): Promise<(string | null)[]> {
  const reply = readReply(await client.command(['MGET', ...keys]));
  if (reply === null || reply.type !== '*') throw new Error(`MGET: ${reply === null ? 'nothing' : showReply(reply)}`);
  return reply.items.map((item) => item.bytes?.toString() ?? null);
}

function short(value: string | null): string {
  if (value === null) return 'no key';
  return value.length > 60 ? `${value.slice(0, 60)}... (${value.length} characters)` : value;
}
