import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { limits } from '../../base/limits.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { RedisLink } from './redis-link.ts';
import { SourceReader } from './source-reader.ts';

it('gives up a server that does not answer for so long, counted from when it was asked', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock();
  const place = { host: '127.0.0.1', port, tls: null, greeting: [] };
  const [usual, patient] = [
    await RedisLink.open(place, clock),
    await RedisLink.open(place, clock, limits.importAnswersMs),
  ];
  clock.advance(10 * limits.importSilenceMs);
  const asked = usual.call(['DBSIZE']).catch((error: Error) => error.message);
  patient.call(['DBSIZE']).catch(() => undefined);
  clock.advance(limits.importSilenceMs / 2);
  expect(usual.isLost).toBe(false);
  clock.advance(limits.importSilenceMs);
  expect(await asked).toMatch(/^no answer for \d+ ms$/);
  expect(patient.isLost).toBe(false);
  clock.advance(2 * limits.importAnswersMs);
  expect(patient.isLost).toBe(true);
});

it('waits longer for a cluster that counts its keys', async () => {
  const clock = new ManualClock();
  const turns = setInterval(() => clock.flushTurn(), 1);
  onTestFinished(() => clearInterval(turns));
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => {
        if (bytes.includes('CONFIG')) socket.write('*2\r\n$9\r\ndatabases\r\n$1\r\n1\r\n');
        if (!bytes.includes('DBSIZE')) return;
        clock.advance(5 * limits.importSilenceMs);
        if (!socket.destroyed) socket.write(':7\r\n');
      });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const reader = new SourceReader({ host: '127.0.0.1', port, tls: null, greeting: [] }, clock);
  onTestFinished(() => reader.close());
  expect(await reader.counted()).toEqual([7]);
});
