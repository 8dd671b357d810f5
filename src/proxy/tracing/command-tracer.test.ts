import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { createClusterMap } from '../../cluster/cluster-map.ts';
import { NO_BALLOT } from '../../record/ballot.ts';
import { ErrorReply } from '../../resp/reply.ts';
import { MessageType, type RecordAddress, type Request, type Response, Want } from '../../rpc/messages.ts';
import type { NodeId, ResponseReceiver, Transport } from '../../rpc/transport.ts';
import { CommandTracer, type TracedCommand } from './command-tracer.ts';
import type { FinishedTrace } from './finished-trace.ts';
import { TracedTransport } from './traced-transport.ts';

const zones = [1, 2, 3].map((id) => ({ name: `z${id}`, nodes: [{ id, host: '127.0.0.1', port: 7000 + id }] }));
const MAP = createClusterMap({ clusterId: 'c', shards: 16, zones });
const STATE: Response = { type: MessageType.state, accepted: NO_BALLOT, state: null };
const PROMISE: Response = { type: MessageType.promise, accepted: NO_BALLOT, state: null };

/** Keeps what is sent, to be answered when the test likes. */
class HeldTransport implements Transport {
  readonly sent: { nodeId: NodeId; request: Request; receiver: ResponseReceiver; tag: number }[] = [];
  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    this.sent.push({ nodeId, request, receiver, tag });
  }
  isUp(): boolean {
    return true;
  }
  setListener(): void {}

  answer(index: number, response: Response): void {
    const { receiver, tag } = this.sent[index] ?? expect.fail('nothing was sent');
    receiver.onResponse(tag, response);
  }
}

function address(key: string): RecordAddress {
  return { id: key.padEnd(16, '.'), shard: 1, shardEpoch: 1, namespace: 16, namespaceEpoch: 1 };
}

function kit(every = 1) {
  const clock = new ManualClock();
  const traces: FinishedTrace[] = [];
  const sink = {
    take: (trace: FinishedTrace) => void traces.push(trace),
    figures: { exported: 0, failed: 0, dropped: 0, waiting: 0 },
  };
  let drawn = 0;
  const random = { unit: () => (drawn++ % 8) / 8, fill() {}, below: () => 0 };
  const tracer = new CommandTracer({
    clock,
    random,
    sink,
    every,
    map: () => MAP,
    recordIdOf: (_namespace, key) => key.toString().padEnd(16, '.'),
  });
  const inner = new HeldTransport();
  return { clock, traces, tracer, inner, transport: new TracedTransport(inner, tracer) };
}

function command(name: string, writes: boolean, startedMs = 0): TracedCommand {
  return { entry: { row: { name }, writes }, namespace: 3, startedMs };
}

const got: [number, Response][] = [];
const receiver: ResponseReceiver = { onResponse: (tag, response) => void got.push([tag, response]) };
const read = (key: string): Request => ({
  type: MessageType.read,
  address: address(key),
  want: Want.full,
  ifAccepted: null,
});
const prepare = (key: string): Request => ({
  type: MessageType.prepare,
  address: address(key),
  ballot: { time: 1, proposer: 1 },
  want: Want.full,
});

describe('a traced command', () => {
  it('shows its phases and requests, and who answered what when', () => {
    const { clock, traces, tracer, inner, transport } = kit();
    clock.advance(10);
    const trace = tracer.sample(command('set', true, 8)) ?? expect.fail('every command is traced');
    trace.watch(Buffer.from('a'));
    transport.send(1, prepare('a'), receiver, 5);
    transport.send(2, prepare('a'), receiver, 6);
    clock.advance(3);
    inner.answer(0, PROMISE);
    inner.answer(1, PROMISE);
    expect(got.splice(0)).toEqual([
      [5, PROMISE],
      [6, PROMISE],
    ]);
    transport.send(3, { type: MessageType.getPages, address: address('a'), pageIds: [] }, receiver, 7);
    clock.advance(4);
    trace.end('OK');
    inner.answer(2, STATE);
    expect(got.splice(0)).toEqual([[7, STATE]]);
    const call = { records: 1, sentMs: 10, answeredMs: 13, request: 'prepare', response: 'promise' };
    expect(traces).toEqual([
      {
        command: 'set',
        namespace: 'default',
        database: 3,
        startMs: 8,
        endMs: 17,
        startedAtMs: clock.wallMs() - 9,
        outcome: 'ok',
        records: 1,
        callsLeftOut: 0,
        phases: [
          {
            name: 'prepare',
            record: 0,
            startMs: 10,
            endMs: 13,
            calls: [
              { nodeId: 1, ...call },
              { nodeId: 2, ...call },
            ],
          },
          {
            name: 'pages',
            record: 0,
            startMs: 13,
            endMs: 17,
            calls: [{ nodeId: 3, request: 'getPages', records: 1, sentMs: 13, answeredMs: null, response: '' }],
          },
        ],
      },
    ]);
    expect(tracer.isWatching).toBe(false);
  });

  it('is told apart from others in one message, and by its records', () => {
    const { traces, tracer, transport } = kit();
    const first = tracer.sample(command('mget', false)) ?? expect.fail();
    const second = tracer.sample(command('get', false)) ?? expect.fail();
    for (const key of ['a', 'b']) first.watch(Buffer.from(key));
    second.watch(Buffer.from('b'));
    const addresses = ['a', 'b', 'c'].map(address);
    const wants = addresses.map(() => Want.full);
    transport.send(1, { type: MessageType.readMany, load: true, addresses, wants }, receiver, 1);
    transport.send(2, read('c'), receiver, 2);
    second.end(null);
    transport.send(3, read('b'), receiver, 3);
    first.end(null);
    const told = traces.map(({ phases }) =>
      phases.map(({ name, record, calls }) => [name, record, calls.map(({ nodeId, records }) => [nodeId, records])]),
    );
    expect(told).toEqual([
      [['read', 0, [[1, 3]]]],
      [
        ['read', 0, [[1, 3]]],
        [
          'read',
          1,
          [
            [1, 3],
            [3, 1],
          ],
        ],
      ],
    ]);
  });

  it('repairs where it only reads and something is written', () => {
    const { traces, tracer, transport } = kit();
    const trace = tracer.sample(command('get', false)) ?? expect.fail();
    trace.watch(Buffer.from('a'));
    transport.send(1, read('a'), receiver, 1);
    transport.send(1, prepare('a'), receiver, 1);
    trace.end(null);
    expect(traces[0]?.phases.map(({ name }) => name)).toEqual(['read', 'repair']);
  });

  it('has an outcome that holds nothing of what a client sent', () => {
    const { traces, tracer } = kit();
    for (const text of ['UNCERTAIN no quorum', 'WRONGTYPE', 'secret value', 'OOPS-key']) {
      tracer.sample(command('get', false))?.end(new ErrorReply(text));
    }
    expect(traces.map(({ outcome }) => outcome)).toEqual(['UNCERTAIN', 'WRONGTYPE', 'ERR', 'ERR']);
  });

  it('keeps within its bounds', () => {
    const { traces, tracer, transport } = kit();
    const trace = tracer.sample(command('mget', false)) ?? expect.fail();
    for (let i = 0; i < limits.traceRecords + 5; i++) trace.watch(Buffer.from(`k${i}`));
    for (let i = 0; i < limits.traceCalls + 7; i++) transport.send(1, read('k0'), receiver, i);
    transport.send(1, read(`k${limits.traceRecords}`), receiver, 0);
    trace.end(null);
    const calls = traces[0]?.phases.flatMap((phase) => phase.calls) ?? [];
    expect([traces[0]?.records, calls.length, traces[0]?.callsLeftOut]).toEqual([
      limits.traceRecords + 5,
      limits.traceCalls,
      7,
    ]);
  });
});

describe('the choice of commands', () => {
  it('takes the share that was asked for', () => {
    const { tracer } = kit(100);
    for (let i = 0; i < 100_000; i++) tracer.sample(command('get', false))?.end(null);
    expect(tracer.traced).toBeGreaterThan(900);
    expect(tracer.traced).toBeLessThan(1_400);
  });

  it('takes none while many are traced', () => {
    const { tracer } = kit();
    const open = Array.from({ length: limits.tracesOpen + 1 }, () => tracer.sample(command('get', false)));
    expect(open.filter((trace) => trace === null).length).toBe(1);
    open[0]?.end(null);
    expect(tracer.sample(command('get', false))).not.toBeNull();
  });

  it('leaves requests alone while nobody is traced', () => {
    const { inner, transport } = kit();
    transport.send(1, read('a'), receiver, 1);
    expect(inner.sent[0]?.receiver).toBe(receiver);
  });
});
