import { readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../base/limits.ts';

const READ_BYTES = 1_048_576;
const NAME = /^stream-(\d+)\.part$/;

interface Part {
  /** Position in the stream of the file's first byte. */
  readonly start: number;
  length: number;
}

/**
 * A server's command stream on its way to the target, in files of a directory: as much as the source sends while the target
 * is slower. A position is the number of the stream's bytes before it, as the source counts them.
 */
export class StreamSpool {
  readonly #directory: string;
  #parts: Part[];
  #writing: FileHandle | null = null;
  #reading: { readonly part: Part; readonly file: FileHandle } | null = null;
  #waiting: (() => void)[] = [];

  /** What earlier runs left in the directory is there. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#parts = readdirSync(directory)
      .flatMap((name) => {
        const start = NAME.exec(name)?.[1];
        return start === undefined ? [] : [{ start: Number(start), length: statSync(join(directory, name)).size }];
      })
      .sort((a, b) => a.start - b.start);
  }

  /** The position behind the last byte; 0 where there is none. */
  get end(): number {
    const last = this.#parts.at(-1);
    return last === undefined ? 0 : last.start + last.length;
  }

  /** Forgets everything; the next bytes are those at `position`. */
  async reset(position: number): Promise<void> {
    await this.close();
    for (const part of this.#parts) rmSync(this.#path(part), { force: true });
    const part = { start: position, length: 0 };
    this.#parts = [part];
    // Its name says where to go on, even if nothing comes.
    this.#writing = await open(this.#path(part), 'w');
  }

  async append(bytes: Buffer): Promise<void> {
    let part = this.#parts.at(-1) ?? { start: 0, length: 0 };
    if (part.length >= limits.importSpoolPartBytes) {
      await this.#writing?.close();
      this.#writing = null;
      part = { start: this.end, length: 0 };
      this.#parts.push(part);
    }
    this.#writing ??= await open(this.#path(part), 'a');
    await this.#writing.write(bytes);
    part.length += bytes.length;
    this.wake();
  }

  /** Bytes from a position on, some of them; null where there are none yet. */
  async read(position: number): Promise<Buffer | null> {
    const part = this.#parts.find(({ start, length }) => position >= start && position < start + length);
    if (part === undefined) return null;
    if (this.#reading?.part !== part) {
      await this.#reading?.file.close();
      this.#reading = { part, file: await open(this.#path(part), 'r') };
    }
    const bytes = Buffer.allocUnsafe(Math.min(READ_BYTES, part.start + part.length - position));
    const { bytesRead } = await this.#reading.file.read(bytes, 0, bytes.length, position - part.start);
    return bytes.subarray(0, bytesRead);
  }

  /** Bytes before this position are not asked for any more. */
  drop(position: number): void {
    while (this.#parts.length > 1) {
      const [first] = this.#parts;
      if (first === undefined || first.start + first.length > position) return;
      this.#parts.shift();
      if (this.#reading?.part !== first) rmSync(this.#path(first), { force: true });
      else {
        this.#reading.file.close().catch(() => undefined);
        this.#reading = null;
        rmSync(this.#path(first), { force: true });
      }
    }
  }

  /** Resolves when something may have changed. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async close(): Promise<void> {
    await this.#writing?.close();
    await this.#reading?.file.close();
    this.#writing = null;
    this.#reading = null;
  }

  #path({ start }: Part): string {
    return join(this.#directory, `stream-${start}.part`);
  }
}
