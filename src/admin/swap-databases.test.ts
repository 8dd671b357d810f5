import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TcpCluster } from './testing/tcp-cluster.ts';

let cluster: TcpCluster;
const clients: Redis[] = [];

beforeAll(async () => {
  cluster = await TcpCluster.start();
});
afterEach(async () => {
  await clients[0]?.flushall();
  for (const client of clients.splice(0)) client.disconnect();
});
afterAll(() => cluster.stop());

/** A client of one of the two proxies. */
function connect(proxy: number, db = 0): Redis {
  const client = new Redis({ port: cluster.ports[proxy] ?? 0, host: '127.0.0.1', db });
  clients.push(client);
  return client;
}

describe('SWAPDB, over sockets and two proxies', () => {
  it('is seen at once by the clients of both, also those that have one of the databases selected', async () => {
    const [zero, one] = [connect(0, 0), connect(1, 1)];
    await zero.mset('a', 'zero', 'b', 'zero');
    await one.hset('h', 'f', 'one');
    expect(await zero.swapdb(0, 1)).toBe('OK');
    expect([await zero.dbsize(), await one.dbsize()]).toEqual([1, 2]);
    expect(await one.mget('a', 'b')).toEqual(['zero', 'zero']);
    expect(await zero.hgetall('h')).toEqual({ f: 'one' });
    const [, found] = await one.scan('0', 'COUNT', '1000');
    expect(found.sort()).toEqual(['a', 'b']);
    await one.flushdb();
    expect([await zero.dbsize(), await one.dbsize()]).toEqual([1, 0]);
    const lines = (await zero.info('keyspace')).split('\r\n').filter((line) => line.startsWith('db'));
    expect(lines).toEqual([expect.stringMatching(/^db0:keys=1,/)]);
  });

  it('aborts an EXEC of the other proxy, of a key that it exchanged', async () => {
    const [zero, other] = [connect(0, 0), connect(1, 3)];
    await other.set('k', 'three');
    await zero.watch('k');
    await other.swapdb(3, 0);
    expect(await zero.multi().set('k', 'mine').exec()).toBeNull();
    expect(await zero.get('k')).toBe('three');
  });

  it('loses and doubles nothing while clients write through both proxies', async () => {
    const writers = [connect(0, 0), connect(1, 0), connect(0, 1), connect(1, 1)];
    const swapper = connect(1);
    const done = { n: 0, m: 0 };
    const open = { n: 0, m: 0 };
    const write = async (client: Redis, turn: number): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        const together = (i + turn) % 5 === 0 ? client.multi() : client.pipeline();
        // One that is UNCERTAIN may have happened.
        const replies = await together
          .incr('n')
          .incr('m')
          .exec()
          .catch(() => null);
        for (const [at, key] of (['n', 'm'] as const).entries()) {
          if (replies?.[at]?.[0] === null) done[key]++;
          else open[key]++;
        }
      }
    };
    let isOver = false;
    const swaps = (async () => {
      let count = 0;
      for (; !isOver; count++) await swapper.swapdb(0, 1);
      return count;
    })();
    await Promise.all(writers.map(write));
    isOver = true;
    expect(await swaps).toBeGreaterThan(0);
    const [zero, one] = [connect(0, 0), connect(1, 1)];
    for (const key of ['n', 'm'] as const) {
      const sum = Number(await zero.get(key)) + Number(await one.get(key));
      expect(sum).toBeGreaterThanOrEqual(done[key]);
      expect(sum).toBeLessThanOrEqual(done[key] + open[key]);
      expect(done[key]).toBeGreaterThan(100);
    }
  });
});
