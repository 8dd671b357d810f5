import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Figures } from './figures.ts';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** SETs in one write. */
  readonly pipeline: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** End each batch with WAIT 1: one replica, too, must have it. */
  readonly waitForReplica: boolean;
  readonly durationMs: number;
}

/** A WAIT that a replica does not answer within this is counted as an error. */
const WAIT_MS = 1_000;
const COLON = 0x3a;
const MINUS = 0x2d;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/** As redis-benchmark names its keys. */
export function benchmarkKey(index: number): string {
  return `key:${String(index).padStart(12, '0')}`;
}

/** One connection: sends a batch, waits for all of its replies, sends the next. */
class Batches {
  readonly latenciesMs: number[] = [];
  requests = 0;
  errors = 0;
  readonly #socket: Socket;
  readonly #options: LoadOptions;
  readonly #value: string;
  readonly #done: () => void;
  #endMs = 0;
  #startMs = 0;
  #left = 0;
  #atLineStart = true;
  #isWaitLine = false;

  constructor(socket: Socket, options: LoadOptions, done: () => void) {
    this.#socket = socket;
    this.#options = options;
    this.#value = `$${options.valueBytes}\r\n${'x'.repeat(options.valueBytes)}\r\n`;
    this.#done = done;
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('close', done);
    socket.on('error', () => {
      this.errors += 1;
    });
  }

  start(endMs: number): void {
    this.#endMs = endMs;
    this.#send();
  }

  #send(): void {
    const { pipeline, keys, waitForReplica } = this.#options;
    let batch = '';
    for (let i = 0; i < pipeline; i++) {
      batch += `*3\r\n$3\r\nSET\r\n$16\r\n${benchmarkKey(randomInt(keys))}\r\n${this.#value}`;
    }
    if (waitForReplica) batch += `*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$${String(WAIT_MS).length}\r\n${WAIT_MS}\r\n`;
    this.#left = pipeline + (waitForReplica ? 1 : 0);
    this.#startMs = performance.now();
    this.#socket.write(batch, 'latin1');
  }

  /** Every reply is one line: +OK, -ERR ..., or :replicas. */
  #received(chunk: Buffer): void {
    for (const byte of chunk) {
      if (this.#atLineStart) {
        if (byte === MINUS) this.errors += 1;
        this.#isWaitLine = byte === COLON;
        this.#atLineStart = false;
      } else if (this.#isWaitLine && byte === ZERO) {
        // No replica: with two of them, a count of 10 or more cannot be.
        this.errors += 1;
      }
      if (byte !== NEWLINE) continue;
      this.#atLineStart = true;
      this.#left -= 1;
      if (this.#left === 0) this.#batchDone();
    }
  }

  #batchDone(): void {
    const nowMs = performance.now();
    this.latenciesMs.push(nowMs - this.#startMs);
    this.requests += this.#options.pipeline;
    if (nowMs < this.#endMs) this.#send();
    else this.#socket.end(this.#done);
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

/** SETs of random keys from many connections of this process, for so long. */
export async function runLoad(options: LoadOptions): Promise<Figures> {
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => open(options.port)));
  const startMs = performance.now();
  const all: Batches[] = [];
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((done) => {
          const batches = new Batches(socket, options, done);
          all.push(batches);
          batches.start(startMs + options.durationMs);
        }),
    ),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  const latencies = all.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor((latencies.length - 1) * part)] ?? 0;
  const requests = all.reduce((sum, batches) => sum + batches.requests, 0);
  const errors = all.reduce((sum, batches) => sum + batches.errors, 0);
  return { perSecond: requests / seconds, p50Ms: at(0.5), p99Ms: at(0.99), errors };
}

/** Sets all keys of the benchmark to values of this size, so that every GET finds something. */
export async function fillKeys(port: number, keys: number, valueBytes: number): Promise<void> {
  const socket = await open(port);
  const value = `$${valueBytes}\r\n${'x'.repeat(valueBytes)}\r\n`;
  const together = 500;
  for (let first = 0; first < keys; first += together) {
    const count = Math.min(together, keys - first);
    let batch = '';
    for (let i = 0; i < count; i++) batch += `*3\r\n$3\r\nSET\r\n$16\r\n${benchmarkKey(first + i)}\r\n${value}`;
    await new Promise<void>((resolve, reject) => {
      let text = '';
      const take = (chunk: Buffer): void => {
        text += chunk.toString('latin1');
        if (text.length < count * 5) return;
        socket.off('data', take);
        if (text === '+OK\r\n'.repeat(count)) resolve();
        else reject(new Error(`filling the keys: ${text.slice(0, 200)}`));
      };
      socket.on('data', take);
      socket.write(batch, 'latin1');
    });
  }
  socket.destroy();
}
