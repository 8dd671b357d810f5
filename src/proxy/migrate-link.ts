import { connect, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Reply } from '../resp/reply.ts';
import { ReplyParser } from '../resp/reply-parser.ts';

/** No connection, or no answer in time; the message is in Redis's words: connecting to, reading to. */
export class MigrateLost extends Error {
  override readonly name = 'MigrateLost';
}

/** A connection to the target of a MIGRATE: one call at a time, each within the command's timeout. */
export class MigrateLink {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #parser = new ReplyParser();
  #waiting: { answer(reply: Reply): void; fail(): void } | null = null;
  #isLost = false;

  private constructor(socket: Socket, timeoutMs: number, clock: Clock) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    socket.on('data', (chunk: Buffer) => {
      this.#parser.push(chunk);
      const reply = this.#parser.next();
      if (this.#parser.failure !== null) socket.destroy();
      else if (reply !== undefined) this.#waiting?.answer(reply);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isLost = true;
      this.#waiting?.fail();
    });
  }

  /** Rejects with MigrateLost. */
  static open(host: string, port: number, timeoutMs: number, clock: Clock): Promise<MigrateLink> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new MigrateLost('connecting to'));
      if (!(port >= 0 && port <= 65_535)) {
        lost();
        return;
      }
      const socket = connect({ host, port, noDelay: true });
      const timer = clock.after(timeoutMs, () => socket.destroy());
      socket.once('close', lost);
      socket.once('error', lost);
      socket.once('connect', () => {
        timer.cancel();
        resolve(new MigrateLink(socket, timeoutMs, clock));
      });
    });
  }

  /** The reply, errors too. Rejects with MigrateLost. */
  call(args: readonly Buffer[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel();
        this.#waiting = null;
      };
      const fail = (): void => {
        end();
        this.#socket.destroy();
        reject(new MigrateLost('reading to'));
      };
      const timer = this.#clock.after(this.#timeoutMs, fail);
      const answer = (reply: Reply): void => {
        end();
        resolve(reply);
      };
      this.#waiting = { answer, fail };
      if (this.#isLost) {
        fail();
        return;
      }
      this.#socket.write(`*${args.length}\r\n`);
      for (const arg of args) {
        this.#socket.write(`$${arg.length}\r\n`);
        this.#socket.write(arg);
        this.#socket.write('\r\n');
      }
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
