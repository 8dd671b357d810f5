import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type FaultPlan, FaultProxy } from './fault-proxy.ts';

const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Answers every chunk `x` with `<x>`, and keeps what it was sent. */
async function startEcho(): Promise<{ port: number; received: string[]; ended: () => number }> {
  const received: string[] = [];
  let ended = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      ended += 1;
    });
    socket.on('data', (chunk) => {
      received.push(chunk.toString());
      socket.write(`<${chunk.toString()}>`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, received, ended: () => ended };
}

async function startProxy(upstreamPort: number, plan: FaultPlan | null, onReply?: (chunk: Buffer) => void) {
  const proxy = await FaultProxy.start({ upstreamPort, plan: () => plan, ...(onReply && { onReply }) });
  open.push(() => proxy.stop());
  return proxy;
}

interface Peer {
  readonly socket: Socket;
  readonly text: () => string;
  readonly isClosed: () => boolean;
}

function dial(port: number): Peer {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  open.push(() => {
    socket.destroy();
  });
  return { socket, text: () => text, isClosed: () => closed };
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

describe('FaultProxy', () => {
  it('without a plan passes everything on, both ways, and the end', async () => {
    const echo = await startEcho();
    const replies: string[] = [];
    const proxy = await startProxy(echo.port, null, (chunk) => replies.push(chunk.toString()));
    const peer = dial(proxy.port);
    for (const [index, text] of ['a', 'b', 'c'].entries()) {
      peer.socket.write(text);
      await until(() => peer.text().length === 3 * (index + 1));
    }
    expect(peer.text()).toBe('<a><b><c>');
    expect(replies).toEqual(['<a>', '<b>', '<c>']);
    peer.socket.end();
    await until(() => echo.ended() === 1 && peer.isClosed());
    expect(proxy.struck.size).toBe(0);
  });

  it('cuts a reply in the middle, after those that may pass', async () => {
    const echo = await startEcho();
    const proxy = await startProxy(echo.port, { kind: 'cut-reply', afterChunks: 1, delayMs: 0 });
    const peer = dial(proxy.port);
    peer.socket.write('first');
    await until(() => peer.text() === '<first>');
    peer.socket.write('second');
    await until(peer.isClosed);
    expect(peer.text()).toBe('<first><sec');
    expect(echo.received).toEqual(['first', 'second']);
    await until(() => echo.ended() === 1);
    expect(proxy.struck.get('cut-reply')).toBe(1);
  });

  it('cuts a request in the middle', async () => {
    const echo = await startEcho();
    const proxy = await startProxy(echo.port, { kind: 'cut-request', afterChunks: 0, delayMs: 0 });
    const peer = dial(proxy.port);
    peer.socket.write('request');
    await until(peer.isClosed);
    expect('request'.startsWith(echo.received.join(''))).toBe(true);
    expect(echo.received.join('').length).toBeLessThan('request'.length);
  });

  it('loses replies while requests go on, until calm', async () => {
    const echo = await startEcho();
    const replies: string[] = [];
    const plan = { kind: 'lose-replies', afterChunks: 1, delayMs: 0 } as const;
    const proxy = await startProxy(echo.port, plan, (chunk) => replies.push(chunk.toString()));
    const peer = dial(proxy.port);
    for (const text of ['a', 'b', 'c']) {
      peer.socket.write(text);
      await until(() => replies.includes(`<${text}>`));
    }
    await pause(20);
    expect(peer.text()).toBe('<a>');
    expect(peer.isClosed()).toBe(false);
    proxy.calm();
    await until(peer.isClosed);
    const later = dial(proxy.port);
    for (const text of ['d', 'e', 'f']) {
      later.socket.write(text);
      await until(() => later.text().endsWith(`<${text}>`));
    }
    expect(proxy.struck.get('lose-replies')).toBe(1);
  });

  it('loses requests', async () => {
    const echo = await startEcho();
    const proxy = await startProxy(echo.port, { kind: 'lose-requests', afterChunks: 1, delayMs: 0 });
    const peer = dial(proxy.port);
    peer.socket.write('a');
    await until(() => peer.text() === '<a>');
    peer.socket.write('b');
    await until(() => proxy.struck.get('lose-requests') === 1);
    await pause(20);
    expect(echo.received).toEqual(['a']);
  });

  it('delays a reply, and what is behind it keeps its place', async () => {
    const echo = await startEcho();
    const proxy = await startProxy(echo.port, { kind: 'delay-reply', afterChunks: 0, delayMs: 60 });
    const peer = dial(proxy.port);
    const startMs = performance.now();
    peer.socket.write('a');
    await until(() => proxy.struck.get('delay-reply') === 1);
    peer.socket.write('b');
    await until(() => peer.text() === '<a><b>');
    expect(performance.now() - startMs).toBeGreaterThan(55);
  });

  it('delivers a delayed request although its client has gone', async () => {
    const echo = await startEcho();
    const proxy = await startProxy(echo.port, { kind: 'delay-request', afterChunks: 0, delayMs: 60 });
    const peer = dial(proxy.port);
    peer.socket.write('late');
    await until(() => proxy.struck.get('delay-request') === 1);
    peer.socket.destroy();
    expect(echo.received).toEqual([]);
    await until(() => echo.received.length === 1);
    expect(echo.received).toEqual(['late']);
    await until(() => echo.ended() === 1);
  });

  it('closes the connection of a client whose server is not there', async () => {
    const echo = await startEcho();
    const proxy = await startProxy(echo.port, null);
    await open.shift()?.();
    const peer = dial(proxy.port);
    await until(peer.isClosed);
    expect(peer.text()).toBe('');
  });
});
