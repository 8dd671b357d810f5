import { afterEach, describe, expect, it } from 'vitest';
import type { Configuration } from '../option-table.ts';
import type { LoadResults, OperationResult } from './results.ts';
import { makeRun, planFor, resultsFor } from './testing/run-plan.ts';
import { type Script, ScriptedServer } from './testing/scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const ok: Script = () => '+OK\r\n';

async function serve(script: Script): Promise<{ server: ScriptedServer; port: number }> {
  const server = new ScriptedServer(script);
  servers.push(server);
  return { server, port: await server.listen() };
}

function all(results: LoadResults): OperationResult {
  const last = results.operations.at(-1);
  if (last === undefined) throw new Error('nothing was measured');
  return last;
}

async function load(port: number, changes: Partial<Configuration>): Promise<LoadResults> {
  return await resultsFor(planFor(port, changes));
}

/** Three seconds of which the server stalls one. */
async function loadWithStall(changes: Partial<Configuration>): Promise<LoadResults> {
  const { server, port } = await serve(ok);
  setTimeout(() => server.stall(1_000), 1_000);
  return await load(port, { duration: 3_000, ...changes });
}

describe('coordinated omission', () => {
  it('an open loop shows a stall in its percentiles', async () => {
    const results = await loadWithStall({ rate: 1_000, connections: 4 });
    const { count, latencyUs, correctedLatencyUs } = all(results);
    expect(count).toBeGreaterThan(2_500);
    // A third of the requests were due while the server stalled, evenly spread over that second.
    expect(latencyUs.p50).toBeLessThan(200_000);
    expect(latencyUs.p90).toBeGreaterThan(500_000);
    expect(latencyUs.p99).toBeGreaterThan(850_000);
    expect(correctedLatencyUs).toBeNull();
    expect(results.expectedIntervalUs).toBeNull();
  });

  it('the service time of a closed loop hides it, and the corrected figure does not', async () => {
    const results = await loadWithStall({ connections: 4 });
    const { count, latencyUs, correctedLatencyUs } = all(results);
    expect(count).toBeGreaterThan(1_000);
    // Only the four that were under way felt it.
    expect(latencyUs.p99).toBeLessThan(200_000);
    expect(latencyUs.max).toBeGreaterThan(900_000);
    expect(correctedLatencyUs?.p90).toBeGreaterThan(500_000);
    expect(correctedLatencyUs?.p99).toBeGreaterThan(850_000);
    expect(results.expectedIntervalUs).toBe(latencyUs.p50);
  });

  it('what an open loop could not send at all counts, too', async () => {
    const { server, port } = await serve(ok);
    setTimeout(() => server.stall(2_000), 500);
    const plan = { ...planFor(port, { duration: 1_500, rate: 1_000, arrival: 'even', connections: 2 }), depth: 5 };
    const results = await resultsFor(plan);
    const { count, errors, latencyUs } = all(results);
    // The ten that may be under way were sent; some 990 were due and had to wait.
    expect(errors['UNSENT']?.count).toBeGreaterThan(700);
    expect(errors['UNSENT']?.count).toBeLessThan(1_200);
    expect(Math.abs(count - 1_500)).toBeLessThan(5);
    expect(latencyUs.p50).toBeGreaterThan(50_000);
    expect(latencyUs.p90).toBeGreaterThan(700_000);
    expect(results.generator.blocked).toBeGreaterThan(0);
  });
});

describe('a run', () => {
  it('ends after its number of requests, each answered once', async () => {
    const { server, port } = await serve(ok);
    const results = await load(port, { requests: 2_345, connections: 7, pipeline: 16 });
    expect(server.requests).toBe(2_345);
    expect(all(results).count).toBe(2_345);
    expect(results.endReason).toBe('requests');
    expect(all(results).ratePerS * results.measuredS).toBeCloseTo(2_345, 3);
  });

  it('an open loop too, at its rate', async () => {
    const { server, port } = await serve(ok);
    const results = await load(port, { requests: 1_000, rate: 2_000, arrival: 'even' });
    expect([server.requests, all(results).count]).toEqual([1_000, 1_000]);
    expect(results.measuredS).toBeGreaterThan(0.49);
  });

  it('counts errors by their first word, and nil', async () => {
    const replies = ['+OK\r\n', '$-1\r\n', '-BUSY try again\r\n', '-NOKEY no such key\r\n', '-BUSY once more\r\n'];
    const { port } = await serve((_, n) => replies[n % replies.length] ?? null);
    const { operations, generator } = await load(port, { requests: 500, connections: 1 });
    const result = operations.at(-1);
    expect(result).toMatchObject({ count: 500, errorCount: 300, misses: 100 });
    expect(result?.errors).toEqual({
      BUSY: { count: 200, example: 'BUSY try again' },
      NOKEY: { count: 100, example: 'NOKEY no such key' },
    });
    expect(operations.map(({ name }) => name)).toEqual(['get', 'set', 'all']);
    expect(generator.reconnects).toBe(0);
  });

  it('does not measure the ramp and the warm-up, and shows them in the series', async () => {
    const { server, port } = await serve(ok);
    const results = await load(port, { rate: 1_000, arrival: 'even', ramp: 1_000, warmup: 1_000, duration: 1_000 });
    expect(Math.abs(all(results).count - 1_000)).toBeLessThan(5);
    expect(Math.abs(server.requests - 2_500)).toBeLessThan(10);
    expect(results.series.slice(0, 3).map(({ phase }) => phase)).toEqual(['ramp', 'warm-up', 'measured']);
    const answered = results.series.reduce((sum, point) => sum + point.answered, 0);
    expect(answered).toBe(server.requests);
  });

  it('in a closed loop begins with few connections', async () => {
    const { server, port } = await serve(() => null);
    const run = makeRun(planFor(port, { connections: 10, ramp: 1_000, duration: 100 }));
    const running = run.run();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(server.requests).toBeGreaterThanOrEqual(1);
    expect(server.requests).toBeLessThanOrEqual(8);
    run.stop();
    run.stop();
    await running;
  });

  it('goes on over lost connections', async () => {
    const { server, port } = await serve(ok);
    setTimeout(() => server.dropConnections(), 300);
    const results = await load(port, { duration: 1_000, connections: 5, pipeline: 4 });
    expect(all(results).errors['CONNECTION']?.count).toBeGreaterThan(0);
    expect(all(results).errorCount).toBeLessThanOrEqual(20);
    expect(results.generator.reconnects).toBe(5);
    expect(results.series[0]?.answered).toBeGreaterThan(0);
  });

  it('counts what is never answered, with the time that it was waited for', async () => {
    const { port } = await serve((_, n) => (n < 100 ? '+OK\r\n' : null));
    const run = makeRun(planFor(port, { duration: 500, connections: 2 }));
    setTimeout(() => run.stop(), 300);
    // Waits no longer for the last answers.
    setTimeout(() => run.stop(), 600);
    const results = await resultsFor(planFor(port, {}), run);
    expect(all(results)).toMatchObject({ errors: { UNANSWERED: { count: 2 } }, errorCount: 2 });
    expect(all(results).latencyUs.max).toBeGreaterThan(400_000);
    expect(results.endReason).toBe('signal');
  });

  it('preloads every key once before', async () => {
    const written: string[] = [];
    let firstGet = -1;
    const { port } = await serve(([command = '', key = ''], n) => {
      if (command === 'SET') written.push(key);
      else if (firstGet < 0) firstGet = n;
      return '+OK\r\n';
    });
    const mix = [{ operation: 'get', weight: 1 }];
    await load(port, { preload: true, keys: 1_234, connections: 3, requests: 10, mix });
    expect([written.length, new Set(written).size, firstGet]).toEqual([1_234, 1_234, 1_234]);
  });

  it('preloads what a busy server refused again, and no key but that', async () => {
    const written: string[] = [];
    const { server, port } = await serve(([command, key = ''], n) => {
      if (command !== 'SET') return '+OK\r\n';
      if (n % 10 === 3) return '-BUSY try again later\r\n';
      written.push(key);
      return '+OK\r\n';
    });
    await load(port, {
      preload: true,
      keys: 500,
      connections: 3,
      requests: 1,
      mix: [{ operation: 'ping', weight: 1 }],
    });
    expect([written.length, new Set(written).size]).toEqual([500, 500]);
    expect(server.requests).toBeGreaterThan(550);
  });

  it('says so when preloading fails, and what the server said', async () => {
    const { port } = await serve((_, n) => (n < 50 ? '+OK\r\n' : '-OOM out of memory\r\n'));
    const outcome = await makeRun(planFor(port, { preload: true, keys: 1_000 })).run();
    expect(outcome).toEqual({ ok: false, problem: 'preloading was answered: OOM out of memory' });
  });

  it('spreads its connections over several servers', async () => {
    const [first, second] = [await serve(ok), await serve(ok)];
    const target = [`127.0.0.1:${first.port}`, `127.0.0.1:${second.port}`];
    await load(0, { target, connections: 4, requests: 4_000, rate: 20_000 });
    expect([first.server.requests, second.server.requests]).toEqual([2_000, 2_000]);
  });

  it('ends a connection to something that is no Redis', async () => {
    const { port } = await serve(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
    const plan = { ...planFor(port, {}), greeting: [['AUTH', 'x']] };
    const outcome = await makeRun(plan).run();
    expect(outcome).toMatchObject({ ok: false, problem: expect.stringContaining('this is not RESP') });
  });
});
