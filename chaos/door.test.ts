import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../compat-tests/support/free-port.ts';
import { Door } from './door.ts';

const SHORT_MS = 80;

describe('a door', () => {
  let echo: Server;
  let door: Door;
  let port: number;
  const clients: Socket[] = [];
  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => socket.write(chunk));
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const address = echo.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    port = await freePort();
    door = await Door.start(port, address.port);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await door.stop();
    echo.close();
  });

  /** What came back so far, and whether the connection has ended. */
  async function come(): Promise<{ socket: Socket; seen: { text: string; isCut: boolean } }> {
    const socket = connect(port, '127.0.0.1');
    clients.push(socket);
    const seen = { text: '', isCut: false };
    socket.setEncoding('utf8').on('data', (text: string) => {
      seen.text += text;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      seen.isCut = true;
    });
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return { socket, seen };
  }

  async function pass(ms = SHORT_MS): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  it('passes on what comes while it is open', async () => {
    const { socket, seen } = await come();
    socket.write('one');
    await expect.poll(() => seen.text).toBe('one');
  });

  it('cuts everybody off while it is shut', async () => {
    const { seen } = await come();
    door.set({ kind: 'shut' });
    await expect.poll(() => seen.isCut).toBe(true);
    const late = await come();
    await expect.poll(() => late.seen.isCut).toBe(true);
    door.open();
    const { socket, seen: again } = await come();
    socket.write('two');
    await expect.poll(() => again.text).toBe('two');
  });

  it.each([
    { requests: true, replies: false },
    { requests: false, replies: true },
  ])('holds what comes, and passes it on late, in order: %o', async (side) => {
    const { socket, seen } = await come();
    door.set({ kind: 'hold', ...side });
    socket.write('one');
    await pass();
    socket.write('two');
    await pass();
    expect(seen.text).toBe('');
    door.open();
    await expect.poll(() => seen.text).toBe('onetwo');
  });

  it('loses what comes, and cuts those who have lost something when it opens', async () => {
    const { socket, seen } = await come();
    const idle = await come();
    door.set({ kind: 'lose', requests: false, replies: true });
    socket.write('one');
    await pass();
    expect(seen).toEqual({ text: '', isCut: false });
    door.open();
    await expect.poll(() => seen.isCut).toBe(true);
    expect(idle.seen.isCut).toBe(false);
  });

  it('delays both ways, and never turns the order', async () => {
    const { socket, seen } = await come();
    const startMs = performance.now();
    door.set({ kind: 'delay', delayMs: 100 });
    socket.write('one');
    await pass(20);
    door.open();
    socket.write('two');
    await expect.poll(() => seen.text).toBe('onetwo');
    expect(performance.now() - startMs).toBeGreaterThan(95);
  });
});
