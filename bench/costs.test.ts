import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MESSAGE_EVENTS } from './cluster-counts.ts';
import { CODE_PARTS, partOfUrl } from './code-parts.ts';
import { COUNTED_EVENTS, type RoomsResult, type RoomsRow } from './measure-rooms.ts';
import { type ScaleCosts, type ScaleResult, shapesOf } from './measure-scale.ts';
import { parseOptions, UsageError } from './options.ts';
import { callCounts, cpuShares, heapBytes } from './profiles.ts';
import { sectionOf } from './sections.ts';
import { parsePerf, parseStrace } from './system-calls.ts';
import { resultsOf } from './testing/made-up-results.ts';
import { cpuBetween, groupOf, NO_CPU, readAllThreadCpu, readThreadCpu, totalOf } from './thread-cpu.ts';

const frame = (functionName: string, url = '') => ({ functionName, url });
const ROOM = 'file:///somewhere/src';

describe('code', () => {
  it('belongs to rooms, libraries and Node', () => {
    const parts = {
      [`${ROOM}/quorum/round.ts`]: 'src/quorum',
      'file:///usr/lib/junokv/dist/proxy/values/list.js': 'src/proxy',
      'file:///a/node_modules/sodium-native/index.js': 'libsodium',
      'file:///a/node_modules/rocksdb-native/lib/batch.js': 'RocksDB binding',
      'node:net': 'sockets and streams',
      'node:internal/stream_base_commons': 'sockets and streams',
      'node:internal/streams/writable': 'sockets and streams',
      'node:buffer': 'rest of Node',
      'node:internal/timers': 'rest of Node',
      [`${ROOM}/main.ts`]: 'other code',
      'file:///a/node_modules/pino/pino.js': 'other code',
      '': null,
    };
    expect(Object.fromEntries(Object.keys(parts).map((url) => [url, partOfUrl(url)]))).toEqual(parts);
    expect(new Set(CODE_PARTS).size).toBe(CODE_PARTS.length);
  });

  it('has the functions whose calls are counted', () => {
    for (const { file, functionName } of [...COUNTED_EVENTS, ...MESSAGE_EVENTS]) {
      const source = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8');
      expect([file, functionName, source.includes(`\n  ${functionName}(`)]).toEqual([file, functionName, true]);
    }
  });
});

describe('profiles', () => {
  it('give native functions to their callers, and leave out waiting', () => {
    const nodes = [
      { id: 1, callFrame: frame('(root)'), children: [2, 4, 5, 6] },
      { id: 2, callFrame: frame('send', `${ROOM}/rpc/peer.ts`), children: [3] },
      { id: 3, callFrame: frame('push') },
      { id: 4, callFrame: frame('(idle)') },
      { id: 5, callFrame: frame('(garbage collector)') },
      { id: 6, callFrame: frame('(program)') },
    ];
    const { shares, samples } = cpuShares({ nodes, samples: [2, 3, 3, 4, 4, 4, 5, 6] });
    expect(samples).toBe(5);
    expect([shares['src/rpc'], shares['garbage collector'], shares['native code']]).toEqual([
      expect.closeTo(0.6),
      expect.closeTo(0.2),
      expect.closeTo(0.2),
    ]);
    expect(cpuShares({ nodes, samples: [4] }).shares['src/rpc']).toBe(0);
  });

  it('add up allocations', () => {
    const leaf = { callFrame: frame('alloc'), selfSize: 30, children: [] };
    const room = { callFrame: frame('f', `${ROOM}/record/state.ts`), selfSize: 10, children: [leaf] };
    const bytes = heapBytes({ callFrame: frame('(root)'), selfSize: 0, children: [room] }, 4);
    expect(bytes['src/record']).toBe(10);
    expect(bytes['native code']).toBe(0);
  });

  it('count calls, and the events that they stand for', () => {
    const functions = [
      { functionName: '#send', ranges: [{ count: 12 }] },
      { functionName: 'other', ranges: [{ count: 4 }] },
    ];
    const event = { name: 'sent', file: 'quorum/round.ts', functionName: '#send' };
    const never = { name: 'never', file: 'quorum/round.ts', functionName: 'gone' };
    const result = [
      { url: `${ROOM}/quorum/round.ts`, functions },
      { url: `${ROOM}/rpc/round.ts`, functions },
    ];
    const { calls, events } = callCounts({ result }, [event, never], 2);
    expect([calls['src/quorum'], calls['src/rpc']]).toEqual([8, 8]);
    expect(events).toEqual([
      { name: 'sent', perOperation: 6 },
      { name: 'never', perOperation: 0 },
    ]);
  });
});

describe('threads', () => {
  it('are grouped by their names', () => {
    const names = ['V8Worker', 'DelayedTaskSche', 'libuv-worker', 'rocksdb:low', 'InspectorIo'];
    expect(names.map((name) => groupOf(7, 8, name))).toEqual([
      'V8 workers',
      'V8 workers',
      'libuv workers',
      'RocksDB',
      'other threads',
    ]);
    expect(groupOf(7, 7, 'MainThread')).toBe('main thread');
  });

  it('have CPU time that grows with what they do', () => {
    const before = readThreadCpu(process.pid);
    const endMs = performance.now() + 30;
    while (performance.now() < endMs);
    const used = cpuBetween(before, readThreadCpu(process.pid), 1);
    expect(totalOf(used)).toBeGreaterThan(100);
    expect(totalOf(readAllThreadCpu([process.pid, process.pid]))).toBeGreaterThan(totalOf(before));
    expect(totalOf(readAllThreadCpu([]))).toBe(0);
  });
});

describe('system calls', () => {
  it('are read from what perf says', () => {
    const lines = ['100,,raw_syscalls:sys_enter,5,100.00,,', '40,,syscalls:sys_enter_read,5,100.00,,'];
    expect(parsePerf([...lines, '0,,syscalls:sys_enter_fsync,5,100.00,,'].join('\n'))).toEqual({ read: 40, other: 60 });
    expect(parsePerf('<not supported>,,raw_syscalls:sys_enter,0,100.00,,')).toBeNull();
    expect(parsePerf('Error: no access')).toBeNull();
  });

  it('are read from what strace says', () => {
    const table = [
      '% time     seconds  usecs/call     calls    errors syscall',
      '------ ----------- ----------- --------- --------- ----------------',
      ' 97.73   12.447694        3525      3531       217 futex',
      '  0.41    0.052123          10      4934           write',
      '  0.05    0.005802          19       301           getpid',
      '  0.01    0.000001           1         1           gettid',
      '100.00   12.736248         853      8767       217 total',
    ];
    expect(parseStrace(table.join('\n'))).toEqual({ futex: 3531, write: 4934, other: 302 });
    expect(parseStrace('strace: attach: Operation not permitted')).toBeNull();
  });
});

const { machine } = resultsOf('get', { redis: [1] });
const byPart = (value: number) => Object.fromEntries(CODE_PARTS.map((part) => [part, value])) as RoomsRow['heapBytes'];
const ROOMS: RoomsResult = {
  machine,
  rounds: 1,
  systemCallTool: 'perf',
  rows: (['GET', 'SET', 'INCR'] as const).flatMap((operation) =>
    [1, 16].map((pipeline) => ({
      ...{ operation, pipeline, operations: 10, totalLeastUs: 18, totalMostUs: 22, cpuSamples: 7_000, failedRuns: 0 },
      threads: { ...NO_CPU, 'main thread': 18, RocksDB: 2 },
      cpuShares: byPart(1 / CODE_PARTS.length),
      heapBytes: byPart(12),
      calls: { calls: byPart(3), events: COUNTED_EVENTS.map(({ name }) => ({ name, perOperation: 0.25 })) },
      systemCalls: { read: 1, futex: 0.001, other: 0.5 },
    })),
  ),
};

const scaleCosts = (operation: ScaleCosts['operation'], times: number): ScaleCosts => ({
  ...{ operation, operations: 100, failed: 0, leastUs: 1, mostUs: 9 },
  proxy: { ...NO_CPU, 'main thread': 30 * times },
  storage: { ...NO_CPU, 'main thread': 40 * times, 'libuv workers': -0.5 },
  counts: {
    ...{ proxyCalls: 300, storageCalls: 200 * times, messages: 1.5, visits: operation === 'GET' ? 2 : 5 },
    ...{ proxySystemCalls: 4, storageSystemCalls: times > 1 ? null : 5 },
  },
});
const SCALE: ScaleResult = {
  ...{ machine, keys: 1_000, rounds: 3 },
  rows: shapesOf(false).map((shape) => {
    const times = shape.nodesPerZone === 8 ? 1.5 : 1;
    const costs = (['GET', 'SET'] as const).map((operation) => scaleCosts(operation, times));
    return { ...shape, costs, idleProxyMs: 2, idleStorageMs: 1 };
  }),
};

describe('the sections of the page', () => {
  it('say where the time goes', () => {
    const { text, plots } = sectionOf({ mode: 'rooms', result: ROOMS });
    expect(text).toContain('## Where the time goes');
    expect(text).toMatch(/\| main thread +\| +18\.00 \|/);
    expect(text).toMatch(/\| src\/quorum +\| +1\.00 \|/);
    expect(text).toMatch(/\| states sealed +\| +0\.250 \|/);
    expect(text).toMatch(/\| `read` +\| +1\.000 \|/);
    expect(text).toMatch(/\| all +\| +1\.501 \|/);
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
    expect(plots.map(({ file }) => file)).toEqual(['rooms.svg']);
    expect(text).toContain('(performance/rooms.svg)');
    expect(text).not.toContain('repeated');
    const again = { ...ROOMS, rows: ROOMS.rows.map((row, i) => ({ ...row, failedRuns: i === 2 ? 3 : 0 })) };
    expect(sectionOf({ mode: 'rooms', result: again }).text).toContain('because a request failed: SET P1 3.');
    const uncounted = { ...ROOMS, rows: ROOMS.rows.map((row) => ({ ...row, systemCalls: null })) };
    expect(sectionOf({ mode: 'rooms', result: uncounted }).text).toContain('System calls were not counted');
  });

  it('say what more processes cost, and what is a model', () => {
    const { text, plots } = sectionOf({ mode: 'scale', result: SCALE });
    const row = (start: string, within = text): string[] => {
      const line = within.split('\n').find((one) => one.replaceAll(/ +/g, ' ').startsWith(start));
      return (line ?? '').split('|').map((cell) => cell.trim());
    };
    const [, cpuText = ''] = text.split('### CPU time per operation with more processes');
    // Event loops in brackets; what idle threads did is taken off.
    const timed = ['45.0 (45.0)', '59.5 (60.0)', '104.5', '1-9', '1.50', '0'];
    expect(row('| GET, more storage nodes | 8 |', cpuText).slice(5, 11)).toEqual(timed);
    const counted = ['5.00', '1.50', '300', '300', '1.20', '4.0', ''];
    expect(row('| SET, more of both and of the load | 8 |').slice(3, 12)).toEqual(['8', '4,000', ...counted]);
    expect(row('| GET, more proxies | 1 | 1 |').slice(4, 6)).toEqual(['4,000', '2.00']);
    expect(text).toContain('**This is a model, not a measurement.**');
    // 60 us of storage loops: 33 x 3 nodes at 70% do 99 x 0.7 / 60 us. 40 us: a million need 20 nodes in each zone.
    expect(row('| high | 99 |').slice(3, 6)).toEqual(['75', '1,155,000', '70%']);
    expect(row('| SET | low |').slice(3, 7)).toEqual(['60', '43', '1,000,000', '67%']);
    expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(plots.map(({ file }) => file)).toEqual(['scale-calls.svg', 'scale.svg', 'scale-model.svg']);
    for (const { file } of plots) expect(text).toContain(`(performance/${file})`);
  });
});

describe('the command line', () => {
  it('counts costs in one form or the short one', () => {
    expect(parseOptions(['--rooms', '--write-docs'])).toMatchObject({ mode: 'rooms', writeDocs: true });
    expect(parseOptions(['--scale', '--quick'])).toMatchObject({ mode: 'scale', form: 'quick' });
    for (const args of [
      ['--rooms', '--scale'],
      ['--rooms', '--full'],
      ['--scale', '--rows', 'get'],
    ]) {
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
  });

  it('measures growing clusters from one node and one proxy on', () => {
    const sizes = shapesOf(true).map(({ series, nodesPerZone, proxies, ratePerSecond }) => {
      return [series, nodesPerZone, proxies, ratePerSecond];
    });
    expect(sizes).toEqual([
      ['nodes', 1, 1, 4_000],
      ['nodes', 2, 1, 4_000],
      ['proxies', 1, 2, 4_000],
      ['all', 1, 1, 500],
      ['all', 2, 2, 1_000],
    ]);
    expect(shapesOf(false)).toHaveLength(11);
  });
});
