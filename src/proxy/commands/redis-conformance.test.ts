import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../../base/assert.ts';
import { MapReply, type Reply } from '../../resp/reply.ts';
import { ReplyParser } from '../../resp/reply-parser.ts';
import { ReplyWriter } from '../../resp/reply-writer.ts';
import { RawClient, RealRedis, whyNoRealRedis } from '../testing/real-redis.ts';
import { SessionRunner, type ShownReply, shown, TestProxy } from '../testing/session-runner.ts';
import { allCommands } from './all-commands.ts';

/** Commands of later Redis releases, which 7.0 does not know, or that have an option more there (WITHSCORE, NOVALUES). */
const newerThanSeven = new Set([
  'client|no-touch',
  'client|setinfo',
  'zrank',
  'zrevrank',
  'hscan',
  ...allCommands.flatMap(({ name, since }) => (/^(?:7\.4|8)\./.test(since) ? [name] : [])),
]);
const ourNames = allCommands
  .filter((row) => row.group !== 'juno')
  .flatMap((row) => [row.name, ...(row.subcommands ?? []).map((child) => child.name)])
  .filter((name) => !newerThanSeven.has(name));

function bytesOf(reply: Reply, protocol: 2 | 3): Buffer {
  const writer = new ReplyWriter();
  writer.protocol = protocol;
  writer.write(reply);
  return Buffer.concat(writer.takeChunks());
}

/** What a client sees of our reply. */
function received(reply: Reply, protocol: 2 | 3): Reply {
  const parser = new ReplyParser();
  parser.push(bytesOf(reply, protocol));
  const parsed = parser.next();
  assert(parsed !== undefined, 'a reply is complete');
  return parsed;
}

function words(line: string): Buffer[] {
  return line.split(' ').map((word) => Buffer.from(word === "''" ? '' : word));
}

/** The order within these does not matter; of subcommands only those that we have are compared. */
function normalizedInfo(info: ShownReply): ShownReply {
  assert(Array.isArray(info), 'a command is described by an array');
  const [name, arity, flags, first, last, step, categories, tips, specs, subcommands] = info;
  const sorted = (list: ShownReply | undefined): ShownReply =>
    Array.isArray(list) ? [...list].sort() : (list ?? null);
  assert(Array.isArray(subcommands), 'subcommands are an array');
  const known = subcommands
    .map(normalizedInfo)
    .filter((sub) => Array.isArray(sub) && ourNames.includes(String(sub[0])));
  const byName = known.sort((a, b) => (String(a) < String(b) ? -1 : 1));
  return {
    name,
    arity,
    flags: sorted(flags),
    first,
    last,
    step,
    categories: sorted(categories),
    tips: sorted(tips),
    specs,
    byName,
  } as ShownReply;
}

function normalizedDocs(docs: ShownReply | undefined): ShownReply {
  assert(typeof docs === 'object' && docs !== null && !Array.isArray(docs), 'docs are a map');
  const { subcommands, ...rest } = docs;
  if (subcommands === undefined) return rest;
  assert(typeof subcommands === 'object' && subcommands !== null && !Array.isArray(subcommands), 'a map again');
  const known = Object.entries(subcommands).filter(([name]) => ourNames.includes(name));
  return { ...rest, subcommands: Object.fromEntries(known.sort().map(([name, doc]) => [name, normalizedDocs(doc)])) };
}

const why = whyNoRealRedis();
describe.skipIf(why !== null)(`as a real redis-server answers${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let redis: RealRedis;
  const clients = new Map<2 | 3, RawClient>();

  beforeAll(async () => {
    redis = await RealRedis.start();
    for (const protocol of [2, 3] as const) {
      const client = await RawClient.open(redis.port);
      if (protocol === 3) await client.send(words('HELLO 3'));
      clients.set(protocol, client);
    }
  });
  afterAll(async () => {
    for (const client of clients.values()) client.close();
    await redis.stop();
  });

  async function ask(protocol: 2 | 3, line: string): Promise<{ readonly reply: Reply; readonly bytes: Buffer }> {
    const client = clients.get(protocol);
    assert(client !== undefined, 'there is a client for both versions');
    return client.send(words(line));
  }

  async function ours(protocol: 2 | 3, line: string, session: SessionRunner): Promise<Reply> {
    session.protocol = protocol;
    const reply = await session.runArguments(words(line));
    assert(reply !== undefined, 'there is a reply');
    return reply;
  }

  describe.each([2, 3] as const)('RESP%i', (protocol) => {
    it('COMMAND INFO: arity, flags, keys, categories, tips and key specifications of every command', async () => {
      const session = new SessionRunner();
      for (const name of ourNames) {
        const line = `COMMAND INFO ${name}`;
        const theirs = shown((await ask(protocol, line)).reply);
        const mine = shown(received(await ours(protocol, line, session), protocol));
        assert(Array.isArray(theirs) && Array.isArray(mine), 'COMMAND INFO answers an array');
        expect(normalizedInfo(mine[0] ?? null), name).toEqual(normalizedInfo(theirs[0] ?? null));
      }
    });

    it('COMMAND INFO has the same kinds of replies', async () => {
      const session = new SessionRunner();
      for (const name of ['get', 'copy', 'client|list', 'nosuch', 'mset']) {
        const { bytes } = await ask(protocol, `COMMAND INFO ${name}`);
        // Flags and categories may be in another order: compare the kinds and sizes of what is sent.
        const kinds = (reply: Buffer): string => reply.toString().replaceAll(/^\+.*$/gm, '+');
        expect(kinds(bytesOf(await ours(protocol, `COMMAND INFO ${name}`, session), protocol))).toBe(kinds(bytes));
      }
    });

    it.each([
      'CONFIG HELP',
      'COMMAND HELP',
      'SLOWLOG HELP',
      'MEMORY HELP',
      'LATENCY HELP',
      'CONFIG GET port nosuch? PORT',
      'CONFIG GET databases',
      'CONFIG GET nosuch',
      'CONFIG SET foo bar',
      'CONFIG SET timeout 1 foo bar',
      'CONFIG SET timeout 1 timeout',
      'CONFIG SET timeout 1 timeout 2',
      'CONFIG SET databases 4',
      'CONFIG SET maxclients abc',
      'CONFIG SET proto-max-bulk-len 1',
      'CONFIG SET tcp-keepalive 300',
      'CONFIG REWRITE',
      'SLOWLOG GET -2',
      'SLOWLOG GET abc',
      'SLOWLOG GET 1 2',
      'SLOWLOG RESET',
      'LATENCY HISTORY nosuch',
      'LATENCY GRAPH nosuch',
      'LATENCY RESET nosuch',
      'LATENCY HISTOGRAM nosuch',
      'LATENCY DOCTOR',
      'COMMAND LIST FILTERBY',
      'COMMAND LIST FILTERBY FOO x',
      'COMMAND LIST FILTERBY MODULE x',
      'COMMAND LIST FILTERBY ACLCAT nosuch',
      'COMMAND LIST FILTERBY ACLCAT @read',
      'COMMAND LIST FILTERBY PATTERN GETEX',
      'COMMAND LIST FILTERBY PATTERN slowlog|g*',
      'COMMAND LIST foo',
      'COMMAND DOCS nosuch',
      'COMMAND DOCS substr',
      'COMMAND DOCS expire',
      'COMMAND GETKEYS nosuch a',
      'COMMAND GETKEYS set a b',
      'COMMAND GETKEYS set a',
      'COMMAND GETKEYS ping x',
      'COMMAND GETKEYS config x y',
      'COMMAND GETKEYS memory usage a',
      'COMMAND GETKEYS memory usage',
      'COMMAND GETKEYS mset a b c',
      'COMMAND GETKEYS mset a b c d',
      'COMMAND GETKEYS get a b',
      'COMMAND GETKEYS object encoding k',
      'COMMAND GETKEYSANDFLAGS set a b',
      'COMMAND GETKEYSANDFLAGS set a b get',
      'COMMAND GETKEYSANDFLAGS copy a b',
      'COMMAND GETKEYSANDFLAGS lcs a b',
      'COMMAND GETKEYSANDFLAGS del a b',
      'MEMORY USAGE nosuch',
      'MEMORY USAGE nosuch SAMPLES',
      'MEMORY USAGE nosuch SAMPLES -1',
      'MEMORY USAGE nosuch SAMPLES x',
      'MEMORY USAGE nosuch FOO 1',
      'MEMORY PURGE',
      'INFO nosuch',
      'INFO modules',
      'INFO cluster',
      'INFO keyspace',
      'ROLE',
      'DBSIZE',
      'RANDOMKEY',
      'KEYS *',
      'FLUSHDB foo',
      'FLUSHALL async sync',
      'FLUSHALL ASYNC',
      'FLUSHDB',
      'SCAN a',
      "SCAN ''",
      'SCAN +',
      'SCAN +0',
      'SCAN -1',
      'SCAN 00',
      'SCAN 0x1',
      'SCAN 18446744073709551615',
      'SCAN 18446744073709551616',
      'SCAN 0 COUNT',
      'SCAN 0 COUNT a',
      'SCAN 0 COUNT 0',
      'SCAN 0 COUNT 99999999999999999999',
      'SCAN 0 FOO bar',
      'SCAN 0 TYPE nosuch',
      'SCAN 0 MATCH * MATCH foo COUNT 5 COUNT 7 TYPE string',
      'COPY a b DB',
      'COPY a b DB 99',
      'COPY a b DB -1',
      'COPY a b DB abc',
      'COPY a b DB 99999999999999999999',
      'COPY a b FOO',
      'COPY a a',
      'COPY a a DB 0',
      'COPY a a DB 1',
      'COPY nosuch b REPLACE DB 1',
      'CLUSTER INFO',
      'CLUSTER KEYSLOT a',
      'READONLY',
      'READWRITE',
      'ASKING',
    ])('%s', async (line) => {
      const theirs = await ask(protocol, line);
      const session = new SessionRunner(new TestProxy({ port: redis.port }));
      expect(bytesOf(await ours(protocol, line, session), protocol).toString()).toBe(theirs.bytes.toString());
    });
  });

  it('COMMAND DOCS of every command but those of the connection group, whose words are of later releases', async () => {
    const session = new SessionRunner();
    const connection = allCommands.filter((row) => row.group === 'connection').map((row) => row.name);
    for (const name of ourNames.filter((one) => !connection.includes(one.split('|')[0] ?? ''))) {
      const line = `COMMAND DOCS ${name}`;
      const { reply } = await ask(3, line);
      const mine = received(await ours(3, line, session), 3);
      assert(reply instanceof MapReply && mine instanceof MapReply, 'COMMAND DOCS answers a map');
      const docs = shown(mine.entries[0]?.[1] ?? null);
      const theirs = shown(reply.entries[0]?.[1] ?? null);
      expect(normalizedDocs(docs), name).toEqual(normalizedDocs(theirs));
    }
  });

  it('KEYS matches the same keys', async () => {
    const keys = ['a', 'ab', 'abc', 'b', 'B', 'a*c', 'a\\b', '[x]', 'x-y', 'x', ']', '^', 'a-z', '?', 'aaab', '-'];
    const patterns = [
      '*',
      '**',
      'a*',
      '*b',
      '?',
      '??',
      '[a-b]',
      '[^a]*',
      '[b-a]',
      '[a-]',
      '[]*',
      '[a',
      'a\\*c',
      '*\\b',
      '[\\]^]',
      '\\',
      '*[',
      '[^]*',
      'a**b',
      '*a*b*',
      '[?]',
      '[x-]*',
      '[^-]',
    ];
    const session = new SessionRunner();
    for (const key of keys) {
      await ask(2, `SET ${key} v`);
      await session.run(`SET ${key} v`);
    }
    for (const pattern of patterns) {
      const theirs = shown((await ask(2, `KEYS ${pattern}`)).reply);
      const mine = await session.run(`KEYS ${pattern}`);
      assert(Array.isArray(theirs) && Array.isArray(mine), 'KEYS answers an array');
      expect([...mine].sort(), pattern).toEqual([...theirs].sort());
    }
  });
});
