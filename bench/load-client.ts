import type { Socket } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { openConnection } from '../compat-tests/support/open-connection.ts';
import { BatchWriter, prefixOf, type Workload } from './commands.ts';
import { type KeyPattern, keyChooser, keyName, seededRandom, slotOf } from './keys.ts';
import { ReplyCounter } from './reply-counter.ts';

const LAST_SLOT = 16_383;

/** A port, and the slots of Redis Cluster that it serves: all of them where there is no cluster. */
export interface Endpoint {
  readonly port: number;
  readonly firstSlot: number;
  readonly lastSlot: number;
}

/** One endpoint for all slots. */
export function wholeEndpoint(port: number): Endpoint {
  return { port, firstSlot: 0, lastSlot: LAST_SLOT };
}

export interface Load extends Workload {
  readonly endpoints: readonly Endpoint[];
  readonly keyPattern: KeyPattern;
  readonly keys: number;
  readonly connections: number;
  readonly durationMs: number;
  /** How it connects; default: plain TCP. */
  readonly open?: (port: number) => Promise<Socket>;
}

/** What a load came to. Latencies are of one batch. */
export interface LoadFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Error replies, keys that were missing, WAITs that no replica answered. */
  readonly errors: number;
  readonly operations: number;
}

/** A batch that is not answered within this fails the run. */
const BATCH_MS = 30_000;
const US_PER_MS = 1_000;

/** One connection: sends a batch, waits for all of its replies, sends the next. */
class Batches {
  readonly counter = new ReplyCounter();
  requests = 0;
  readonly #socket: Socket;
  readonly #writer: BatchWriter;
  readonly #pipeline: number;
  readonly #latency: (us: number) => void;
  #endMs = 0;
  #startMs = 0;
  #left = 0;
  #done: (() => void) | null = null;
  #fail: ((error: Error) => void) | null = null;

  constructor(socket: Socket, writer: BatchWriter, pipeline: number, latency: (us: number) => void) {
    this.#socket = socket;
    this.#writer = writer;
    this.#pipeline = pipeline;
    this.#latency = latency;
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', (error) => this.#fail?.(error));
    socket.on('close', () => this.#fail?.(new Error('the server closed a connection of the load')));
    socket.setTimeout(BATCH_MS, () => socket.destroy(new Error(`no reply within ${BATCH_MS} ms`)));
  }

  run(endMs: number): Promise<void> {
    this.#endMs = endMs;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
      this.#send();
    });
  }

  #send(): void {
    const batch = this.#writer.next();
    this.#left = this.#writer.replies;
    this.#startMs = performance.now();
    this.#socket.write(batch);
  }

  #received(chunk: Buffer): void {
    this.#left -= this.counter.push(chunk);
    if (this.#left > 0) return;
    const nowMs = performance.now();
    this.#latency((nowMs - this.#startMs) * US_PER_MS);
    this.requests += this.#pipeline;
    if (nowMs < this.#endMs) {
      this.#send();
      return;
    }
    this.#fail = null;
    this.#socket.destroy();
    this.#done?.();
  }
}

/** To a port of this machine, over plain TCP. */
export function openSocket(port: number): Promise<Socket> {
  return openConnection({ port, ca: null });
}

/** The keys whose slots each endpoint serves; null where every endpoint serves all. */
export function keysByEndpoint(endpoints: readonly Endpoint[], prefix: string, keys: number): (Int32Array | null)[] {
  if (endpoints.every(({ firstSlot, lastSlot }) => firstSlot === 0 && lastSlot === LAST_SLOT)) {
    return endpoints.map(() => null);
  }
  const lists: number[][] = endpoints.map(() => []);
  for (let index = 0; index < keys; index++) {
    const slot = slotOf(keyName(prefix, index));
    const owner = endpoints.findIndex(({ firstSlot, lastSlot }) => slot >= firstSlot && slot <= lastSlot);
    lists[owner]?.push(index);
  }
  return lists.map((list) => Int32Array.from(list));
}

/** Connections of a load: each belongs to one endpoint, and asks only for keys which that serves, as a cluster client does. */
export interface Lane {
  readonly port: number;
  readonly chooseKey: () => number;
  readonly random: () => number;
}

export function lanesOf(load: Omit<Load, 'durationMs' | 'pipeline' | 'open'>): Lane[] {
  const { endpoints, operation, keyPattern, keys, connections } = load;
  const lists = keysByEndpoint(endpoints, prefixOf(operation), keyPattern === 'one' ? 1 : keys);
  const serving = endpoints.flatMap(({ port }, i) => {
    const list = lists[i] ?? null;
    return list !== null && list.length === 0 ? [] : [{ port, list }];
  });
  return Array.from({ length: connections }, (_, i) => {
    const { port, list } = serving[i % serving.length] ?? { port: 0, list: null };
    const random = seededRandom(i + 1);
    const choose = keyChooser(keyPattern, list?.length ?? keys, random);
    return { port, random, chooseKey: list === null ? choose : () => list[choose()] ?? 0 };
  });
}

/** A closed loop from many connections of this process, for so long. Throws if a connection fails. */
export async function runLoad(load: Load): Promise<LoadFigures> {
  const histogram = createHistogram();
  const record = (us: number): void => histogram.record(Math.max(1, Math.round(us)));
  const lanes = lanesOf(load);
  const sockets = await Promise.all(lanes.map(({ port }) => (load.open ?? openSocket)(port)));
  const all = sockets.map((socket, i) => {
    const lane = lanes[i] ?? { chooseKey: () => 0, random: () => 0 };
    return new Batches(socket, new BatchWriter(load, lane.chooseKey, lane.random), load.pipeline, record);
  });
  const startMs = performance.now();
  try {
    await Promise.all(all.map((batches) => batches.run(startMs + load.durationMs)));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const operations = all.reduce((sum, { requests }) => sum + requests, 0);
  const errors = all.reduce((sum, { counter }) => sum + errorsOf(counter, load.waitForReplica), 0);
  const at = (percentile: number): number => histogram.percentile(percentile) / US_PER_MS;
  return { perSecond: operations / seconds, p50Ms: at(50), p99Ms: at(99), errors, operations };
}

export function errorsOf({ errors, nulls, zeros }: ReplyCounter, waitForReplica: boolean): number {
  return errors + nulls + (waitForReplica ? zeros : 0);
}
