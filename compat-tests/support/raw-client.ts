import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Place, portOf, secureContextOf } from './place.ts';
import { type Argument, encodeCommand } from './request.ts';
import { type ReplyNode, readReply } from './resp-reply.ts';

/** Longest wait for one reply: far above any command of the tests, 512 MB strings apart. */
const REPLY_MS = 20_000;

/** A connection, over TCP or TLS, that sends any bytes and hands out the exact bytes of each reply. */
export class RawClient {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #data: Buffer = Buffer.alloc(0);
  #wanted = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake?.();
    });
    // A reset, too, is an end; which one the servers choose depends on what is still unread.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  static connect(place: Place): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const address = { host: '127.0.0.1', port: portOf(place) };
      const isPlain = typeof place === 'number';
      const socket = isPlain ? connect(address) : connectTls({ ...address, secureContext: secureContextOf(place) });
      const ended = (): void => reject(new Error(`the connection to port ${address.port} ended at its beginning`));
      socket.once('error', reject);
      socket.once('close', ended);
      socket.once(isPlain ? 'connect' : 'secureConnect', () => {
        socket.off('error', reject);
        socket.off('close', ended);
        resolve(new RawClient(socket));
      });
    });
  }

  /** The server has closed the connection, and all that it sent was handed out. */
  get isEnded(): boolean {
    return this.#ended && this.#data.length === 0 && this.#chunks.length === 0;
  }

  /** Sends; resolves when the system has taken the bytes. */
  send(bytes: Buffer | string): Promise<void> {
    return new Promise((resolve) => {
      // An error shows as the end of the connection.
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** One command, its reply's exact bytes. Throws at the end of the connection or after `timeoutMs`. */
  async command(args: readonly Argument[], timeoutMs = REPLY_MS): Promise<Buffer> {
    void this.send(encodeCommand(args));
    return this.reply(timeoutMs);
  }

  /** The next reply's exact bytes. Throws at the end of the connection or after `timeoutMs`. */
  async reply(timeoutMs = REPLY_MS): Promise<Buffer> {
    const bytes = await this.replyOrEnd(timeoutMs);
    if (bytes === null) throw new Error('the connection was closed by the server');
    return bytes;
  }

  /** As `reply`, and null at the end of the connection. */
  async replyOrEnd(timeoutMs = REPLY_MS): Promise<Buffer | null> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const node = this.#take();
      if (node !== null) {
        const bytes = this.#data.subarray(0, node.end);
        this.#data = this.#data.subarray(node.end);
        this.#wanted = 0;
        return bytes;
      }
      if (this.#ended) return null;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || !(await this.#more(leftMs))) throw new Error(`no reply within ${timeoutMs} ms`);
    }
  }

  /** Everything that comes until the server closes, or `quietMs` pass without a byte. */
  async drain(quietMs: number): Promise<Buffer> {
    while (!this.#ended && (await this.#more(quietMs))) this.#join();
    this.#join();
    const all = this.#data;
    this.#data = Buffer.alloc(0);
    return all;
  }

  /** Sends nothing more: the server answers what it has, then closes. */
  end(): void {
    this.#socket.end();
  }

  /** From now on takes nothing from the socket; the server's replies pile up there. */
  pauseReading(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  #join(): void {
    if (this.#chunks.length === 0) return;
    this.#data = Buffer.concat([this.#data, ...this.#chunks]);
    this.#chunks = [];
  }

  #take(): ReplyNode | null {
    // Large replies: joined and looked at again only once they have doubled, so that the work stays linear.
    const have = this.#data.length + this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (have < this.#wanted && !this.#ended) return null;
    this.#join();
    if (this.#data.length === 0) return null;
    const node = readReply(this.#data);
    if (node === null) this.#wanted = announcedEnd(this.#data);
    return node;
  }

  /** False when nothing happened for `timeoutMs`. */
  #more(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (something: boolean): void => {
        clearTimeout(timer);
        this.#wake = null;
        resolve(something);
      };
      const timer = setTimeout(() => done(false), timeoutMs);
      this.#wake = () => done(true);
    });
  }
}

/** Of a reply that is a long bulk: where it will end; else one byte more than there is. */
function announcedEnd(data: Buffer): number {
  const lineEnd = data.indexOf('\r\n', 0, 'latin1');
  if (data[0] !== 0x24 || lineEnd < 0) return data.length + 1;
  return lineEnd + 2 + Number(data.toString('latin1', 1, lineEnd)) + 2;
}
