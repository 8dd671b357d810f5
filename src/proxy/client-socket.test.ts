import { once } from 'node:events';
import { connect, createServer, type Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientInput, giveSocket } from './client-socket.ts';

interface Pair {
  readonly client: Socket;
  /** What the server's side is, over the connection that was accepted. */
  readonly socket: Socket;
  readonly accepted: Socket;
  readonly chunks: Buffer[];
}

const servers: Server[] = [];
const sockets: Socket[] = [];

async function pair(input: ClientInput): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  const client = connect(address.port, '127.0.0.1');
  const [accepted]: Socket[] = await once(server, 'connection');
  if (accepted === undefined) throw new Error('a connection comes with its socket');
  const chunks: Buffer[] = [];
  const socket = input.socketOf(accepted);
  if (socket === null) throw new Error('the client is there');
  giveSocket(socket, {
    received: (chunk) => chunks.push(chunk),
    inputEnded() {},
    drained() {},
    failed() {},
    closed() {},
  });
  sockets.push(client, socket);
  return { client, socket, accepted, chunks };
}

/** Resolves when `chunks` hold so many bytes. */
async function arrived(chunks: readonly Buffer[], bytes: number): Promise<void> {
  while (chunks.reduce((sum, chunk) => sum + chunk.length, 0) < bytes) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

describe('ClientInput', () => {
  it('gives every client its bytes in memory of their own, though all are read into one buffer', async () => {
    const input = new ClientInput();
    const [one, two] = [await pair(input), await pair(input)];
    one.client.write('first');
    await arrived(one.chunks, 5);
    two.client.write('second');
    await arrived(two.chunks, 6);
    one.client.write('third');
    await arrived(one.chunks, 10);
    expect(one.chunks.map(String)).toEqual(['first', 'third']);
    expect(two.chunks.map(String)).toEqual(['second']);
  });

  it('leaves nothing of the accepted socket, whose server may then close', async () => {
    const { socket, accepted, client } = await pair(new ClientInput());
    expect(socket).not.toBe(accepted);
    expect(socket.remotePort).toBe(client.localPort);
    expect(accepted.destroyed).toBe(true);
    const [server] = servers.splice(0);
    await new Promise((resolve) => server?.close(resolve));
    expect(socket.destroyed).toBe(false);
  });

  it('reads nothing while paused, and goes on with what has waited', async () => {
    const { socket, client, chunks } = await pair(new ClientInput());
    socket.pause();
    client.write('waits');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(chunks).toEqual([]);
    socket.resume();
    await arrived(chunks, 5);
    expect(String(chunks[0])).toBe('waits');
  });

  it('ends where the client ends, and can still answer', async () => {
    const { socket, client, chunks } = await pair(new ClientInput());
    const ended = once(socket, 'end');
    client.end('last words');
    await ended;
    expect(Buffer.concat(chunks).toString()).toBe('last words');
    socket.end('answer');
    const [answer]: Buffer[] = await once(client, 'data');
    expect(String(answer)).toBe('answer');
  });

  it('makes nothing of a client that has gone already', () => {
    expect(new ClientInput().socketOf(new Socket())).toBeNull();
  });
});
