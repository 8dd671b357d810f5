import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from './client.ts';
import { requestIdTimeMs } from './request-id.ts';
import {
  type Answer,
  CONTEXT,
  flatMap,
  HANG_UP,
  idOf,
  type Received,
  ScriptedServer,
  SILENCE,
} from './testing/scripted-server.ts';
import type { ClientOptions, JunoClient, ServerAddress } from './types.ts';

const ID = '0190b6a5-7b1c-7def-8000-0123456789ab';
const UNAVAILABLE = '-UNAVAILABLE no majority. Nothing was changed; it is safe to try again\r\n';
const UNCERTAIN = '-UNCERTAIN no answer. The change may or may not have been made, or may still be made\r\n';
const TOO_OLD =
  '-UNCERTAIN request id is older than what the record remembers (recordVersion=5), nothing was written\r\n';
const DONE = flatMap(CONTEXT);

describe('a client with two proxies', () => {
  let servers: ScriptedServer[] = [];
  const clients: JunoClient[] = [];
  /** All commands, in the order in which they came, with the number of the server. */
  let log: { readonly server: number; readonly command: Received }[] = [];
  /** What the next commands are answered with, whichever server gets them; DONE when it is empty. */
  let answers: Answer[] = [];
  let rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);

  beforeEach(async () => {
    log = [];
    answers = [];
    rejections = [];
    process.on('unhandledRejection', onRejection);
    servers = await Promise.all(
      [0, 1].map((server) =>
        ScriptedServer.start((command) => {
          log.push({ server, command });
          return answers.shift() ?? DONE;
        }),
      ),
    );
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
    await new Promise(setImmediate);
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
  });

  /** Connected to both. */
  async function start(options: Partial<ClientOptions> = {}): Promise<JunoClient> {
    let connected = 0;
    const both = new Promise<void>((resolve) => {
      const onConnection = (event: 'connected' | 'lost', address: ServerAddress): void => {
        options.metrics?.onConnection?.(event, address);
        if (event === 'connected' && ++connected === 2) resolve();
      };
      const metrics = { ...options.metrics, onConnection };
      clients.push(connect({ addresses: servers.map(({ address }) => address), ...options, metrics }));
    });
    await both;
    const [client] = clients;
    if (client === undefined) throw new Error('no client');
    return client;
  }

  const ids = (): (string | null)[] => log.map(({ command }) => idOf(command));
  const serversAsked = (): number[] => log.map(({ server }) => server);

  it.each<[string, Answer, string]>([
    ['UNAVAILABLE', UNAVAILABLE, 'unavailable'],
    ['BUSY', '-BUSY namespace default is over its limit\r\n', 'busy'],
    ['UNCERTAIN', UNCERTAIN, 'uncertain'],
    ['a lost connection', HANG_UP, 'connection-lost'],
    ['silence', SILENCE, 'try-timed-out'],
  ])('repeats a write after %s at the other proxy, with the same request id', async (_, answer, reason) => {
    const retries: unknown[] = [];
    const outcomes: unknown[] = [];
    const client = await start({
      tryTimeoutMs: 150,
      metrics: {
        onRetry: (operation, why, address) => retries.push([operation, why, address]),
        onOperation: (operation, outcome, __, tries) => outcomes.push([operation, outcome, tries]),
      },
    });
    answers = [answer];
    expect(await client.create('k', 'v')).toMatchObject({ ok: true });
    expect(ids()).toHaveLength(2);
    expect(ids()[0]).not.toBeNull();
    expect(new Set(ids()).size).toBe(1);
    expect(new Set(serversAsked()).size).toBe(2);
    const first = servers[serversAsked()[0] ?? 0]?.address;
    expect(retries).toEqual([['create', reason, first]]);
    expect(outcomes).toEqual([['create', 'ok', 2]]);
  });

  it('keeps the request id that the application brought', async () => {
    const client = await start();
    answers = [UNCERTAIN, HANG_UP, UNAVAILABLE];
    expect(await client.set('k', 'v', { requestId: ID })).toMatchObject({ ok: false, error: { kind: 'server' } });
    expect(ids()).toEqual([ID, ID, ID, ID]);
  });

  it('repeats reads', async () => {
    const client = await start();
    answers = [HANG_UP, UNAVAILABLE, flatMap({ value: 'v', ...CONTEXT })];
    expect(await client.get('k')).toMatchObject({ ok: true, value: { value: Buffer.from('v') } });
    expect(log.map(({ command }) => command)).toEqual(Array.from({ length: 3 }, () => ['JUNO.GET', 'k']));
  });

  it('gives a second write another id', async () => {
    const client = await start();
    answers = [UNCERTAIN];
    await client.create('k', 'v');
    await client.create('k', 'v');
    const [first, second, third] = ids();
    expect(first).toBe(second);
    expect(third).not.toBe(first);
  });

  it('does not repeat what was refused', async () => {
    const client = await start();
    for (const word of ['DUPKEY', 'NOKEY', 'VERSIONCONFLICT', 'BADPARAM', 'WRONGTYPE', 'NOPERM', 'ERR', 'READONLY']) {
      answers = [`-${word} because\r\n`];
      log = [];
      expect(await client.create('k', 'v')).toMatchObject({ ok: false });
      expect(log).toHaveLength(1);
    }
  });

  it('asks the same proxy first for a key, and both for many', async () => {
    const client = await start();
    for (let i = 0; i < 5; i++) await client.destroy('same');
    expect(new Set(serversAsked()).size).toBe(1);
    await client.batch(Array.from({ length: 64 }, (_, i) => ({ kind: 'get', key: `k${i}` })));
    expect(new Set(serversAsked()).size).toBe(2);
  });

  describe('at the deadline', () => {
    it('says of a write that its fate is open, with its id, where a try was not answered', async () => {
      const client = await start({ tryTimeoutMs: 60 });
      answers = [SILENCE, ...Array.from({ length: 100 }, () => UNAVAILABLE)];
      const startMs = performance.now();
      const result = await client.create('k', 'v', { deadlineMs: 200 });
      expect(performance.now() - startMs).toBeGreaterThan(150);
      expect(performance.now() - startMs).toBeLessThan(2000);
      expect(result).toMatchObject({ ok: false, error: { kind: 'timed-out', requestId: ids()[0] } });
    });

    it('says that nothing was changed, where every try said so', async () => {
      const client = await start();
      answers = Array.from({ length: 100 }, () => UNAVAILABLE);
      expect(await client.create('k', 'v', { deadlineMs: 150 })).toMatchObject({ error: { kind: 'unavailable' } });
      answers = Array.from({ length: 100 }, () => '-BUSY over its limit\r\n');
      expect(await client.create('k', 'v', { deadlineMs: 150 })).toMatchObject({ error: { kind: 'busy' } });
    });

    it('says that it is uncertain, where the servers were', async () => {
      const client = await start();
      answers = Array.from({ length: 100 }, () => UNCERTAIN);
      const result = await client.create('k', 'v', { deadlineMs: 150, requestId: ID });
      expect(result).toMatchObject({ ok: false, error: { kind: 'uncertain', requestId: ID } });
      expect(log.length).toBeGreaterThan(2);
      expect(log.length).toBeLessThan(20);
    });

    it('says of a read that it timed out', async () => {
      const client = await start();
      answers = [SILENCE, SILENCE];
      const result = await client.get('k', { deadlineMs: 100 });
      expect(result).toMatchObject({ ok: false, error: { kind: 'timed-out', requestId: null } });
    });

    it('keeps a connection that was only slow for this deadline', async () => {
      const lost: unknown[] = [];
      const client = await start({ metrics: { onConnection: (event) => lost.push(event) } });
      answers = [
        new Promise((resolve) => {
          setTimeout(() => resolve(flatMap({ value: 'late', ...CONTEXT })), 150);
        }),
        flatMap({ value: 'soon', ...CONTEXT }),
      ];
      expect(await client.get('k', { deadlineMs: 50 })).toMatchObject({ error: { kind: 'timed-out' } });
      // In its place on the same connection: the late answer is not taken for this one's.
      expect(await client.get('k')).toMatchObject({ value: { value: Buffer.from('soon') } });
      expect(lost).not.toContain('lost');
    });
  });

  describe('told that the id is older than the record remembers', () => {
    it('makes a later id of its own, until one is late enough', async () => {
      const client = await start();
      answers = [TOO_OLD, TOO_OLD, TOO_OLD];
      expect(await client.update('k', 'v')).toMatchObject({ ok: true });
      const times = ids().map((id) => requestIdTimeMs(id ?? ''));
      expect(times).toHaveLength(4);
      const leads = times.map((time) => time - (times[0] ?? 0));
      expect(leads[1]).toBeGreaterThanOrEqual(1000);
      expect(leads[2]).toBeGreaterThanOrEqual(5000);
      expect(leads[3]).toBeGreaterThanOrEqual(21_000);
    });

    it('gives up after so many', async () => {
      const client = await start();
      answers = Array.from({ length: 100 }, () => TOO_OLD);
      expect(await client.update('k', 'v')).toMatchObject({
        ok: false,
        error: { kind: 'uncertain', requestId: ids().at(-1) },
      });
      expect(new Set(ids()).size).toBe(11);
    });

    it('does not where an earlier try with the id may have been carried out', async () => {
      const client = await start();
      for (const first of [HANG_UP, UNCERTAIN]) {
        log = [];
        answers = [first, TOO_OLD];
        const result = await client.update('k', 'v');
        expect(ids()).toHaveLength(2);
        expect(result).toMatchObject({ ok: false, error: { kind: 'uncertain', requestId: ids()[0] } });
      }
    });

    it('does not with an id of the application', async () => {
      const client = await start();
      answers = [TOO_OLD];
      const result = await client.update('k', 'v', { requestId: ID });
      expect(result).toMatchObject({ ok: false, error: { kind: 'uncertain', requestId: ID } });
      expect(ids()).toEqual([ID]);
    });
  });

  describe('aborted', () => {
    it('before the start sends nothing', async () => {
      const client = await start();
      expect(await client.set('k', 'v', { signal: AbortSignal.abort() })).toMatchObject({ error: { kind: 'aborted' } });
      expect(log).toEqual([]);
    });

    it('while it waits for an answer stops at once and tells the id', async () => {
      const client = await start();
      answers = [SILENCE];
      const abort = new AbortController();
      const result = client.set('k', 'v', { signal: abort.signal });
      while (log.length === 0) await new Promise(setImmediate);
      const abortedAtMs = performance.now();
      abort.abort();
      expect(await result).toMatchObject({ ok: false, error: { kind: 'aborted', requestId: ids()[0] } });
      expect(performance.now() - abortedAtMs).toBeLessThan(1000);
    });

    it('between two tries, or without any proxy, stops as well', async () => {
      const client = await start();
      answers = Array.from({ length: 100 }, () => UNAVAILABLE);
      expect(await client.get('k', { signal: AbortSignal.timeout(100) })).toMatchObject({ error: { kind: 'aborted' } });
      await Promise.all(servers.map((server) => server.stop()));
      expect(await client.get('k', { signal: AbortSignal.timeout(100) })).toMatchObject({ error: { kind: 'aborted' } });
      await Promise.all(servers.map((server) => server.listen()));
    });
  });

  it('goes on with one proxy while the other is down, and takes it back', async () => {
    const client = await start();
    const all = Array.from({ length: 40 }, (_, i) => ({ kind: 'destroy', key: `k${i}` }) as const);
    await servers[0]?.stop();
    await client.batch(all);
    expect(new Set(serversAsked())).toEqual(new Set([1]));
    await servers[0]?.listen();
    for (let i = 0; i < 200 && !serversAsked().includes(0); i++) {
      await client.batch(all);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(serversAsked()).toContain(0);
  });

  it('waits for a proxy while none is there', async () => {
    let lost = 0;
    const client = await start({ metrics: { onConnection: (event) => event === 'lost' && lost++ } });
    await Promise.all(servers.map((server) => server.stop()));
    await expect.poll(() => lost).toBe(2);
    expect(await client.create('k', 'v', { deadlineMs: 100 })).toMatchObject({
      error: { kind: 'unavailable', message: expect.stringContaining('is not reached') },
    });
    const result = client.create('k', 'v');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await servers[1]?.listen();
    expect(await result).toMatchObject({ ok: true });
    await servers[0]?.listen();
  });

  it('does not use a proxy that takes connections but does not answer', async () => {
    const deaf = await ScriptedServer.start(() => SILENCE, 0, SILENCE);
    const client = connect({
      addresses: [deaf.address, ...servers.map(({ address }) => address)],
      tryTimeoutMs: 100,
    });
    clients.push(client);
    const results = await client.batch(Array.from({ length: 40 }, (_, i) => ({ kind: 'destroy', key: `k${i}` })));
    expect(results).toHaveLength(40);
    expect(deaf.commands).toEqual([]);
    await deaf.stop();
  });

  it('drops a connection that has become silent', async () => {
    const lost: unknown[] = [];
    const client = await start({
      tryTimeoutMs: 80,
      metrics: { onConnection: (event, address) => event === 'lost' && lost.push(address) },
    });
    answers = [SILENCE];
    await client.create('k', 'v');
    expect(lost).toEqual([servers[serversAsked()[0] ?? 0]?.address]);
  });

  it('survives garbage', async () => {
    const client = await start({ tryTimeoutMs: 100 });
    answers = ['?what\r\n', '$5\r\nabc', 'no reply at all'];
    expect(await client.create('k', 'v')).toMatchObject({ ok: true });
  });
});

describe('a client that is refused', () => {
  it.each([
    ['-WRONGPASS invalid username-password pair or user is disabled.\r\n', 'not-permitted'],
    ['-BADPARAM no such namespace\r\n', 'bad-parameter'],
  ])('answers so at once: %s', async (refusal, kind) => {
    const server = await ScriptedServer.start(() => refusal);
    const client = connect({ addresses: [server.address], password: 'wrong' });
    const startMs = performance.now();
    const result = await client.get('k');
    expect(result).toEqual({ ok: false, error: { kind, message: refusal.slice(1, -2) } });
    expect(performance.now() - startMs).toBeLessThan(2000);
    server.setScript(([name]) => (name === 'AUTH' ? '+OK\r\n' : flatMap({ value: 'v', ...CONTEXT })));
    await expect.poll(() => client.get('k'), { timeout: 5000 }).toMatchObject({ ok: true });
    await client.close();
    await server.stop();
  });

  it('by one proxy uses the other', async () => {
    const stern = await ScriptedServer.start(() => '-WRONGPASS no\r\n');
    const kind = await ScriptedServer.start(([name]) => (name === 'AUTH' ? '+OK\r\n' : DONE));
    const client = connect({ addresses: [stern.address, kind.address], password: 'p' });
    const results = await client.batch(
      Array.from({ length: 20 }, (_, i) => ({ kind: 'create', key: `k${i}`, value: '' })),
    );
    expect(results.every(({ result }) => result.ok)).toBe(true);
    await client.close();
    await Promise.all([stern.stop(), kind.stop()]);
  });

  it('for now waits', async () => {
    let refusals = 0;
    const server = await ScriptedServer.start(([name]) => {
      if (name !== 'AUTH') return DONE;
      return ++refusals < 3 ? '-LOADING starting\r\n' : '+OK\r\n';
    });
    const client = connect({ addresses: [server.address], password: 'p' });
    expect(await client.create('k', 'v')).toMatchObject({ ok: true });
    await client.close();
    await server.stop();
  });
});
