import { createServer, type Server } from 'node:http';
import KeyvRedis from '@keyv/redis';
import { RedisStore } from 'connect-redis';
import session, { type Session, type SessionData } from 'express-session';
import { Keyv } from 'keyv';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startJunokv } from './support/junokv-server.ts';
import type { RunningServer } from './support/redis-server.ts';

/* Stores of applications that lie on a client of Redis. */

let server: RunningServer;
let url = '';
beforeAll(async () => {
  server = await startJunokv({ engine: 'memory' });
  url = `redis://127.0.0.1:${server.port}`;
}, 60_000);
afterAll(() => server.stop());

declare module 'express-session' {
  interface SessionData {
    visits: number;
  }
}

type Handler = (request: SessionRequest, response: object, next: (error?: unknown) => void) => void;
type SessionRequest = { session: Session & Partial<SessionData> };

describe('express-session with connect-redis', () => {
  let client: ReturnType<typeof createClient>;
  let store: RedisStore;
  let web: Server;
  let address = '';

  beforeAll(async () => {
    client = createClient({ url });
    await client.connect();
    store = new RedisStore({ client, prefix: 'sess:', ttl: 600 });
    web = await serve(store);
    const bound = web.address();
    address = `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  });
  afterAll(async () => {
    await new Promise((resolve) => web.close(resolve));
    await client.close();
  });

  /** Visits a page; gives back what it says and the cookie to come back with. */
  async function visit(path: string, cookie = ''): Promise<{ text: string; cookie: string }> {
    const response = await fetch(`${address}${path}`, { headers: { cookie, connection: 'close' } });
    return {
      text: await response.text(),
      cookie: (response.headers.get('set-cookie') ?? cookie).split(';', 1).join(''),
    };
  }

  it('counts the visits of each session, which expires and ends', async () => {
    const first = await visit('/');
    const other = await visit('/');
    expect([first.text, other.text]).toEqual(['1', '1']);
    expect((await visit('/', first.cookie)).text).toBe('2');
    expect((await visit('/', first.cookie)).text).toBe('3');
    const names = await client.keys('sess:*');
    expect(names).toHaveLength(2);
    for (const name of names) expect(await client.ttl(name)).toBeGreaterThan(500);
    expect((await visit('/end', first.cookie)).text).toBe('ended');
    expect(await client.keys('sess:*')).toHaveLength(1);
    expect((await visit('/', first.cookie)).text).toBe('1');
    expect((await visit('/', other.cookie)).text).toBe('2');
  });

  it('lists, counts, touches and clears them', async () => {
    await store.clear();
    const data: SessionData = { visits: 7, cookie: { originalMaxAge: 60_000 } };
    for (let i = 0; i < 250; i++) await store.set(`id-${i}`, data);
    expect(await store.get('id-7')).toMatchObject({ visits: 7 });
    expect(await store.length()).toBe(250);
    expect(new Set(await store.ids()).size).toBe(250);
    expect(await store.all()).toHaveLength(250);
    await store.touch('id-7', data);
    expect(await client.ttl('sess:id-7')).toBeGreaterThan(0);
    await store.destroy('id-7');
    expect(await store.get('id-7')).toBeFalsy();
    await store.clear();
    expect(await client.keys('sess:*')).toEqual([]);
  });
});

/** A web server that counts visits in the session. */
function serve(store: RedisStore): Promise<Server> {
  const withSession = session({ store, secret: 'not much of one', resave: false, saveUninitialized: false });
  const web = createServer((request, response) => {
    const handler = withSession as unknown as Handler;
    const visited = request as unknown as SessionRequest;
    handler(visited, response, (error) => {
      if (error !== undefined) {
        response.writeHead(500).end(String(error));
      } else if (request.url === '/end') {
        visited.session.destroy(() => response.end('ended'));
      } else {
        visited.session.visits = (visited.session.visits ?? 0) + 1;
        response.end(String(visited.session.visits));
      }
    });
  });
  return new Promise((resolve) => web.listen(0, '127.0.0.1', () => resolve(web)));
}

describe('keyv with @keyv/redis', () => {
  it('sets, gets, expires, deletes, iterates and clears, by namespace', async () => {
    const [one, two] = ['one', 'two'].map((namespace) => new Keyv(new KeyvRedis(url), { namespace }));
    if (one === undefined || two === undefined) throw new Error('two stores');
    const errors: unknown[] = [];
    for (const keyv of [one, two]) keyv.on('error', (error) => errors.push(error));
    try {
      expect(await one.set('object', { list: [1, 'two', null], text: 'ä' })).toBe(true);
      expect(await one.get('object')).toEqual({ list: [1, 'two', null], text: 'ä' });
      expect(await two.get('object')).toBeUndefined();
      await one.set('short', 'x', 1);
      while ((await one.get('short')) !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      await one.setMany(Array.from({ length: 300 }, (_, i) => ({ key: `many:${i}`, value: i })));
      expect(await one.getMany(['many:0', 'many:299', 'none'])).toEqual([0, 299, undefined]);
      const found = new Set<string>();
      for await (const [key] of one.iterator?.({}) ?? []) found.add(key);
      expect(found.size).toBe(301);
      expect([await one.has('many:3'), await one.delete('many:3'), await one.has('many:3')]).toEqual([
        true,
        true,
        false,
      ]);
      await two.set('kept', 1);
      await one.clear();
      expect([await one.get('object'), await two.get('kept')]).toEqual([undefined, 1]);
      expect(errors).toEqual([]);
    } finally {
      await one.disconnect();
      await two.disconnect();
    }
  });
});
