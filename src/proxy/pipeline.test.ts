import { afterEach, describe, expect, it } from 'vitest';
import type { Operation } from '../quorum/operation.ts';
import type { Reply } from '../resp/reply.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { CommandRow } from './command.ts';
import type { LocalCluster } from './testing/local-cluster.ts';
import { type HarnessOptions, ProxyHarness } from './testing/proxy-harness.ts';
import { encode, eventually, type RawClient } from './testing/raw-client.ts';

/** Answers the operations in any order but that of their arrival; those on one key stay in order. */
function shuffling(cluster: LocalCluster): ClusterPort {
  let waiting: Operation<Reply>[] = [];
  const release = (): void => {
    const batch = waiting;
    waiting = [];
    const keys = [...new Set(batch.map(({ key }) => key.toString('latin1')))].reverse();
    for (const key of keys) {
      for (const operation of batch) if (operation.key.toString('latin1') === key) cluster.submit(operation);
    }
  };
  return {
    submit(operation) {
      if (waiting.length === 0) setImmediate(release);
      waiting.push(operation);
    },
    transact: (operation) => cluster.transact(operation),
    scan: (namespace, cursor, count) => cluster.scan(namespace, cursor, count),
    count: (namespaces) => cluster.count(namespaces),
    randomKey: (namespace) => cluster.randomKey(namespace),
    flush: (namespaces) => cluster.flush(namespaces),
    swap: (one, other) => cluster.swap(one, other),
    map: () => cluster.map(),
    onMap: (listener) => cluster.onMap(listener),
    createNamespace: (name) => cluster.createNamespace(name),
    setNamespaceLimits: (name, changes) => cluster.setNamespaceLimits(name, changes),
    nodes: () => cluster.nodes(),
    locate: (namespace, key) => cluster.locate(namespace, key),
    inspect: (namespace, key) => cluster.inspect(namespace, key),
  };
}

/** Like DBSIZE: asks the cluster in its own way. */
const countKeys: CommandRow = {
  name: 'countkeys',
  group: 'server',
  summary: 'Counts.',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 1,
  flags: ['readonly'],
  categories: [],
  keys: null,
  docArguments: [],
  handler: {
    kind: 'waiting',
    run: async (session) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const [count] = await session.proxy.cluster.count([session.database]);
      return count?.keys ?? 0;
    },
  },
};

let harness: ProxyHarness;

async function connected(options: HarnessOptions = {}): Promise<RawClient> {
  harness = await ProxyHarness.start(options);
  return harness.client();
}

afterEach(() => harness.stop());

describe('pipelines', () => {
  it('answers in request order whatever the order in which the cluster answers', async () => {
    const client = await connected({ wrap: shuffling });
    const count = 3_000;
    const requests: Buffer[] = [];
    let expected = '';
    for (let i = 0; i < count; i++) {
      requests.push(
        encode(['SET', `k${i % 100}`, `v${i}`]),
        encode(['GET', `k${i % 100}`]),
        encode(['PING', String(i)]),
      );
      expected += `+OK\r\n$${`v${i}`.length}\r\nv${i}\r\n$${String(i).length}\r\n${i}\r\n`;
    }
    client.send(Buffer.concat(requests));
    expect(await client.read(expected.length)).toBe(expected);
  });

  it('takes requests byte by byte', async () => {
    const client = await connected({ wrap: shuffling });
    const requests = Buffer.concat([encode(['SET', 'k', 'value']), Buffer.from('PING\r\n'), encode(['get', 'k'])]);
    for (const byte of requests) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.read(23)).toBe('+OK\r\n+PONG\r\n$5\r\nvalue\r\n');
  });

  it('answers commands over several keys as one', async () => {
    const client = await connected({ wrap: shuffling });
    client.command('MSET', 'a', '1', 'b', '2');
    client.command('MGET', 'a', 'none', 'b', 'a');
    const expected = '+OK\r\n*4\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n$1\r\n1\r\n';
    expect(await client.read(expected.length)).toBe(expected);
  });

  it('SELECT holds for the commands after it at once', async () => {
    const client = await connected({ wrap: shuffling });
    client.command('SET', 'k', 'zero');
    client.command('SELECT', '3');
    client.command('SET', 'k', 'three');
    client.command('SELECT', '0');
    client.command('GET', 'k');
    expect(await client.read(30)).toBe('+OK\r\n+OK\r\n+OK\r\n+OK\r\n$4\r\nzero\r\n');
    expect(harness.cluster.record(3, 'k')?.sizeBytes).toBe(5);
  });

  it('HELLO 3 in the middle changes the encoding from its own reply on', async () => {
    const client = await connected({ wrap: shuffling });
    client.command('GET', 'none');
    client.command('HELLO', '3');
    client.command('GET', 'none');
    client.command('HELLO', '2');
    client.command('GET', 'none');
    const body = (proto: number): string =>
      `$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:${proto}\r\n$2\r\nid\r\n:1\r\n` +
      '$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n';
    const expected = `$-1\r\n%7\r\n${body(3)}_\r\n*14\r\n${body(2)}$-1\r\n`;
    expect(await client.read(expected.length)).toBe(expected);
  });

  it('a waiting command starts after those before it and holds back those after it', async () => {
    const client = await connected({ wrap: shuffling, commands: [countKeys] });
    for (let i = 0; i < 5; i++) client.command('SET', `k${i}`, 'v');
    client.command('COUNTKEYS');
    client.command('SET', 'k5', 'v');
    client.command('COUNTKEYS');
    client.command('COUNTKEYS');
    client.command('GET', 'k5');
    const expected = `${'+OK\r\n'.repeat(5)}:5\r\n+OK\r\n:6\r\n:6\r\n$1\r\nv\r\n`;
    expect(await client.read(expected.length)).toBe(expected);
  });

  it('QUIT answers what came before it, says OK and drops what follows', async () => {
    const client = await connected({ wrap: shuffling });
    client.send(
      Buffer.concat([encode(['SET', 'a', '1']), encode(['QUIT']), encode(['SET', 'b', '1']), Buffer.alloc(70_000)]),
    );
    expect(await client.readToEnd()).toBe('+OK\r\n+OK\r\n');
    expect(harness.cluster.record(0, 'b')).toBeNull();
    expect(harness.proxy.context.clients.size).toBe(0);
  });

  it('answers a client that has closed its side, and forgets its half command', async () => {
    const client = await connected({ wrap: shuffling });
    client.socket.end(Buffer.concat([encode(['SET', 'a', '1']), encode(['GET', 'a']), Buffer.from('*2\r\n$3\r\nGE')]));
    expect(await client.readToEnd()).toBe('+OK\r\n$1\r\n1\r\n');
    expect(await eventually(() => harness.proxy.context.clients.size === 0)).toBe(true);
  });

  it('survives clients that disconnect with commands under way', async () => {
    const client = await connected();
    harness.cluster.hold();
    for (let i = 0; i < 20; i++) {
      const other = await harness.client();
      other.send(Buffer.concat([encode(['SET', `k${i}`, 'v']), Buffer.from('*3\r\n$3\r\nSET\r\n$100\r\nhalf')]));
    }
    expect(await eventually(() => harness.cluster.submitted === 20)).toBe(true);
    for (const session of harness.proxy.context.clients.filter(({ id }) => id > 1)) session.destroy();
    harness.cluster.release();
    expect(await client.ask('$1\r\nv\r\n', 'GET', 'k7')).toBe('$1\r\nv\r\n');
    expect(harness.proxy.context.clients.size).toBe(1);
    expect(harness.proxy.context.clients.queryBufferBytes).toBe(0);
  });

  it('CLIENT REPLY OFF, ON and SKIP', async () => {
    const client = await connected({ wrap: shuffling });
    client.command('SET', 'a', '1');
    client.command('CLIENT', 'REPLY', 'SKIP');
    client.command('GET', 'a');
    client.command('PING', 'one');
    client.command('CLIENT', 'REPLY', 'OFF');
    client.command('GET', 'a');
    client.command('NONSENSE');
    client.command('CLIENT', 'REPLY', 'ON');
    client.command('CLIENT', 'REPLY', 'SKIP');
    client.command('CLIENT', 'REPLY', 'ON');
    client.command('GET', 'a');
    const expected = '+OK\r\n$3\r\none\r\n+OK\r\n+OK\r\n$1\r\n1\r\n';
    expect(await client.read(expected.length)).toBe(expected);
  });
});
