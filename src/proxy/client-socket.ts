import { type BoundSocket, Socket } from 'node:net';
import { limits } from '../base/limits.ts';

/** Who serves a client's socket, and is told of all that happens to it. */
export interface SocketOwner {
  /** Bytes from the client, in memory that stays as it is. */
  received(chunk: Buffer): void;
  /** The client has sent its last. */
  inputEnded(): void;
  /** What had to wait has been written. */
  drained(): void;
  /** `closed` follows. */
  failed(error: Error): void;
  closed(): void;
}

const OWNER = Symbol('owner');

interface OwnedSocket extends Socket {
  [OWNER]?: SocketOwner;
}

/**
 * From now on `owner` is told what happens on `socket`. The listeners are the same functions for all sockets: closures for
 * each would be a good part of what an idle connection holds. Bytes come by themselves if ClientInput made the socket; of
 * another one, `receiveData` brings them.
 */
export function giveSocket(socket: Socket, owner: SocketOwner): void {
  (socket as OwnedSocket)[OWNER] = owner;
  socket.on('drain', onDrain);
  socket.on('end', onEnd);
  socket.on('error', onError);
  socket.on('close', onClose);
}

/** Gives what comes as `data` of a socket that ClientInput did not make to its owner. */
export function receiveData(socket: Socket): void {
  socket.on('data', onData);
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[OWNER]?.received(chunk);
}

function onDrain(this: OwnedSocket): void {
  this[OWNER]?.drained();
}

function onEnd(this: OwnedSocket): void {
  this[OWNER]?.inputEnded();
}

function onError(this: OwnedSocket, error: Error): void {
  this[OWNER]?.failed(error);
}

function onClose(this: OwnedSocket): void {
  this[OWNER]?.closed();
}

/**
 * Where the bytes of every client arrive first: one buffer, in which they stay only as long as it takes to copy them.
 * Node would otherwise make 64 KB for each read, however little it brings, and a client's request is mostly small.
 */
export class ClientInput {
  readonly #options: { readonly buffer: Buffer; callback(length: number): boolean };

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(limits.clientReadBytes);
    this.#options = {
      buffer,
      // Node calls it on the socket, so that one function serves all.
      callback(this: unknown, length: number): boolean {
        (this as OwnedSocket)[OWNER]?.received(copyOf(buffer, length));
        return true;
      },
    };
  }

  /**
   * A socket over the connection of `accepted`, which has not been read from (`pauseOnConnect`) and is of no use any more;
   * null if the client has gone already. The socket emits no `data`: its owner gets what arrives (`giveSocket`, in this turn).
   */
  socketOf(accepted: Socket): Socket | null {
    // A server's sockets cannot be given a buffer to read into, only those that are made from a handle.
    const handle: unknown = Reflect.get(accepted, '_handle');
    Reflect.set(accepted, '_handle', null);
    accepted.destroy();
    if (typeof handle !== 'object' || handle === null) return null;
    return new Socket({
      // The declarations know one kind of handle; Node takes any.
      handle: handle as BoundSocket,
      allowHalfOpen: accepted.allowHalfOpen,
      onread: this.#options,
    });
  }
}

function copyOf(buffer: Buffer, length: number): Buffer {
  // A large value that is most of it can stay where it is, which it could not in a piece that Node shares out.
  const isOwn = length >= limits.clientOwnReadBytes;
  const copy = isOwn ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length);
  buffer.copy(copy, 0, 0, length);
  return copy;
}

/** Bytes that the system has not taken from `socket` yet: unlike what the stream counts, they shrink while one write goes on. */
export function bytesUnsent(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('writeQueueSize' in handle)) return 0;
  return Number(handle.writeQueueSize);
}
