import { type BoundSocket, Socket } from 'node:net';
import { limits } from '../base/limits.ts';

/**
 * Where the bytes of every client arrive first: one buffer, in which they stay only as long as `receive` takes to copy
 * them. Node would otherwise make 64 KB for each read, however little it brings, and a client's request is mostly small.
 */
export class ClientInput {
  readonly #buffer = Buffer.allocUnsafeSlow(limits.clientReadBytes);

  /**
   * A socket over the connection of `accepted`, which has not been read from (`pauseOnConnect`) and is of no use any
   * more. `receive` gets what arrives, in memory that stays as it is; the socket emits no `data`.
   */
  socketOf(accepted: Socket, receive: (chunk: Buffer) => void): Socket {
    // A server's sockets cannot be given a buffer to read into, only those that are made from a handle.
    const handle: unknown = Reflect.get(accepted, '_handle');
    if (typeof handle !== 'object' || handle === null) {
      accepted.on('data', receive);
      return accepted;
    }
    Reflect.set(accepted, '_handle', null);
    accepted.destroy();
    return new Socket({
      // The declarations know one kind of handle; Node takes any.
      handle: handle as BoundSocket,
      allowHalfOpen: accepted.allowHalfOpen,
      onread: {
        buffer: this.#buffer,
        callback: (length: number): boolean => {
          receive(copyOf(this.#buffer, length));
          return true;
        },
      },
    });
  }
}

function copyOf(buffer: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  buffer.copy(copy, 0, 0, length);
  return copy;
}
