import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestIds } from '../src/juno-ext/client/src/request-id.ts';
import { type Adapter, type Answer, openAdapter } from './support/juno-adapters.ts';
import { startJunokv } from './support/junokv-server.ts';
import { codesIn, readPage, tableAfter } from './support/markdown.ts';
import type { RunningServer } from './support/redis-server.ts';

const page = readPage('juno.md');
const rows = tableAfter(page, "## What Redis's commands do to a record");

/** Their commands do to a record what the page says above the table, whatever they do to the collection. */
const COLLECTIONS = ['@hash', '@set', '@sortedset', '@list', '@geo', '@hyperloglog', '@bitmap'];

const TTL_BEFORE_MS = 1_000_000;
/** What commands on the page give: 500 seconds, or 2000 where only a longer one counts. */
const TTL_GIVEN_MS = [500_000, 2_000_000];
const TTL_SLACK_MS = 60_000;
/** What DUMP answers for the string v12967, whose checksum is ASCII: it goes through clients as text. */
const PAYLOAD = '\x00\x06v12967\n\x00hjj9zUeo';

let server: RunningServer;
let redis: Redis;
beforeAll(async () => {
  server = await startJunokv({ engine: 'memory' });
  redis = new Redis(server.port);
  await redis.call('JUNO.NAMESPACES', 'CREATE', 'flushdb');
  await redis.call('JUNO.NAMESPACES', 'CREATE', 'flushall');
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** What the page's words are for, from what was seen before and after. */
interface Effect {
  readonly recordVersion: string;
  readonly creationTime: string;
  readonly lastModified: string;
  readonly ttl: string;
  readonly requests: string;
}

function near(ttlMs: number, expectedMs: number): boolean {
  return ttlMs <= expectedMs && ttlMs > expectedMs - TTL_SLACK_MS;
}

function ttlWord(ttlMs: number | null): string {
  if (ttlMs === null) return 'none';
  if (TTL_GIVEN_MS.some((given) => near(ttlMs, given))) return 'given';
  return near(ttlMs, TTL_BEFORE_MS) ? 'kept' : `${ttlMs} ms`;
}

/** `before`: the record, or what it was when it was destroyed. */
function effectOf(before: Answer, wasLive: boolean, after: Answer): Omit<Effect, 'requests'> {
  if (after.outcome === 'absent') return { recordVersion: '-', creationTime: '-', lastModified: '-', ttl: '-' };
  const { recordVersion = 0, creationTimeMs = 0, lastModifiedMs = 0, ttlMs = null } = after;
  const [version, created, modified] = [before.recordVersion, before.creationTimeMs, before.lastModifiedMs].map(Number);
  const raised = recordVersion - Number(version);
  return {
    recordVersion: !wasLive ? `${recordVersion}` : raised === 0 ? 'kept' : `+${raised}`,
    creationTime: creationTimeMs === created ? 'kept' : creationTimeMs > Number(created) ? 'new' : 'earlier',
    lastModified: lastModifiedMs === modified ? 'kept' : lastModifiedMs > Number(modified) ? 'now' : 'earlier',
    ttl: ttlWord(ttlMs),
  };
}

function argumentsOf(code: string, key: string): [string, ...string[]] {
  const in500sMs = Date.now() + 500_000;
  const places: Readonly<Record<string, string>> = {
    key,
    other: `${key}:other`,
    '""': '',
    'unix-seconds': `${Math.floor(in500sMs / 1000)}`,
    'unix-ms': `${in500sMs}`,
    payload: PAYLOAD,
    // MIGRATE into another database of the same server.
    host: '127.0.0.1',
    port: `${server.port}`,
  };
  const [name = '', ...args] = code.split(' ');
  return [name, ...args.map((arg) => places[arg] ?? arg)];
}

/** Runs the row's command on a record with a history and says what became of it. */
async function runRow(adapter: Adapter, code: string, isLive: boolean, key: string): Promise<Effect> {
  // A value that is a number, for the commands that count.
  const first = { op: 'set', value: '10', ttlMs: TTL_BEFORE_MS, requestId: requestIds.next() } as const;
  await adapter.command(['SET', `${key}:other`, 'value']);
  if (/^(COPY|RENAMENX) key other/.test(code)) await adapter.command(['DEL', `${key}:other`]);
  const before = await adapter.run(key, first);
  if (!isLive) await adapter.run(key, { op: 'destroy' });
  await new Promise((resolve) => setTimeout(resolve, 3));
  const { outcome } = await adapter.command(argumentsOf(code, key));
  expect(['ok', 'absent', 'duplicate-key', 'no-key'], `${code} is a command as it should be`).toContain(outcome);
  const after = await adapter.run(key, { op: 'get' });
  const repeated = await adapter.run(key, first);
  const later = await adapter.run(key, { op: 'get' });
  const isRepeat = repeated.creationTimeMs === before.creationTimeMs && later.recordVersion === after.recordVersion;
  return { ...effectOf(before, isLive, after), requests: isRepeat ? 'kept' : 'forgotten' };
}

describe('what commands do to a record', () => {
  const adapters = new Map<string, Adapter>();
  beforeAll(async () => {
    for (const namespace of ['default', 'flushdb', 'flushall']) {
      adapters.set(namespace, await openAdapter('ioredis', server.port, namespace));
    }
  });
  afterAll(() => Promise.all([...adapters.values()].map((adapter) => adapter.close())));

  it.concurrent.each(rows.map((row, i) => [codesIn(row[0] ?? '')[0] ?? '', row[1] ?? '', row, i] as const))(
    '%s, %s before',
    async (code, before, row, i) => {
      // What flushes has a namespace to itself.
      const adapter = adapters.get(code.toLowerCase()) ?? adapters.get('default');
      if (adapter === undefined) throw new Error('no client');
      expect(['live', 'absent']).toContain(before);
      const effect = await runRow(adapter, code, before === 'live', `row:${i}`);
      const [recordVersion, creationTime, lastModified, ttl, requests] = row.slice(2);
      expect(effect).toEqual({ recordVersion, creationTime, lastModified, ttl, requests });
    },
  );
});

describe('what commands of collections do to a record', () => {
  it.each([
    ['HSET', 'field', 'value'],
    ['SADD', 'member'],
  ])('%s is as the page says', async (name, ...args) => {
    const key = `collection:${name}`;
    await redis.call(name, key, ...args);
    await redis.call('PEXPIRE', key, TTL_BEFORE_MS);
    await redis.call(name, key, ...args.map((arg) => `${arg} 2`));
    expect(near(await redis.pttl(key), TTL_BEFORE_MS)).toBe(true);
    await expect(redis.call('JUNO.GET', key)).rejects.toThrow('WRONGTYPE');
    await expect(redis.call('JUNO.UPDATE', key, 'value')).rejects.toThrow('WRONGTYPE');
  });
});

describe('the lists of commands in docs/juno.md', () => {
  function listAfter(words: string): string[] {
    const start = page.indexOf(words);
    if (start < 0) throw new Error(`the page does not say: ${words}`);
    const paragraph = page.slice(start).split('\n\n', 1)[0] ?? '';
    return codesIn(paragraph)
      .map((name) => name.toLowerCase())
      .sort();
  }

  it('are complete', async () => {
    const all = (await redis.call('COMMAND')) as [
      name: string,
      arity: number,
      flags: string[],
      firstKey: number,
      lastKey: number,
      step: number,
      categories: string[],
    ][];
    const commands = all.filter(([, , , , , , categories]) => !categories.some((one) => COLLECTIONS.includes(one)));
    const named = (wanted: (flags: readonly string[], firstKey: number) => boolean): string[] =>
      commands
        .filter(([, , flags, firstKey]) => wanted(flags, firstKey))
        .map(([name]) => name)
        .sort();
    const tested = new Set(
      rows.map(
        (row) =>
          codesIn(row[0] ?? '')[0]
            ?.split(' ', 1)[0]
            ?.toLowerCase() ?? '',
      ),
    );
    // JUNO.GET writes where it has a TTL.
    tested.delete('juno.get');
    expect([...tested].sort()).toEqual(named((flags) => flags.includes('write')));
    expect(listAfter('These only read records')).toEqual(
      named((flags, firstKey) => !flags.includes('write') && firstKey > 0),
    );
    expect(listAfter('These are about the connection')).toEqual(
      named((flags, firstKey) => !flags.includes('write') && firstKey === 0),
    );
  });
});
