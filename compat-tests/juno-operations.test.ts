import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestIds } from '../src/juno-ext/client/src/request-id.ts';
import { cells } from './juno-cells.ts';
import { ADAPTER_NAMES, type Adapter, type Answer, fieldsOf, openAdapter } from './support/juno-adapters.ts';
import { type Cell, type Expected, LIMITED, type Seen } from './support/juno-cell.ts';
import { startJunokv } from './support/junokv-server.ts';
import { codesIn, readPage, tableAfter } from './support/markdown.ts';
import { RawClient } from './support/raw-client.ts';
import type { RunningServer } from './support/redis-server.ts';

/** A remaining time may be so much less than what was set: the tests share their machine. */
const TTL_SLACK_MS = 30_000;
/** More than JunoDB's packages count to before they begin again with 1. */
const MANY_VERSIONS = 66_000;
const PIPELINE = 6_000;

let server: RunningServer;
let redis: Redis;
beforeAll(async () => {
  server = await startJunokv({ engine: 'memory' });
  redis = new Redis(server.port);
  const slow = ADAPTER_NAMES.map((_, i) => `slow-${i}`);
  for (const name of ['other', 'limited', ...slow]) await redis.call('JUNO.NAMESPACES', 'CREATE', name);
  await redis.call('JUNO.LIMITS', 'SET', 'limited', ...Object.entries(LIMITED).flat());
  for (const name of slow) await redis.call('JUNO.LIMITS', 'SET', name, 'requestsPerSecond', 1);
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** Runs one cell; throws where the client saw something else. */
async function runCell(adapter: Adapter, cell: Cell, key: string): Promise<void> {
  const answers: Answer[] = [];
  const made = new RequestIds(() => Date.now());
  const ids: string[] = [];
  const seen: Seen = {
    answers,
    id(n) {
      while (ids.length <= n) ids.push(made.next());
      return ids[n] ?? '';
    },
  };
  for (const given of cell.setUp ?? []) {
    const step = typeof given === 'function' ? given(seen) : given;
    if ('redis' in step) await redis.call(...withKey(step.redis, key));
    else if ('waitMs' in step) await new Promise((resolve) => setTimeout(resolve, step.waitMs));
    else answers.push(await adapter.run(key, step));
  }
  const call = typeof cell.call === 'function' ? cell.call(seen) : cell.call;
  const expected = typeof cell.expected === 'function' ? cell.expected(seen) : cell.expected;
  expectAnswer(await adapter.run(key, call), expected, cell.shows);
  const after = typeof cell.after === 'function' ? cell.after(seen) : cell.after;
  if (after !== undefined) expectAnswer(await adapter.run(key, { op: 'get' }), after, `${cell.shows}: afterwards`);
}

function withKey([name = '', ...args]: readonly string[], key: string): [string, ...string[]] {
  return [name, ...args.map((arg) => (arg === 'KEY' ? key : arg))];
}

function expectAnswer(answer: Answer, { ttlMs, ...expected }: Expected, shows: string): void {
  expect(answer, shows).toMatchObject(expected);
  if (ttlMs === null) expect(answer.ttlMs, shows).toBeNull();
  if (typeof ttlMs !== 'number') return;
  expect(answer.ttlMs, shows).toBeLessThanOrEqual(ttlMs);
  expect(answer.ttlMs, shows).toBeGreaterThan(ttlMs - TTL_SLACK_MS);
}

/** Cells whose rows are carried out in a way of their own below. */
const SPECIAL_ROWS = ['Batch', 'Requests above the namespace rate', 'Version above 65535', 'UDF Get', 'UDF Set', 'Nop'];

describe('docs/juno.md', () => {
  const rows = tableAfter(readPage('juno.md'), '## Operations');

  it('has a test for every row of its table, and a row for every test', () => {
    const named = rows.map(([name]) => name);
    expect(new Set(named).size).toBe(named.length);
    expect([...new Set([...cells.map(({ row }) => row), ...SPECIAL_ROWS])].sort()).toEqual([...named].sort());
  });

  it('says what the typed client cannot say', () => {
    const none = rows.filter((row) => row[4] === 'none').map(([name]) => name);
    const without = cells.filter(({ without }) => without === 'typed client').map(({ row }) => row);
    expect(none.sort()).toEqual([...without, 'UDF Set'].sort());
  });

  it('names only commands that there are', async () => {
    const known = new Set((await redis.command('LIST')) as string[]);
    const named = rows.flatMap((row) =>
      codesIn(row[2] ?? '').map((code) => code.split(' ', 1)[0]?.toLowerCase() ?? ''),
    );
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe.each(ADAPTER_NAMES)('JunoDB operations through %s', (name) => {
  const adapters = new Map<string, Adapter>();
  const slow = `slow-${ADAPTER_NAMES.indexOf(name)}`;
  const adapter = (namespace: string): Adapter => {
    const found = adapters.get(namespace);
    if (found === undefined) throw new Error(`no client in ${namespace}`);
    return found;
  };
  beforeAll(async () => {
    for (const namespace of ['default', 'other', 'limited', slow]) {
      adapters.set(namespace, await openAdapter(name, server.port, namespace));
    }
  });
  afterAll(() => Promise.all([...adapters.values()].map((each) => each.close())));

  it.concurrent.each(
    cells.filter(({ without }) => without !== name).map((cell, i) => [cell.row, cell.shows, cell, i] as const),
  )('%s: shows %s', async (_row, _shows, cell, i) => {
    const key =
      cell.key === undefined ? `${name}:${i}` : cell.key === '' ? '' : `${cell.key}:${name}`.slice(-cell.key.length);
    await runCell(adapter(cell.namespace ?? 'default'), cell, key);
  });

  it('Batch: one answer each, in order, good and bad', async () => {
    const calls = [
      { key: `${name}:batch:1`, call: { op: 'create', value: 'a' } },
      { key: `${name}:batch:2`, call: { op: 'set', value: 'b' } },
      { key: `${name}:batch:3`, call: { op: 'update', value: 'c' } },
      { key: `${name}:batch:4`, call: { op: 'get' } },
      { key: `${name}:batch:5`, call: { op: 'destroy' } },
    ] as const;
    const answers = await adapter('default').batch(calls);
    expect(answers.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'no-key', 'absent', 'ok']);
    expect(answers[1]).toMatchObject({ created: true, recordVersion: 1 });
    const again = await adapter('default').batch(calls);
    expect(again.map(({ outcome }) => outcome)).toEqual(['duplicate-key', 'ok', 'no-key', 'absent', 'ok']);
  });

  it('Requests above the namespace rate: busy, and nothing is done', async () => {
    const keys = Array.from({ length: 4 }, (_, i) => `${name}:rate:${i}`);
    const answers = await adapter(slow).batch(keys.map((key) => ({ key, call: { op: 'create', value: 'a' } })));
    const busy = answers.filter(({ outcome }) => outcome === 'busy');
    expect(busy.length).toBeGreaterThan(0);
    expect(answers.filter(({ outcome }) => outcome === 'ok')).toHaveLength(answers.length - busy.length);
    await redis.call('JUNO.LIMITS', 'SET', slow, 'requestsPerSecond', 0);
    await expect
      .poll(
        () =>
          adapter(slow)
            .batch(keys.map((key) => ({ key, call: { op: 'get' } })))
            .then(outcomes),
        { timeout: 5000 },
      )
      .toEqual(answers.map(({ outcome }) => (outcome === 'ok' ? 'ok' : 'absent')));
  });

  it('Version above 65535: counts on', async () => {
    const key = `${name}:versions`;
    for (let sent = 0; sent < MANY_VERSIONS; sent += PIPELINE) {
      const pipeline = redis.pipeline();
      for (let i = 0; i < PIPELINE; i++) pipeline.incr(key);
      await pipeline.exec();
    }
    const call = { op: 'update', value: 'a', recordVersion: MANY_VERSIONS } as const;
    expect(await adapter('default').run(key, call)).toMatchObject({ outcome: 'ok', recordVersion: MANY_VERSIONS + 1 });
  });

  it('UDF Get: a counter in the way of this client', async () => {
    const key = `${name}:counter`;
    expect(await adapter('default').add(key, 5)).toMatchObject({ outcome: 'ok', value: '5' });
    expect(await adapter('default').add(key, -2)).toMatchObject({ outcome: 'ok', value: '3' });
    expect(await adapter('default').run(key, { op: 'get' })).toMatchObject({ value: '3', recordVersion: 2 });
  });

  if (name !== 'typed client') {
    it('UDF Set: no such command', async () => {
      expect(await adapter('default').command(['JUNO.UDFSET', `${name}:udf`, 'a'])).toEqual({ outcome: 'server' });
    });
  }

  it('Nop: somebody serves', async () => {
    expect(await adapter('default').ping()).toEqual({ outcome: 'ok' });
  });
});

function outcomes(answers: readonly Answer[]): string[] {
  return answers.map(({ outcome }) => outcome);
}

describe('the form of replies', () => {
  it('has the fields that the page lists', async () => {
    const listed = tableAfter(readPage('juno.md'), '## Where a key lives').map(([, fields = '']) => codesIn(fields));
    await redis.set('form', 'a');
    const located = fieldsOf(await redis.call('JUNO.LOCATE', 'form'));
    const inspected = await redis.call('JUNO.INSPECT', 'form');
    const nodes = located.get('nodes');
    if (!Array.isArray(nodes) || !Array.isArray(inspected)) throw new Error('arrays were expected');
    const names = (reply: unknown): string[] => [...fieldsOf(reply).keys()];
    expect([[...located.keys()], names(nodes[0]), names(inspected[0])]).toEqual(listed);
    expect(nodes).toHaveLength(3);
    expect(
      inspected.map((replica) => fieldsOf(replica).get('state')).filter((state) => state === 'live').length,
    ).toBeGreaterThan(1);
  });

  it('is a flat array in RESP2 and a map in RESP3', async () => {
    const client = await RawClient.connect(server.port);
    const fields = /recordVersion\r\n:1\r\n\$12\r\ncreationTime\r\n:\d{13}\r\n\$12\r\nlastModified\r\n:\d{13}\r\n/;
    const two = (await client.command(['JUNO.CREATE', 'form:2', 'a'])).toString();
    expect(two).toMatch(/^\*12\r\n\$13\r\n/);
    expect(two).toMatch(fields);
    expect(two).toMatch(/\$3\r\nttl\r\n:-1\r\n\$4\r\npttl\r\n:-1\r\n\$9\r\nrequestId\r\n\$-1\r\n$/);
    expect((await client.command(['JUNO.GET', 'no such key'])).toString()).toBe('$-1\r\n');
    await client.command(['HELLO', '3']);
    const three = (await client.command(['JUNO.CREATE', 'form:3', 'a'])).toString();
    expect(three).toMatch(/^%6\r\n\$13\r\n/);
    expect(three).toMatch(fields);
    expect(three).toMatch(/\$3\r\nttl\r\n:-1\r\n\$4\r\npttl\r\n:-1\r\n\$9\r\nrequestId\r\n_\r\n$/);
    expect((await client.command(['JUNO.GET', 'no such key'])).toString()).toBe('_\r\n');
    client.close();
  });
});
