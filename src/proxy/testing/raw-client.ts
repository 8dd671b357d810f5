import { connect, type Socket } from 'node:net';

const WAIT_MS = 5_000;

/** A client for tests that sends and expects plain bytes. */
export class RawClient {
  readonly socket: Socket;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#wake();
    });
    socket.on('error', () => {});
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end);
    socket.on('close', end);
  }

  /** To a port of this machine, or to a Unix socket. */
  static connect(where: number | string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const place = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where };
      const socket = connect({ ...place, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Sends one command as a RESP array. */
  command(...words: readonly (string | Buffer)[]): void {
    this.send(encode(words));
  }

  /** The next `count` bytes as latin1; fewer if the connection ends or nothing comes for some seconds. */
  async read(count: number): Promise<string> {
    const deadlineMs = Date.now() + WAIT_MS;
    while (this.#receivedBytes < count && !this.#ended && Date.now() < deadlineMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs - Date.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const all = Buffer.concat(this.#received);
    const taken = all.subarray(0, count);
    this.#received = [all.subarray(taken.length)];
    this.#receivedBytes = all.length - taken.length;
    return taken.toString('latin1');
  }

  /** Sends a command and reads as many bytes as `reply` has: compare the result with it. */
  async ask(reply: string, ...words: readonly (string | Buffer)[]): Promise<string> {
    this.command(...words);
    return this.read(Buffer.byteLength(reply, 'latin1'));
  }

  /** One line of a reply, with its line end. */
  async readLine(): Promise<string> {
    let line = '';
    while (!line.endsWith('\r\n')) {
      const next = await this.read(1);
      if (next === '') return line;
      line += next;
    }
    return line;
  }

  /** A bulk (or RESP3 verbatim) string's content. */
  async readBulk(): Promise<string> {
    const length = Number((await this.readLine()).slice(1));
    return (await this.read(length + 2)).slice(0, -2);
  }

  /** Everything until the server closes; waits for that. */
  readToEnd(): Promise<string> {
    return this.read(Number.MAX_SAFE_INTEGER);
  }

  /** True once the server has closed the connection; waits some seconds for it. */
  async isClosed(): Promise<boolean> {
    await this.readToEnd();
    return this.#ended;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A command as a RESP array; strings are latin1. */
export function encode(words: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(word, 'latin1');
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** Waits until `condition` holds, some seconds at most; returns whether it does. */
export async function eventually(condition: () => boolean): Promise<boolean> {
  const deadlineMs = Date.now() + WAIT_MS;
  while (!condition() && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 5));
  return condition();
}
