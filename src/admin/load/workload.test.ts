import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { RequestParser } from '../../resp/request-parser.ts';
import { type CommandSet, chooseOperations, operationsOf } from './operations.ts';
import { RequestBuffer } from './request-buffer.ts';
import { RequestIds } from './request-ids.ts';
import { SeededRandom } from './seeded-random.ts';
import { Workload, type WorkloadOptions } from './workload.ts';

function options(commands: CommandSet, mix: readonly string[], more: Partial<WorkloadOptions> = {}): WorkloadOptions {
  const operations = chooseOperations(
    commands,
    mix.map((operation) => ({ operation, weight: 1 })),
  );
  if (typeof operations === 'string') throw new Error(operations);
  return {
    operations,
    weights: operations.map(() => 1),
    keys: 1_000,
    keyPrefix: 'load:',
    keyDistribution: { kind: 'sequential' },
    valueSizes: [{ minBytes: 5, maxBytes: 5, weight: 1 }],
    multiKeys: 2,
    ttlMs: 0,
    seed: 1,
    ...more,
  };
}

/** The next `count` requests as a server would read them. */
function requests(workload: Workload, count: number): Buffer[][] {
  const buffer = new RequestBuffer();
  for (let i = 0; i < count; i++) workload.next(buffer);
  const parser = new RequestParser(true);
  parser.push(buffer.take());
  const found = Array.from({ length: count }, () => parser.next() ?? []);
  expect([parser.next(), parser.failed, parser.bufferedBytes]).toEqual([null, false, 0]);
  return found;
}

const words = (request: readonly Buffer[] | undefined): string[] =>
  (request ?? []).map((word) => word.toString('latin1'));
const one = (given: WorkloadOptions, ids: RequestIds | null = null): string[] =>
  words(requests(new Workload(given, ids), 1)[0]);
const requestIds = (): RequestIds => new RequestIds(new ManualClock(), new SeededRandom(9, 'ids'));

describe('a workload', () => {
  it("writes Redis's commands", () => {
    const value = expect.stringMatching(/^[\s\S]{5}$/);
    const key = 'load:000000000000';
    expect(one(options('redis', ['get']))).toEqual(['GET', key]);
    expect(one(options('redis', ['set']))).toEqual(['SET', key, value]);
    expect(one(options('redis', ['set'], { ttlMs: 3_000 }))).toEqual(['SET', key, value, 'EX', '3']);
    expect(one(options('redis', ['set'], { ttlMs: 1_500 }))).toEqual(['SET', key, value, 'PX', '1500']);
    expect(one(options('redis', ['incr']))).toEqual(['INCR', 'load:counter:000000000000']);
    expect(one(options('redis', ['mget']))).toEqual(['MGET', key, 'load:000000000001']);
    expect(one(options('redis', ['mset']))).toEqual(['MSET', key, value, 'load:000000000001', value]);
    expect(one(options('redis', ['expire'], { ttlMs: 500 }))).toEqual(['PEXPIRE', key, '500']);
    expect(one(options('redis', ['ping']))).toEqual(['PING']);
  });

  it('writes the JUNO commands, with request ids where they are wanted', () => {
    const value = expect.stringMatching(/^[\s\S]{5}$/);
    const key = 'load:000000000000';
    const id = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(one(options('juno', ['get']), requestIds())).toEqual(['JUNO.GET', key]);
    expect(one(options('juno', ['create']))).toEqual(['JUNO.CREATE', key, value]);
    expect(one(options('juno', ['update'], { ttlMs: 9_000 }), requestIds())).toEqual([
      ...['JUNO.UPDATE', key, value, 'TTL', '9', 'REQUESTID', id],
    ]);
    expect(one(options('juno', ['destroy']), requestIds())).toEqual(['JUNO.DESTROY', key, 'REQUESTID', id]);
  });

  it('writes every operation so that it can be read', () => {
    for (const commands of ['redis', 'juno'] as const) {
      const names = operationsOf(commands).map(({ name }) => name);
      const sizes = [{ minBytes: 0, maxBytes: 100_000, weight: 1 }];
      const ids = commands === 'juno' ? requestIds() : null;
      const found = requests(new Workload(options(commands, names, { valueSizes: sizes }), ids), 200);
      expect(new Set(found.map((request) => words(request)[0])).size).toBe(names.length);
    }
  });

  it('is the same for the same seed, another one for another', () => {
    const mix = {
      keyDistribution: { kind: 'uniform' },
      valueSizes: [{ minBytes: 1, maxBytes: 50, weight: 1 }],
    } as const;
    const text = (seed: number): string =>
      requests(new Workload(options('redis', ['get', 'set'], { ...mix, seed }), null), 500)
        .map(words)
        .join();
    expect(text(1)).toBe(text(1));
    expect(text(1)).not.toBe(text(2));
    expect(text(2 ** 40 + 1)).not.toBe(text(1));
  });

  it('keeps to its mix', () => {
    const workload = new Workload({ ...options('redis', ['get', 'set', 'del']), weights: [70, 25, 5] }, null);
    const buffer = new RequestBuffer();
    const counts = [0, 0, 0];
    for (let i = 0; i < 50_000; i++) {
      const operation = workload.next(buffer);
      counts[operation] = (counts[operation] ?? 0) + 1;
      buffer.take();
    }
    expect(counts.map((count) => Math.round((100 * count) / 50_000))).toEqual([70, 25, 5]);
  });

  it('has values that cannot be compressed and differ', () => {
    const valueSizes = [{ minBytes: 10_000, maxBytes: 10_000, weight: 1 }];
    const found = requests(new Workload(options('redis', ['set'], { valueSizes }), null), 20);
    const values = found.map((request) => request[2] ?? Buffer.alloc(0));
    expect(new Set(values.map(String)).size).toBe(20);
    expect(deflateRawSync(Buffer.concat(values)).length).toBeGreaterThan(200_000);
  });

  it('has request ids that no other has', () => {
    const ids = [requestIds(), new RequestIds(new ManualClock(), new SeededRandom(10, 'ids'))];
    const all = ids.flatMap((source) => Array.from({ length: 5_000 }, () => source.next()));
    expect(new Set(all).size).toBe(10_000);
    // The time comes first: 1,700,000,000,000 ms.
    expect(all[0]).toMatch(/^018bcfe5-6800-7/);
  });
});
