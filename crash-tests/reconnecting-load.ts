import type { Place } from '../compat-tests/support/place.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { encodeCommand } from '../compat-tests/support/request.ts';
import { readReply, showReply } from '../compat-tests/support/resp-reply.ts';
import { LatencyTally } from './latency-tally.ts';

const KEYS_PER_CLIENT = 50;
/** A request that takes longer in all, reconnecting included, has failed: more than any client's own time-out. */
const GIVE_UP_MS = 30_000;
const RECONNECT_MS = 20;
/** A connection that says nothing for so long has failed its request, too. */
const REPLY_MS = 15_000;
const PROBLEMS_KEPT = 20;

/** What happened since the figures were last taken. */
export interface ReconnectingFigures {
  readonly answered: number;
  /** Connections that ended, each of which was made anew. */
  readonly reconnects: number;
  /** Requests that were under way when their connection ended, and were sent again. */
  readonly repeated: number;
  readonly longestMs: number;
  /** Error replies, wrong values, and requests that found no answer in time. */
  readonly problems: readonly string[];
}

/**
 * Clients that do what a client library does by itself: a connection that ends is made anew, and a request without a reply is
 * sent again. Nothing else is repeated; every error reply counts. Each client writes keys of its own, one request at a
 * time, so that sending a write again is harmless and it always knows what a read must answer.
 */
export class ReconnectingLoad {
  readonly #place: Place;
  readonly #written: readonly Map<string, string>[];
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();
  #answered = 0;
  #reconnects = 0;
  #repeated = 0;
  #latencies = new LatencyTally();
  #problems: string[] = [];

  constructor(clients: number, place: Place) {
    this.#place = place;
    this.#written = Array.from({ length: clients }, () => new Map<string, string>());
  }

  start(): void {
    this.#running = Promise.all(this.#written.map((written, index) => this.#run(index, written)));
  }

  /** Resolves when all clients have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  takeFigures(): ReconnectingFigures {
    const figures = {
      answered: this.#answered,
      reconnects: this.#reconnects,
      repeated: this.#repeated,
      longestMs: this.#latencies.longestMs,
      problems: this.#problems,
    };
    this.#answered = 0;
    this.#reconnects = 0;
    this.#repeated = 0;
    this.#latencies = new LatencyTally();
    this.#problems = [];
    return figures;
  }

  /** Reads by another way what was acknowledged last for every key; what is missing or different, in words. */
  async check(place: Place): Promise<string[]> {
    const client = await RawClient.connect(place);
    const lost: string[] = [];
    for (const written of this.#written) {
      for (const [key, value] of written) {
        const reply = text(await client.command(['GET', key]));
        if (reply !== `$"${value}"`) lost.push(`${key}: ${reply}, acknowledged ${value}`);
      }
    }
    client.close();
    return lost;
  }

  async #run(index: number, written: Map<string, string>): Promise<void> {
    const connection = new Reconnecting(
      this.#place,
      () => {
        this.#reconnects += 1;
      },
      (problem) => this.#problem(problem),
    );
    for (let turn = 1; !this.#isStopped; turn++) {
      const key = `rolling-${index}-${turn % KEYS_PER_CLIENT}`;
      const value = `value-${index}-${turn}`;
      if (await this.#ask(connection, ['SET', key, value], '+OK')) written.set(key, value);
      else written.delete(key);
      const expected = written.get(key);
      if (expected !== undefined) await this.#ask(connection, ['GET', key], `$"${expected}"`);
    }
    connection.close();
  }

  /** Whether it was answered as expected. */
  async #ask(connection: Reconnecting, args: readonly string[], expected: string): Promise<boolean> {
    const startMs = performance.now();
    const bytes = encodeCommand(args);
    for (let tries = 0; performance.now() - startMs < GIVE_UP_MS; tries++) {
      if (tries > 0) this.#repeated += 1;
      const reply = await connection.ask(bytes);
      if (reply === null) continue;
      this.#latencies.add(performance.now() - startMs);
      this.#answered += 1;
      const shown = text(reply);
      if (shown !== expected) this.#problem(`${args.join(' ')}: ${shown}, expected ${expected}`);
      return shown === expected;
    }
    this.#problem(`${args.join(' ')}: no answer within ${GIVE_UP_MS} ms`);
    return false;
  }

  #problem(problem: string): void {
    if (this.#problems.length < PROBLEMS_KEPT) this.#problems.push(problem);
  }
}

/** One connection at a time, made anew when it has ended. */
class Reconnecting {
  readonly #place: Place;
  readonly #onReconnect: () => void;
  readonly #onProblem: (problem: string) => void;
  #client: RawClient | null = null;
  #wasConnected = false;

  constructor(place: Place, onReconnect: () => void, onProblem: (problem: string) => void) {
    this.#place = place;
    this.#onReconnect = onReconnect;
    this.#onProblem = onProblem;
  }

  /** Null: the connection ended, or could not be made. */
  async ask(bytes: Buffer): Promise<Buffer | null> {
    this.#client ??= await this.#connect();
    if (this.#client === null) return null;
    void this.#client.send(bytes);
    const reply = await this.#client.replyOrEnd(REPLY_MS).catch((error: Error) => {
      this.#onProblem(error.message);
      return null;
    });
    if (reply === null) this.close();
    return reply;
  }

  close(): void {
    this.#client?.close();
    this.#client = null;
  }

  async #connect(): Promise<RawClient | null> {
    try {
      const client = await RawClient.connect(this.#place);
      if (this.#wasConnected) this.#onReconnect();
      this.#wasConnected = true;
      return client;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      return null;
    }
  }
}

function text(reply: Buffer): string {
  return showReply(readReply(reply) ?? { type: '?', bytes: reply, items: [], end: 0 });
}
