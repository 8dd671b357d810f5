/** The process of IdleClients: does what it is told over the channel to its parent. */
import type { Socket } from 'node:net';
import type { IdleAnswer, IdleOrder } from './idle-clients.ts';
import { openConnection, type Place } from './open-connection.ts';

/** Connections that are being opened at once: fewer than the server's backlog holds. */
const AT_ONCE = 64;
/** Connections from one address: all of its ports are some 28,000, and those of closed ones are not free at once. */
const PER_ADDRESS = 4_000;
const FIRST_ADDRESS = 2;
const PONG = '+PONG\r\n';

const sockets = new Set<Socket>();
let isClosing = false;
let lost = 0;

async function openOne(place: Place, number: number): Promise<void> {
  const socket = await openConnection(place, `127.0.0.${FIRST_ADDRESS + Math.floor(number / PER_ADDRESS)}`);
  sockets.add(socket);
  socket.on('close', () => {
    sockets.delete(socket);
    if (!isClosing) lost += 1;
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the server closed an idle connection')));
    socket.once('data', (reply: Buffer) => {
      if (reply.toString('latin1') === PONG) resolve();
      else reject(new Error(`PING of an idle connection was answered ${reply.toString('latin1')}`));
    });
    socket.write('PING\r\n');
  });
  // Its client is idle, but somebody who reads would be needed to see that the server has closed it.
  socket.resume();
}

async function open(place: Place, count: number): Promise<void> {
  let next = 0;
  isClosing = false;
  lost = 0;
  const some = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await openOne(place, next - 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
}

async function close(): Promise<void> {
  isClosing = true;
  const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}

async function obey(order: IdleOrder): Promise<IdleAnswer> {
  if (order.kind === 'open') {
    await open(order.place, order.count);
    return { kind: 'opened' };
  }
  await close();
  return { kind: 'closed', lost };
}

process.on('message', (order: IdleOrder) => {
  void obey(order)
    .catch((error: unknown): IdleAnswer => ({ kind: 'failed', problem: String(error) }))
    .then((answer) => process.send?.(answer));
});
// The parent has ended.
process.on('disconnect', () => process.exit());
