import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../../base/assert.ts';
import { SystemClock } from '../../base/system-clock.ts';
import type { Reply } from '../../resp/reply.ts';
import { ReplyParser } from '../../resp/reply-parser.ts';

const START_WITHIN_MS = 10_000;

/** Null if a redis-server 7.0 is installed, else why comparisons with it are skipped. */
export function whyNoRealRedis(): string | null {
  const found = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (found.error !== undefined) return 'there is no redis-server on this machine';
  const version = /v=(\S+)/.exec(found.stdout)?.[1] ?? 'unknown';
  return version.startsWith('7.0.') ? null : `the redis-server on this machine is ${version}, not 7.0`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'a TCP server has a port');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

/** A connection that sends a command at a time and collects the reply both parsed and as bytes. */
export class RawClient {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #parser = new ReplyParser();
  #waiting: ((reply: Reply) => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#parser.push(chunk);
      const reply = this.#parser.next();
      assert(this.#parser.failure === null, 'a server sends RESP');
      if (reply !== undefined) this.#waiting?.(reply);
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  async send(args: readonly Buffer[]): Promise<{ readonly reply: Reply; readonly bytes: Buffer }> {
    this.#chunks = [];
    const reply = new Promise<Reply>((resolve) => {
      this.#waiting = resolve;
    });
    const parts = args.flatMap((arg) => [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]);
    this.#socket.write(Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]));
    return { reply: await reply, bytes: Buffer.concat(this.#chunks) };
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A redis-server of our own on a free port, without persistence. */
export class RealRedis {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #directory: string;

  constructor(port: number, process: ChildProcess, directory: string) {
    this.port = port;
    this.#process = process;
    this.#directory = directory;
  }

  static async start(...options: readonly string[]): Promise<RealRedis> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'junokv-redis-'));
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
    const process = spawn('redis-server', [...fixed, ...options], { stdio: 'ignore' });
    const redis = new RealRedis(port, process, directory);
    const clock = new SystemClock();
    const deadlineMs = clock.monotonicMs() + START_WITHIN_MS;
    for (;;) {
      try {
        (await RawClient.open(port)).close();
        return redis;
      } catch (error) {
        if (clock.monotonicMs() > deadlineMs) throw error;
        await new Promise<void>((resolve) => clock.after(20, resolve));
      }
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
