/** The process of IdleClients: does what it is told over the channel to its parent. */
import type { Socket } from 'node:net';
import type { IdleAnswer, IdleOrder } from './idle-clients.ts';
import { openConnection, type Place } from './open-connection.ts';

/** Connections from one address: the more of its 28,000 ports are taken, or were lately, the longer the system looks for one. */
const PER_ADDRESS = 1_000;
/** A connection is refused, too, where many others are being opened. */
const TRIES = 10;
const RETRY_MS = 500;
const PONG = '+PONG\r\n';

const sockets = new Set<Socket>();
/** Of this process, since its start. */
let connections = 0;
let isClosing = false;
let lost = 0;

/** A loopback address that no other process of this kind has used lately. */
function nextAddress(): string {
  const number = Math.floor(connections / PER_ADDRESS);
  connections += 1;
  return `127.${1 + (process.pid % 250)}.${1 + ((process.pid >> 8) % 250)}.${1 + (number % 250)}`;
}

async function openOne(place: Place): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryToOpen(place);
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function tryToOpen(place: Place): Promise<void> {
  const socket = await openConnection(place, nextAddress());
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the server closed an idle connection')));
    socket.once('data', (reply: Buffer) => {
      if (reply.toString('latin1') === PONG) resolve();
      else reject(new Error(`PING of an idle connection was answered ${reply.toString('latin1')}`));
    });
    socket.write('PING\r\n');
  }).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  sockets.add(socket);
  socket.on('close', () => {
    sockets.delete(socket);
    if (!isClosing) lost += 1;
  });
  // Its client is idle, but somebody who reads would be needed to see that the server has closed it.
  socket.resume();
}

async function open({ place, count, atOnce }: Extract<IdleOrder, { kind: 'open' }>): Promise<void> {
  let next = 0;
  isClosing = false;
  lost = 0;
  const some = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await openOne(place);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, some));
}

async function close(): Promise<void> {
  isClosing = true;
  const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}

async function obey(order: IdleOrder): Promise<IdleAnswer> {
  if (order.kind === 'open') {
    await open(order);
    return { kind: 'opened' };
  }
  if (order.kind === 'count lost') return { kind: 'counted', lost };
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
