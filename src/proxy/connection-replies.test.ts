import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { OK } from '../resp/reply.ts';
import { ClientRegistry } from './client-registry.ts';
import { ConnectionReplies } from './connection-replies.ts';

/** Takes what is written when it is told to, as TLS does a little later. */
class SlowSocket extends Socket {
  written: Buffer = Buffer.alloc(0);
  finishWrite: () => void = () => {};

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written = chunk;
    this.finishWrite = done;
  }
}

it('an idle client holds no memory for replies, however late the last one was taken', async () => {
  const clients = new ClientRegistry();
  const socket = new SlowSocket();
  const replies = new ConnectionReplies(socket, clients);
  const lent = (): boolean => clients.replyBlocks.take().buffer !== socket.written.buffer;
  replies.put(OK, 2);
  replies.flush();
  expect(socket.written.toString()).toBe('+OK\r\n');
  replies.trim();
  expect([socket.writableLength, lent()]).toEqual([5, true]);
  socket.finishWrite();
  await new Promise((resolve) => setImmediate(resolve));
  replies.trim();
  expect([socket.writableLength, lent()]).toEqual([0, false]);
  socket.destroy();
});
