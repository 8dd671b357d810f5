import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { waitUntilServing } from '../compat-tests/support/junokv-server.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import {
  type CollectionOperation,
  type CollectionType,
  fillCollection,
  nameOf,
  OPERATIONS,
  PASSES,
  textOf,
} from './collections.ts';
import { median } from './figures.ts';
import { seededRandom } from './keys.ts';
import { describeMachine, type Machine } from './machine.ts';
import type { BenchOptions } from './options.ts';

/** One operation on both sizes. */
export interface OperationResult {
  readonly type: CollectionType;
  readonly title: string;
  /** Medians. */
  readonly smallMs: number;
  readonly largeMs: number;
  /** Of one operation on the large one, by a proxy that remembers none: mean and most. */
  readonly pages: number;
  readonly mostPages: number;
}

/** HGETALL of the large hash by a proxy of its own. */
export interface StreamResult {
  readonly replyBytes: number;
  readonly elapsedMs: readonly number[];
  /** To the first byte. */
  readonly firstMs: number;
  /** How much the proxy's resident memory grew above what it was before, at most. */
  readonly grownBytes: number;
  /** The same while its client took a little at a time. */
  readonly slowGrownBytes: number;
  /** Fields that redis-cli printed with their own values. */
  readonly cliFields: number;
}

export interface CollectionsResult {
  readonly machine: Machine;
  readonly small: number;
  readonly large: number;
  readonly samples: number;
  readonly operations: readonly OperationResult[];
  readonly stream: StreamResult;
}

const SMALL = 100;
const LARGE = { quick: 50_000, normal: 1_000_000, full: 1_000_000 } as const;
const SAMPLES = { quick: 40, normal: 200, full: 500 } as const;
const COUNTED = 20;
const TYPES: readonly CollectionType[] = ['hash', 'set', 'list', 'zset'];
const STREAMS = 3;
const STREAM_MS = 120_000;
const SAMPLE_MS = 5;
/** A slow client takes so much, then waits. */
const SLOW_BYTES = 1_048_576;
const SLOW_PAUSE_MS = 20;
const WARM_UP = 200;
const TRIES = 5;
/** Longer than a proxy counts on nobody else to write what it has just written. */
const TURN_MS = 1_500;

const keyOf = (type: CollectionType, size: 'small' | 'large'): string => `bench:${type}:${size}`;

/** A further proxy of the cluster, with options of its own. */
class OwnProxy {
  readonly port: number;
  readonly #httpPort: number;
  readonly #server: ChildServer;

  private constructor(port: number, httpPort: number, server: ChildServer) {
    this.port = port;
    this.#httpPort = httpPort;
    this.#server = server;
  }

  static async start(cluster: JunokvCluster, options: readonly string[]): Promise<OwnProxy> {
    const [port = 0, httpPort = 0] = await freePorts(2);
    const keystore = ['--keystore', join(cluster.dir, 'keystore.json')];
    const ports = ['--port', `${port}`, '--http-port', `${httpPort}`];
    const server = cluster.command(['proxy', ...ports, ...keystore, ...options]);
    await waitUntilServing(server, port);
    return new OwnProxy(port, httpPort, server);
  }

  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#server.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  }

  /** Pages that it has asked for and written. */
  async pages(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/metrics`);
    const text = await response.text();
    const counted = ['junokv_pages_fetched_total', 'junokv_pages_written_total'].map((name) =>
      Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(text)?.[1]),
    );
    const sum = counted.reduce((total, value) => total + value, 0);
    if (!Number.isFinite(sum)) throw new Error('the proxy does not tell its pages');
    return sum;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

/** How long it took; again where the machine was too busy for the cluster's deadlines. */
async function run(client: RawClient, words: readonly string[]): Promise<number> {
  for (let tries = 1; ; tries++) {
    const startMs = performance.now();
    const reply = (await client.command(words)).toString('latin1');
    if (!reply.startsWith('-')) return performance.now() - startMs;
    const message = `${words[0]}: ${reply.trim()}`;
    if (!PASSES.test(reply) || tries === TRIES) throw new Error(message);
    console.error(`${message} (again)`);
  }
}

/** Small and large in turns, so that what else the machine does weighs on both. */
async function timeOperation(client: RawClient, operation: CollectionOperation, large: number, samples: number) {
  const random = seededRandom(operation.title.length);
  const times = { small: [] as number[], large: [] as number[] };
  for (let n = 0; n < samples; n++) {
    for (const size of ['small', 'large'] as const) {
      const count = size === 'small' ? SMALL : large;
      const i = Math.floor(random() * count);
      times[size].push(await run(client, operation.words(keyOf(operation.type, size), i, count)));
      const undo = operation.undo?.(keyOf(operation.type, size), i, count);
      if (undo !== undefined) await run(client, undo);
    }
  }
  return { smallMs: median(times.small), largeMs: median(times.large) };
}

async function countPages(proxy: OwnProxy, client: RawClient, operation: CollectionOperation, large: number) {
  const random = seededRandom(operation.title.length + 1);
  const counts: number[] = [];
  for (let n = 0; n < COUNTED; n++) {
    const i = Math.floor(random() * large);
    const before = await proxy.pages();
    await run(client, operation.words(keyOf(operation.type, 'large'), i, large));
    counts.push((await proxy.pages()) - before);
    const undo = operation.undo?.(keyOf(operation.type, 'large'), i, large);
    if (undo !== undefined) await run(client, undo);
  }
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return { pages: mean, mostPages: Math.max(...counts) };
}

async function measureOperations(cluster: JunokvCluster, large: number, samples: number): Promise<OperationResult[]> {
  const forgetful = await OwnProxy.start(cluster, ['--page-cache', '0']);
  const timing = await RawClient.connect(cluster.proxyPorts[0] ?? 0);
  const counting = await RawClient.connect(forgetful.port);
  const results: OperationResult[] = [];
  try {
    for (const operation of OPERATIONS) {
      const { type, title } = operation;
      const times = await timeOperation(timing, operation, large, samples);
      // Two proxies that write one key in turns many times a second may be told that nobody knows what became of a write.
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
      const pages = await countPages(forgetful, counting, operation, large);
      console.error(
        `collections: ${title}: ${times.smallMs.toFixed(2)} and ${times.largeMs.toFixed(2)} ms, ${pages.pages} pages`,
      );
      results.push({ type, title, ...times, ...pages });
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    }
  } finally {
    timing.close();
    counting.close();
    await forgetful.stop();
  }
  return results;
}

/** The reply to HGETALL of `fields` fields: its length in bytes, known before it is read. */
function replyBytesOf(fields: number): number {
  const bulk = (length: number): number => 1 + String(length).length + 2 + length + 2;
  let bytes = 1 + String(2 * fields).length + 2;
  for (let i = 0; i < fields; i++) bytes += bulk(nameOf(i).length) + bulk(textOf(i).length);
  return bytes;
}

interface Received {
  readonly elapsedMs: number;
  readonly firstMs: number;
  readonly grownBytes: number;
}

/** Reads a whole reply and looks at the proxy's memory meanwhile; `isSlow`: with pauses. */
function receive(proxy: OwnProxy, key: string, replyBytes: number, isSlow: boolean): Promise<Received> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    const baseBytes = proxy.residentBytes();
    const startMs = performance.now();
    let [received, sincePause, firstMs, mostBytes] = [0, 0, 0, 0];
    const looking = setInterval(() => {
      mostBytes = Math.max(mostBytes, proxy.residentBytes());
    }, SAMPLE_MS);
    const ending = setTimeout(() => socket.destroy(new Error(`${received} bytes within ${STREAM_MS} ms`)), STREAM_MS);
    socket.on('data', (chunk: Buffer) => {
      if (received === 0) firstMs = performance.now() - startMs;
      received += chunk.length;
      sincePause += chunk.length;
      if (received >= replyBytes) socket.destroy();
      else if (isSlow && sincePause >= SLOW_BYTES) {
        sincePause = 0;
        socket.pause();
        setTimeout(() => socket.resume(), SLOW_PAUSE_MS);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearInterval(looking);
      clearTimeout(ending);
      if (received === replyBytes) {
        resolve({ elapsedMs: performance.now() - startMs, firstMs, grownBytes: Math.max(0, mostBytes - baseBytes) });
      } else reject(new Error(`HGETALL: ${received} bytes in place of ${replyBytes}`));
    });
    socket.write(`*2\r\n$7\r\nHGETALL\r\n$${key.length}\r\n${key}\r\n`);
  });
}

/** Fields that redis-cli prints with the value that belongs to them; throws if a line is anything else, or comes twice. */
function readWithRedisCli(port: number, key: string, fields: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const cli = spawn('redis-cli', ['-p', `${port}`, 'HGETALL', key], { stdio: ['ignore', 'pipe', 'inherit'] });
    const seen = new Uint8Array(fields);
    let [rest, field, found] = ['', null as number | null, 0];
    cli.stdout.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (field === null) field = Number(line.slice(nameOf(0).indexOf(':') + 1));
        else {
          if (line === textOf(field) && seen[field] === 0) found++;
          seen[field] = 1;
          field = null;
        }
      }
    });
    cli.on('error', reject);
    cli.on('close', () => resolve(found));
  });
}

async function measureStream(cluster: JunokvCluster, large: number): Promise<StreamResult> {
  const key = keyOf('hash', 'large');
  const replyBytes = replyBytesOf(large);
  const proxy = await OwnProxy.start(cluster, []);
  try {
    // The program has run before, and holds what it holds anyway.
    const client = await RawClient.connect(proxy.port);
    for (let i = 0; i < WARM_UP; i++) await run(client, ['HGETALL', keyOf('hash', 'small')]);
    client.close();
    const slow = await receive(proxy, key, replyBytes, true);
    const fast: Received[] = [];
    for (let i = 0; i < STREAMS; i++) fast.push(await receive(proxy, key, replyBytes, false));
    const grownBytes = Math.max(...fast.map((one) => one.grownBytes), slow.grownBytes);
    const cliFields = await readWithRedisCli(proxy.port, key, large);
    console.error(`collections: HGETALL: ${(grownBytes / 1e6).toFixed(1)} MB grown, ${cliFields} fields by redis-cli`);
    return {
      replyBytes,
      elapsedMs: fast.map(({ elapsedMs }) => elapsedMs),
      firstMs: median(fast.map(({ firstMs }) => firstMs)),
      ...{ grownBytes, slowGrownBytes: slow.grownBytes, cliFields },
    };
  } finally {
    await proxy.stop();
  }
}

/** Single operations on large collections beside small ones, and a large reply that streams. */
export async function measureCollections({ form }: BenchOptions): Promise<CollectionsResult> {
  const machine = describeMachine();
  const [large, samples] = [LARGE[form], SAMPLES[form]];
  const cluster = await JunokvCluster.start(1);
  try {
    const client = await RawClient.connect(cluster.proxyPorts[0] ?? 0);
    for (const type of TYPES) {
      const startMs = performance.now();
      await fillCollection(client, type, keyOf(type, 'small'), SMALL);
      await fillCollection(client, type, keyOf(type, 'large'), large);
      console.error(
        `collections: ${type} of ${large} filled in ${((performance.now() - startMs) / 1_000).toFixed(0)} s`,
      );
    }
    client.close();
    const stream = await measureStream(cluster, large);
    const operations = await measureOperations(cluster, large, samples);
    return { machine, small: SMALL, large, samples, operations, stream };
  } finally {
    await cluster.stop();
  }
}
