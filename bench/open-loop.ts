import type { Socket } from 'node:net';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { BatchWriter } from './commands.ts';
import { seededRandom } from './keys.ts';
import { errorsOf, type Load, lanesOf, openSocket } from './load-client.ts';
import { ReplyCounter } from './reply-counter.ts';

export interface OpenLoad extends Omit<Load, 'pipeline' | 'operation'> {
  readonly operation: 'GET' | 'SET' | 'MIX';
  /** Requests per second, whether or not those before are answered; in a Poisson process. */
  readonly ratePerSecond: number;
}

/** Latencies are from the moment at which a request was to be sent, so that what waits for a late one counts, too. */
export interface OpenFigures {
  readonly answeredPerSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** How late the generator itself was: part of all latencies above. */
  readonly generatorP99Ms: number;
  readonly errors: number;
  /** Requests that had no answer at the end, or were not sent any more because too many had none. */
  readonly unanswered: number;
}

/** The generator looks for due requests this often, and when a reply comes. */
const TICK_MS = 0.2;
/** The first part of a run is not counted. */
const SETTLE_SHARE = 0.2;
/** More unanswered requests than are due in this time: the system cannot hold the rate. */
const BACKLOG_MS = 3_000;
const DRAIN_MS = 3_000;
const US_PER_MS = 1_000;

/** A connection that sends when told to, and remembers when it was to send. */
class Lane {
  readonly counter = new ReplyCounter();
  readonly #socket: Socket;
  readonly #writer: BatchWriter;
  readonly #answered: (intendedMs: number) => void;
  readonly #repliesEach: number;
  /** Intended times of requests under way, from #head on. */
  #intended: number[] = [];
  #head = 0;
  #replies = 0;

  constructor(socket: Socket, writer: BatchWriter, repliesEach: number, answered: (intendedMs: number) => void) {
    this.#socket = socket;
    this.#writer = writer;
    this.#repliesEach = repliesEach;
    this.#answered = answered;
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    // A connection that ends leaves its requests unanswered, which is counted.
    socket.on('error', () => {});
  }

  send(intendedMs: number): void {
    this.#intended.push(intendedMs);
    // A copy: the bytes may wait in the socket while the writer makes the next ones.
    this.#socket.write(Buffer.from(this.#writer.next()));
  }

  #received(chunk: Buffer): void {
    this.#replies += this.counter.push(chunk);
    while (this.#replies >= this.#repliesEach && this.#head < this.#intended.length) {
      this.#replies -= this.#repliesEach;
      this.#answered(this.#intended[this.#head] ?? 0);
      this.#head += 1;
    }
    if (this.#head > 1_000 && this.#head * 2 > this.#intended.length) {
      this.#intended = this.#intended.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** The times at which requests are due, and what came of them. */
class Schedule {
  readonly latency = createHistogram();
  readonly lateness = createHistogram();
  answered = 0;
  sent = 0;
  dropped = 0;
  readonly #lanes: Lane[] = [];
  readonly #random = seededRandom(0);
  readonly #gapMs: number;
  readonly #backlog: number;
  readonly #startMs: number;
  readonly #countFromMs: number;
  readonly #endMs: number;
  #nextMs: number;

  constructor(load: OpenLoad, startMs: number) {
    this.#gapMs = 1_000 / load.ratePerSecond;
    this.#backlog = Math.max(load.connections, (load.ratePerSecond * BACKLOG_MS) / 1_000);
    this.#startMs = startMs;
    this.#countFromMs = startMs + load.durationMs * SETTLE_SHARE;
    this.#endMs = startMs + load.durationMs;
    this.#nextMs = startMs;
  }

  addLane(lane: Lane): void {
    this.#lanes.push(lane);
  }

  get isOver(): boolean {
    return this.#nextMs >= this.#endMs;
  }

  get isDrained(): boolean {
    return this.answered === this.sent;
  }

  get seconds(): number {
    return (this.#endMs - this.#startMs) / 1_000;
  }

  sendDue(): void {
    const nowMs = performance.now();
    while (this.#nextMs <= nowMs && !this.isOver) {
      const lane = this.#lanes[(this.sent + this.dropped) % this.#lanes.length];
      if (lane === undefined || this.sent - this.answered >= this.#backlog) {
        this.dropped += 1;
      } else {
        this.#record(this.lateness, this.#nextMs, nowMs);
        this.sent += 1;
        lane.send(this.#nextMs);
      }
      this.#nextMs -= Math.log(1 - this.#random()) * this.#gapMs;
    }
  }

  arrived(intendedMs: number): void {
    this.answered += 1;
    this.#record(this.latency, intendedMs, performance.now());
  }

  #record(histogram: RecordableHistogram, fromMs: number, toMs: number): void {
    if (fromMs < this.#countFromMs) return;
    histogram.record(Math.max(1, Math.round((toMs - fromMs) * US_PER_MS)));
  }
}

/** Sends requests at a fixed rate, in no way held up by the answers. */
export async function runOpenLoop(load: OpenLoad): Promise<OpenFigures> {
  const lanes = lanesOf(load);
  const sockets = await Promise.all(lanes.map(({ port }) => (load.open ?? openSocket)(port)));
  const schedule = new Schedule(load, performance.now());
  const workload = { ...load, pipeline: 1 };
  const repliesEach = load.waitForReplica && load.operation === 'SET' ? 2 : 1;
  const all = sockets.map((socket, i) => {
    const { chooseKey, random } = lanes[i] ?? { chooseKey: () => 0, random: () => 0 };
    const arrived = (intendedMs: number): void => schedule.arrived(intendedMs);
    const lane = new Lane(socket, new BatchWriter(workload, chooseKey, random), repliesEach, arrived);
    schedule.addLane(lane);
    socket.on('data', () => schedule.sendDue());
    return lane;
  });
  try {
    await paced(schedule);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  const at = (percentile: number): number => schedule.latency.percentile(percentile) / US_PER_MS;
  return {
    answeredPerSecond: schedule.answered / schedule.seconds,
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: schedule.latency.max / US_PER_MS,
    generatorP99Ms: schedule.lateness.percentile(99) / US_PER_MS,
    errors: all.reduce((sum, { counter }) => sum + errorsOf(counter, load.waitForReplica), 0),
    unanswered: schedule.sent - schedule.answered + schedule.dropped,
  };
}

/** Calls the schedule at each tick until it is over, and waits for the answers. */
async function paced(schedule: Schedule): Promise<void> {
  const cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const pacer = new Worker(new URL('./pacer-thread.ts', import.meta.url), { workerData: { cells, tickMs: TICK_MS } });
  let drainEndMs = Number.POSITIVE_INFINITY;
  try {
    await new Promise<void>((resolve, reject) => {
      pacer.on('error', reject);
      pacer.on('message', () => {
        Atomics.store(cells, 1, 0);
        schedule.sendDue();
        if (!schedule.isOver) return;
        const nowMs = performance.now();
        if (drainEndMs === Number.POSITIVE_INFINITY) drainEndMs = nowMs + DRAIN_MS;
        if (schedule.isDrained || nowMs >= drainEndMs) resolve();
      });
    });
  } finally {
    Atomics.store(cells, 0, 1);
    Atomics.notify(cells, 0);
    await pacer.terminate();
  }
}
