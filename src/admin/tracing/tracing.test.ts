import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import type { FinishedTrace } from '../../proxy/tracing/finished-trace.ts';
import { assembly } from '../assemble.ts';
import { configurationWith } from '../configuration.ts';
import { Observed } from '../metrics/observed.ts';
import { prepareSingleCluster } from '../single-cluster.ts';
import { OtlpTraces } from './otlp-traces.ts';

const base = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The parts of OTLP's JSON that the tests look at. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status: { readonly code: number; readonly message?: string };
}
interface Message {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

/** A collector that keeps what it gets. */
class Collector {
  readonly bodies: string[] = [];
  readonly #server: Server;
  /** Whether it answers. */
  isSilent = false;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        this.bodies.push(body);
        if (!this.isSilent) response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    cleanUps.push(() => {
      this.#server.closeAllConnections();
      return new Promise((resolve) => this.#server.close(resolve));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`;
  }

  get spans(): Span[] {
    const messages = this.bodies.map((body): Message => JSON.parse(body));
    return messages.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
  }
}

async function until(condition: () => boolean, timeoutMs = 15_000): Promise<void> {
  const endMs = base.clock.monotonicMs() + timeoutMs;
  while (!condition()) {
    if (base.clock.monotonicMs() > endMs) expect.fail('waited in vain');
    await new Promise<void>((resolve) => base.clock.after(10, resolve));
  }
}

async function startTraced(traceEndpoint: string) {
  const observed = new Observed();
  const parts = { ...base, observed };
  const config = configurationWith({ port: 0, shards: 16, engine: 'memory', traceEndpoint, traceSample: 1 });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  const started = await assembly.startSingleProcess(prepared.cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= started.running.stop();
    return stopping;
  };
  cleanUps.push(stop);
  const redis = new Redis({
    port: started.running.listening[0]?.port ?? 0,
    host: '127.0.0.1',
    retryStrategy: () => null,
  });
  redis.on('error', () => {});
  cleanUps.push(() => redis.disconnect());
  const figures = () =>
    [...observed.proxies][0]?.context.tracer?.options.sink.figures ?? expect.fail('there are traces');
  return { redis, stop, figures };
}

const attributesOf = (span: Span) =>
  Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

describe('traces', () => {
  it('come to the collector when the proxy stops at the latest, with the phases and every request', async () => {
    const collector = new Collector();
    const { redis, stop } = await startTraced(await collector.listen());
    await redis.set('the-secret-key', 'the-secret-value');
    await redis.select(2);
    await redis.get('the-secret-key');
    await redis.mget('the-secret-key', 'another');
    await expect(redis.call('LPUSH', 'the-secret-key')).rejects.toThrow('wrong number');
    await redis.lpush('the-secret-list', 'a');
    await redis.multi().set('the-secret-one', '1').incr('the-secret-two').exec();
    await redis.get('the-secret-one');
    await expect(redis.get('the-secret-list')).rejects.toThrow('WRONGTYPE');
    await stop();
    const { spans } = collector;
    expect(collector.bodies.join('')).not.toMatch(/the-secret|another/);
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined || parentSpanId === '');
    expect(roots.map(({ name }) => name)).toEqual(expect.arrayContaining(['SET', 'GET', 'MGET', 'LPUSH', 'GET']));
    const [set] = roots.filter(({ name }) => name === 'SET');
    const [mget] = roots.filter(({ name }) => name === 'MGET');
    const [exec] = roots.filter(({ name }) => name === 'EXEC');
    const wrong = roots.find((span) => attributesOf(span)['junokv.outcome'] === 'WRONGTYPE');
    if (set === undefined || mget === undefined || exec === undefined || wrong === undefined)
      expect.fail('a command has no span');
    expect(attributesOf(set)).toMatchObject({
      'db.namespace': 'default/0',
      'junokv.outcome': 'ok',
      'junokv.records': 1,
    });
    expect(attributesOf(mget)).toMatchObject({ 'db.namespace': 'default/2', 'junokv.records': 2 });
    expect(wrong.status).toEqual({ code: 2, message: 'WRONGTYPE' });
    const parts = spans.filter(({ parentSpanId }) => parentSpanId === exec.spanId);
    expect(parts.map(({ name }) => name)).toEqual(expect.arrayContaining(['prepare', 'intent', 'transaction']));
    expect(attributesOf(exec)).toMatchObject({ 'junokv.records': 2, 'junokv.outcome': 'ok' });
    const phases = spans.filter(({ parentSpanId }) => parentSpanId === set.spanId);
    expect(phases.map(({ name }) => name)).toEqual(['prepare', 'commit']);
    for (const phase of phases) {
      const calls = spans.filter(({ parentSpanId }) => parentSpanId === phase.spanId);
      const nodes = calls.map((call) => Number(attributesOf(call)['junokv.node.id']));
      expect(nodes.length).toBeGreaterThanOrEqual(2);
      for (const node of nodes) expect([1, 2, 3]).toContain(node);
      for (const { traceId, kind, startTimeUnixNano, endTimeUnixNano } of calls) {
        expect([traceId, kind]).toEqual([set.traceId, 3]);
        expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
        expect(BigInt(startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(set.startTimeUnixNano));
      }
    }
    expect(Math.abs(Number(BigInt(set.startTimeUnixNano) / 1_000_000n) - base.clock.wallMs())).toBeLessThan(600_000);
  });

  it('harm nothing where there is no collector, and are counted as failed', async () => {
    const collector = new Collector();
    const endpoint = await collector.listen();
    await (cleanUps.pop()?.() ?? null);
    const { redis, stop, figures } = await startTraced(endpoint);
    for (let i = 0; i < 20; i++) expect(await redis.set(`k${i}`, 'v')).toBe('OK');
    const stopped = stop();
    const before = figures();
    await stopped;
    expect(before.exported).toBe(0);
    expect(before.waiting + before.failed).toBeGreaterThan(20);
  });

  it('wait within bounds for a collector that says nothing, and what finds no room is counted', async () => {
    const collector = new Collector();
    collector.isSilent = true;
    const traces = new OtlpTraces({ ...base, endpoint: await collector.listen(), instance: '1' });
    const call = { nodeId: 1, request: 'read', records: 1, sentMs: 0, answeredMs: 1, response: 'state' };
    const trace: FinishedTrace = {
      command: 'get',
      namespace: 'default',
      database: 0,
      startMs: 0,
      endMs: 2,
      startedAtMs: base.clock.wallMs(),
      outcome: 'ok',
      records: 1,
      phases: [{ name: 'read', record: 0, startMs: 0, endMs: 1, calls: [call, call] }],
      callsLeftOut: 0,
    };
    const given = Math.ceil(limits.traceSpansWaiting / 4) + 100;
    for (let i = 0; i < given; i++) traces.take(trace);
    expect(traces.figures).toEqual({ exported: 0, failed: 0, dropped: 400, waiting: limits.traceSpansWaiting });
    await until(() => collector.bodies.length > 0);
    const startMs = base.clock.monotonicMs();
    await traces.stop();
    expect(base.clock.monotonicMs() - startMs).toBeLessThan(limits.traceFlushMs + 5_000);
    expect(traces.figures.exported).toBe(0);
  });
});
