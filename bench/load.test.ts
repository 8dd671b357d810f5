import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { BatchWriter } from './commands.ts';
import { fillKeys } from './fill.ts';
import { keyChooser, keyName, seededRandom, slotOf } from './keys.ts';
import { keysByEndpoint, type Load, runLoad, wholeEndpoint } from './load-client.ts';
import { runOpenLoop } from './open-loop.ts';
import { slotRanges } from './redis-cluster.ts';
import { ReplyCounter } from './reply-counter.ts';

describe('keys', () => {
  it('have the slots of Redis Cluster', () => {
    expect(slotOf('foo')).toBe(12_182);
    expect(slotOf('123456789')).toBe(0x31c3);
  });

  it('are chosen uniformly, by Zipf, or always the same', () => {
    const keys = 1_000;
    const draw = (pattern: 'uniform' | 'zipf' | 'one'): number[] => {
      const counts = new Array<number>(keys).fill(0);
      const choose = keyChooser(pattern, keys, seededRandom(1));
      for (let i = 0; i < 100_000; i++) {
        const key = choose();
        counts[key] = (counts[key] ?? 0) + 1;
      }
      return counts;
    };
    expect(Math.max(...draw('uniform'))).toBeLessThan(200);
    const zipf = draw('zipf');
    expect(zipf[0]).toBeGreaterThan(10 * (zipf[20] ?? 0));
    expect(zipf.filter((count) => count > 0).length).toBeGreaterThan(keys / 2);
    expect(draw('one').filter((count) => count > 0)).toHaveLength(1);
  });

  it('are the same for the same seed', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(9).every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('go to the endpoint that serves their slot', () => {
    const endpoints = slotRanges([1, 2, 3]);
    expect(endpoints.map(({ firstSlot }) => firstSlot)).toEqual([0, 5_462, 10_923]);
    expect(endpoints.at(-1)?.lastSlot).toBe(16_383);
    const lists = keysByEndpoint(endpoints, 'key:', 300);
    expect(lists.reduce((sum, list) => sum + (list?.length ?? 0), 0)).toBe(300);
    for (const [i, list] of lists.entries()) {
      const { firstSlot, lastSlot } = endpoints[i] ?? expect.fail();
      for (const index of list ?? []) {
        const slot = slotOf(keyName('key:', index));
        expect(slot >= firstSlot && slot <= lastSlot).toBe(true);
      }
    }
    expect(keysByEndpoint([wholeEndpoint(1)], 'key:', 300)).toEqual([null]);
  });
});

describe('BatchWriter', () => {
  const batch = (operation: 'GET' | 'SET' | 'INCR' | 'MGET' | 'MSET', pipeline = 1, waitForReplica = false): string => {
    let key = 41;
    const workload = { operation, valueBytes: 3, pipeline, waitForReplica };
    const writer = new BatchWriter(
      workload,
      () => ++key,
      () => 0,
    );
    writer.next();
    return `${writer.next().toString('latin1')}${writer.replies}`.replaceAll('\r\n', '|');
  };

  it('writes commands with the keys that were chosen, anew in each batch', () => {
    expect(batch('GET')).toBe('*2|$3|GET|$16|key:000000000043|1');
    expect(batch('SET', 2)).toBe('*3|$3|SET|$16|key:000000000044|$3|xxx|*3|$3|SET|$16|key:000000000045|$3|xxx|2');
    expect(batch('INCR')).toBe('*2|$4|INCR|$20|counter:000000000043|1');
    expect(batch('MGET')).toMatch(/^\*11\|\$4\|MGET(\|\$16\|key:0000000000\d\d){10}\|1$/);
    expect(batch('MSET')).toMatch(/^\*21\|\$4\|MSET(\|\$16\|key:0000000000\d\d\|\$3\|xxx){10}\|1$/);
  });

  it('ends batches that write with one WAIT', () => {
    expect(batch('SET', 2, true)).toMatch(/xxx\|\*3\|\$4\|WAIT\|\$1\|1\|\$4\|1000\|3$/);
    expect(batch('GET', 2, true)).not.toContain('WAIT');
  });

  it('mixes nine GETs with a SET', () => {
    const workload = { operation: 'MIX', valueBytes: 3, pipeline: 2_000, waitForReplica: false } as const;
    const text = new BatchWriter(workload, () => 1, seededRandom(3)).next().toString('latin1');
    expect(text.match(/GET/g)?.length).toBeGreaterThan(1_750);
    expect(text.match(/SET/g)?.length).toBeGreaterThan(150);
  });
});

describe('ReplyCounter', () => {
  const REPLIES =
    '+OK\r\n:12\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n$1\r\na\r\n$-1\r\n*-1\r\n*0\r\n-ERR no\r\n:0\r\n$0\r\n\r\n';

  it('counts the same however the bytes are cut', () => {
    for (let cut = 1; cut <= REPLIES.length; cut++) {
      const counter = new ReplyCounter();
      let count = 0;
      for (let at = 0; at < REPLIES.length; at += cut) count += counter.push(Buffer.from(REPLIES.slice(at, at + cut)));
      expect([cut, count, counter.errors, counter.nulls, counter.zeros]).toEqual([cut, 10, 1, 2, 1]);
    }
  });

  it('keeps the first error', () => {
    const counter = new ReplyCounter();
    counter.push(Buffer.from('+OK\r\n-ERR no\r\n-ERR other\r\n'));
    expect(counter.firstError).toContain('ERR no');
  });
});

describe('loads', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** Answers each command of a batch with `reply`, and WAIT with `waitReply`. */
  async function listen(
    reply: string,
    waitReply = ':1\r\n',
    answer = (socket: Socket, text: string): unknown => socket.write(text),
  ) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        const commands = chunk.toString('latin1').match(/\$\d+\r\n(GET|SET|WAIT)\r\n/g) ?? [];
        answer(socket, commands.map((command) => (command.includes('WAIT') ? waitReply : reply)).join(''));
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') expect.fail();
    return [wholeEndpoint(address.port)];
  }

  const LOAD: Omit<Load, 'endpoints'> & { readonly operation: 'SET' } = {
    operation: 'SET',
    valueBytes: 10,
    pipeline: 4,
    waitForReplica: false,
    keyPattern: 'uniform',
    keys: 100,
    connections: 3,
    durationMs: 100,
  };

  it('of a closed loop count requests, errors, missing keys and vain WAITs', async () => {
    const good = await runLoad({ ...LOAD, endpoints: await listen('+OK\r\n') });
    expect(good.operations).toBeGreaterThan(0);
    expect(good.operations % LOAD.pipeline).toBe(0);
    expect(good.errors).toBe(0);
    expect(good.p99Ms).toBeGreaterThan(0);
    const bad = await runLoad({ ...LOAD, endpoints: await listen('-ERR no\r\n') });
    expect(bad.errors).toBe(bad.operations);
    const missing = await runLoad({ ...LOAD, operation: 'GET', endpoints: await listen('$-1\r\n') });
    expect(missing.errors).toBe(missing.operations);
    const vain = await runLoad({ ...LOAD, waitForReplica: true, endpoints: await listen('+OK\r\n', ':0\r\n') });
    expect(vain.errors).toBe(vain.operations / LOAD.pipeline);
  });

  it('of a closed loop fail when the server closes', async () => {
    const endpoints = await listen('+OK\r\n', '', (socket) => socket.destroy());
    await expect(runLoad({ ...LOAD, endpoints })).rejects.toThrow('closed');
  });

  it('fill every key, and say what was answered to a SET that failed', async () => {
    let bytes = '';
    const endpoints = await listen('+OK\r\n', '', (socket, text) => {
      bytes += text;
      socket.write(text);
    });
    await fillKeys(endpoints, 1_234, 10);
    expect(bytes).toBe('+OK\r\n'.repeat(1_234));
    await expect(fillKeys(await listen('-OOM no\r\n'), 10, 10)).rejects.toThrow('OOM');
    let refusals = 2;
    const busy = await listen('+OK\r\n', '', (socket, text) => {
      refusals -= 1;
      socket.write(refusals >= 0 ? text.replace('+OK', '-BUSY later') : text);
    });
    await fillKeys(busy, 10, 10);
    expect(refusals).toBeLessThan(0);
  });

  it('of an open loop are at the rate, and latency counts from the intended time', async () => {
    const load = { ...LOAD, connections: 4, ratePerSecond: 500, durationMs: 1_000 };
    const quick = await runOpenLoop({ ...load, endpoints: await listen('+OK\r\n') });
    expect(quick.answeredPerSecond).toBeGreaterThan(350);
    expect(quick.answeredPerSecond).toBeLessThan(650);
    expect([quick.errors, quick.unanswered]).toEqual([0, 0]);
    // One stop of half a second: a closed loop would see four slow requests, here all that were due meanwhile are slow.
    let isStopped = false;
    const stopped = await listen('+OK\r\n', '', (socket, text) => {
      if (!isStopped) {
        isStopped = true;
        setTimeout(() => {
          const endMs = performance.now() + 400;
          while (performance.now() < endMs) Math.random();
        }, 400);
      }
      socket.write(text);
    });
    const slow = await runOpenLoop({ ...load, endpoints: stopped });
    expect(slow.p90Ms).toBeGreaterThan(100);
  });

  it('of an open loop say how many requests had no answer', async () => {
    const endpoints = await listen('', '', () => {});
    const mute = await runOpenLoop({ ...LOAD, endpoints, ratePerSecond: 200, durationMs: 200 });
    expect(mute.unanswered).toBeGreaterThan(10);
    expect(mute.answeredPerSecond).toBe(0);
  });
});
