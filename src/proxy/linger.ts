import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

/**
 * Closes sockets whose last bytes have been written. The input is read and dropped for a while first: closing a socket
 * with unread input resets the connection, and the client would lose the reply that says why.
 */
export class Lingerer {
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes over a socket that has been ended and has no `data` listener any more. */
  add(socket: Socket): void {
    if (this.#sockets.size >= limits.lingeringConnections || socket.readableEnded) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const timer = this.#clock.after(limits.lingerMs, () => socket.destroy());
    socket.on('data', () => {});
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => {
      timer.cancel();
      this.#sockets.delete(socket);
    });
    socket.resume();
  }

  destroyAll(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
  }
}
