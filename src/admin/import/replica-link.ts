import { open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { encodeCommand, LinkLost, openSocket, type RedisPlace } from './redis-link.ts';

const NEWLINE = 10;
const MARK_BYTES = 40;
const ACK_EVERY_MS = 1_000;
const LONGEST_LINE = 65_536;

/** What a source agreed to. `id` is its replication id from now on; `position` the number of bytes before what it sends next. */
export interface Agreed {
  readonly kind: 'full' | 'continue';
  readonly id: string;
  readonly position: number;
}

/** A connection to a source as its replica: first what it agrees to, then its keys (of a full synchronization), then its stream. */
export class ReplicaLink {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #clock: Clock;
  #held: Buffer = Buffer.alloc(0);
  #acks: Timer | null = null;
  #heardMs: number;
  readonly #watch: Timer;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#clock = clock;
    this.#heardMs = clock.monotonicMs();
    this.#watch = this.#watchSilence();
  }

  /** Throws LinkLost. */
  static async open(place: RedisPlace, clock: Clock): Promise<ReplicaLink> {
    const link = new ReplicaLink(await openSocket(place, clock), clock);
    try {
      const said = [...place.greeting, ['PING'], ['REPLCONF', 'capa', 'eof', 'capa', 'psync2']];
      for (const words of said) {
        link.#send(words);
        const line = await link.#line();
        if (line.startsWith('-')) throw new LinkLost(`${words[0]} was answered: ${line.slice(1)}`);
      }
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Asks for the stream from a position on, or for everything (`id` null). Throws LinkLost; where it refuses, with its words. */
  async agree(id: string | null, position: number): Promise<Agreed> {
    if (id === null) this.#send(['PSYNC', '?', '-1']);
    else this.#send(['PSYNC', id, String(position + 1)]);
    const line = await this.#line();
    const full = /^\+FULLRESYNC ([0-9a-f]{40}) (\d+)$/.exec(line);
    if (full !== null) return { kind: 'full', id: full[1] ?? '', position: Number(full[2]) };
    const more = /^\+CONTINUE(?: ([0-9a-f]{40}))?$/.exec(line);
    if (more !== null) return { kind: 'continue', id: more[1] ?? id ?? '', position };
    throw new LinkLost(`PSYNC was answered: ${line.replace(/^[-+]/, '')}`);
  }

  /** Takes the keys, as an RDB, into a file. Throws LinkLost. */
  async receiveRdb(path: string, onBytes: (received: number, total: number | null) => void): Promise<void> {
    const header = await this.#line();
    const size = /^\$(\d+)$/.exec(header)?.[1];
    const mark = /^\$EOF:(.{40})$/.exec(header)?.[1];
    if (size === undefined && mark === undefined)
      throw new LinkLost(`instead of its keys it sent ${header.slice(0, 80)}`);
    const total = size === undefined ? null : Number(size);
    const file = await open(path, 'w');
    try {
      let received = 0;
      let last: Buffer = Buffer.alloc(0);
      while (total === null || received < total) {
        const chunk = await this.#some();
        const taken = total === null ? chunk : chunk.subarray(0, total - received);
        this.#held = chunk.subarray(taken.length);
        await file.write(taken);
        received += taken.length;
        onBytes(received, total);
        last = Buffer.concat([last, taken.subarray(-MARK_BYTES)]).subarray(-MARK_BYTES);
        if (mark !== undefined && last.toString('latin1') === mark) break;
      }
      if (mark !== undefined) await file.truncate(received - MARK_BYTES);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Some of the stream. Throws LinkLost at its end. */
  receive(): Promise<Buffer> {
    return this.#some();
  }

  /** Tells the source every second how far we are; a source that does not hear from us for long closes the connection. */
  acknowledge(position: () => number): void {
    this.#acks?.cancel();
    const tell = (): void => {
      this.tell(position());
      this.#acks = this.#clock.after(ACK_EVERY_MS, tell);
    };
    tell();
  }

  tell(position: number): void {
    this.#send(['REPLCONF', 'ACK', String(position)]);
  }

  close(): void {
    this.#acks?.cancel();
    this.#watch.cancel();
    this.#socket.destroy();
  }

  #send(words: readonly string[]): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeCommand(words));
  }

  /** A line that is not empty: empty ones say that the source is still there. */
  async #line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(NEWLINE);
      if (end < 0) {
        if (this.#held.length > LONGEST_LINE) throw new LinkLost('the source does not speak as a Redis does');
        const before = this.#held;
        this.#held = Buffer.alloc(0);
        this.#held = Buffer.concat([before, await this.#some()]);
        continue;
      }
      const line = this.#held.toString('latin1', 0, end).trim();
      this.#held = this.#held.subarray(end + 1);
      if (line !== '') return line;
    }
  }

  async #some(): Promise<Buffer> {
    if (this.#held.length > 0) {
      const held = this.#held;
      this.#held = Buffer.alloc(0);
      return held;
    }
    let next: IteratorResult<Buffer>;
    try {
      next = await this.#chunks.next();
    } catch (error) {
      throw new LinkLost(error instanceof Error ? error.message : String(error));
    }
    this.#heardMs = this.#clock.monotonicMs();
    if (next.done === true) throw new LinkLost('the source closed the connection');
    return next.value;
  }

  #watchSilence(): Timer {
    let timer: Timer;
    const look = (): void => {
      if (this.#clock.monotonicMs() - this.#heardMs > limits.importSilenceMs) this.#socket.destroy();
      else timer = this.#clock.after(limits.importSilenceMs / 4, look);
    };
    timer = this.#clock.after(limits.importSilenceMs / 4, look);
    return { cancel: () => timer.cancel() };
  }
}
