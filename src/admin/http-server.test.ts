import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { type HttpPage, HttpServer } from './http-server.ts';

let server: HttpServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function serve(pages: Record<string, HttpPage>): Promise<number> {
  server = new HttpServer(new Map(Object.entries(pages)), silentLog);
  return server.listen('127.0.0.1', 0);
}

const FINE: HttpPage = () => ({ status: 200, text: 'fine\n' });

describe('HttpServer', () => {
  it('answers its pages, with a query or without', async () => {
    const port = await serve({ '/fine': FINE, '/bad': () => ({ status: 503, text: 'not yet\n' }) });
    for (const path of ['/fine', '/fine?x=1']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
        200,
        'text/plain; charset=utf-8',
        'fine\n',
      ]);
    }
    expect((await fetch(`http://127.0.0.1:${port}/bad`)).status).toBe(503);
    const head = await fetch(`http://127.0.0.1:${port}/fine`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '5', '']);
  });

  it('refuses other methods and paths, and says what there is', async () => {
    const port = await serve({ '/fine': FINE });
    const posted = await fetch(`http://127.0.0.1:${port}/fine`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const lost = await fetch(`http://127.0.0.1:${port}/other`);
    expect([lost.status, await lost.text()]).toEqual([404, 'there is /fine\n']);
  });

  it('answers 500 where a page fails, and goes on', async () => {
    const port = await serve({
      '/fine': FINE,
      '/broken': async () => {
        throw new Error('secret detail');
      },
    });
    const broken = await fetch(`http://127.0.0.1:${port}/broken`);
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain('secret');
    expect((await fetch(`http://127.0.0.1:${port}/fine`)).status).toBe(200);
  });

  it('closes on bytes that are no HTTP, and on headers that are too large', async () => {
    const port = await serve({ '/fine': FINE });
    for (const bytes of ['*1\r\n$4\r\nPING\r\n', `GET /fine HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`]) {
      const received = await new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk;
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(text));
      });
      expect(received).toBe('');
    }
    expect((await fetch(`http://127.0.0.1:${port}/fine`)).status).toBe(200);
  });
});
