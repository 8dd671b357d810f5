import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { IdleClients } from '../compat-tests/support/idle-clients.ts';
import { connectionsText, ratioOfIdle } from './connections-text.ts';
import { type ConnectionsResult, type ConnectionsRun, sizesOf, type TransportResult } from './measure-connections.ts';
import { parseOptions, UsageError } from './options.ts';
import { sectionOf } from './sections.ts';

function run(p99Ms: number, proxyCpuUs = 100): ConnectionsRun {
  return { p50Ms: 1, p99Ms, p999Ms: 9, maxMs: 10, proxyCpuUs, operations: 1_000, failed: 0 };
}

const TCP: TransportResult = {
  transport: 'TCP',
  withoutIdle: [run(2), run(4), run(3)],
  withIdle: [run(3, 110), run(3.6, 120), run(4.5, 110)],
  memory: { residentBytes: 15_000 * 2 * 1_024, heapBytes: 15_000 * 1_536, externalBytes: 0 },
  quietMs: 5,
  quietWithIdleMs: 7,
  openMs: 3_000,
  lost: 0,
};
const TLS: TransportResult = {
  ...TCP,
  transport: 'TLS',
  withIdle: [run(6), { ...run(6), failed: 2 }, run(6)],
  memory: { ...TCP.memory, residentBytes: 15_000 * 45 * 1_024 },
};
const RESULT: ConnectionsResult = {
  machine: {
    ...{ cpu: 'C', cores: 2, memoryGb: 8, kernel: '6.1', loadBefore: 0.1, node: 'v24', redis: '7', etcd: null },
    ...{ junokv: 'abc', date: '2026-01-01' },
  },
  ...{ idle: 15_000, active: 200, ratePerSecond: 2_000, keys: 100_000, rounds: 3, transports: [TCP, TLS] },
};

describe('the section on many connections', () => {
  const { text, plots } = sectionOf({ mode: 'connections', result: RESULT });
  const row = (start: string): string[] =>
    (text.split('\n').find((line) => line.replaceAll(/ +/g, ' ').startsWith(start)) ?? '')
      .split('|')
      .map((cell) => cell.trim());

  it('has ratios of medians, the spread of the rounds, and says what holds', () => {
    expect(ratioOfIdle(TCP, 'p99Ms')).toBeCloseTo(1.2);
    expect(text).toContain('**TCP**: p99 is 1.20 times that without idle connections; at most 1.5 holds.');
    expect(text).toContain('**TLS**: p99 is 2.00 times that without idle connections; at most 1.5 does not hold.');
    expect(row('| TCP | 0 |').slice(3, 7)).toEqual(['1.00', '3.00', '9.00', '100.0']);
    const ratios = ['1.00', '1.20', '0.90-1.50', '1.10', '0'];
    expect(row('| TCP | 15,000 |').slice(3, 12)).toEqual(['1.00', '3.60', '9.00', '110.0', ...ratios]);
    expect(row('| TLS | 15,000 |').at(-2)).toBe('2');
  });

  it('has what an idle one costs', () => {
    expect(row('| TCP | 2.0 |').slice(2, 9)).toEqual(['2.0', '1.5', '0.0', '5.0', '7.0', '5,000', '0']);
    expect(row('| TLS | 45.0 |').slice(2, 4)).toEqual(['45.0', '1.5']);
    expect([connectionsText(RESULT).includes('NaN'), plots]).toEqual([false, []]);
  });
});

describe('the command line', () => {
  it('has a full form and a short one', () => {
    const full = parseOptions(['--connections', '--json', 'x.json']);
    expect(full).toMatchObject({ mode: 'connections', rounds: 5, jsonFile: 'x.json' });
    expect(sizesOf({ form: 'normal' })).toEqual({ idle: 15_000, active: 200, ratePerSecond: 2_000 });
    expect(parseOptions(['--connections', '--quick'])).toMatchObject({ form: 'quick', rounds: 2 });
    expect(sizesOf({ form: 'quick' }).idle).toBe(1_000);
    for (const args of [
      ['--connections', '--scale'],
      ['--connections', '--full'],
      ['--connections', '--systems', 'redis'],
    ]) {
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
  });
});

describe('idle clients', () => {
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  let clients: IdleClients | null = null;
  afterEach(() => {
    clients?.stop();
    server?.close();
    for (const socket of sockets) socket.destroy();
  });

  async function serve(answer: string): Promise<number> {
    const made = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      socket.on('data', () => socket.write(answer));
    });
    server = made;
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    const address = made.address();
    if (address === null || typeof address === 'string') expect.fail();
    return address.port;
  }

  it('are there once each was answered, are counted when the server closes some, and all go', async () => {
    const port = await serve('+PONG\r\n');
    clients = new IdleClients();
    await clients.open({ port, ca: null }, 100);
    expect([sockets.size, await clients.lost()]).toEqual([100, 0]);
    const some = [...sockets].slice(0, 30);
    for (const socket of some) socket.destroy();
    await expect.poll(() => clients?.lost()).toBe(30);
    expect(await clients.close()).toBe(30);
    await expect.poll(() => sockets.size).toBe(0);
  });

  it('say what was answered in place of PONG', async () => {
    const port = await serve('-NOAUTH no\r\n');
    clients = new IdleClients();
    await expect(clients.open({ port, ca: null }, 2)).rejects.toThrow('NOAUTH');
  });
});
