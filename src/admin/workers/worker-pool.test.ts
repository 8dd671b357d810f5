import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import type { PeerAnswer, PeerQuestion } from '../../proxy/peers/peers.ts';
import { configurationWith } from '../configuration.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';
import { type StartedWorkers, WorkerPool } from './worker-pool.ts';
import type { PassedHandle, WorkerProcessEvents } from './worker-process.ts';

class FakeWorker {
  readonly pid: number;
  readonly events: WorkerProcessEvents;
  readonly sent: ToWorker[] = [];
  readonly passed: PassedHandle[] = [];
  /** Connections on their way wait for `take`. */
  isBusy = false;
  killed = 0;
  #waiting: (() => void)[] = [];

  constructor(pid: number, events: WorkerProcessEvents) {
    this.pid = pid;
    this.events = events;
  }

  send(message: ToWorker, done: () => void = () => {}): void {
    this.sent.push(message);
    done();
  }

  pass(_message: ToWorker, handle: PassedHandle, done: (passed: boolean) => void): void {
    const arrive = (): void => {
      this.passed.push(handle);
      done(true);
    };
    if (this.isBusy) this.#waiting.push(arrive);
    else arrive();
  }

  take(): void {
    for (const arrive of this.#waiting.splice(0)) arrive();
  }

  kill(): void {
    this.killed += 1;
    this.events.ended('signal SIGKILL');
  }

  says(message: FromWorker): void {
    this.events.message(message);
  }

  ready(): void {
    this.says({ kind: 'ready', keystore: 'keys.json' });
  }

  of<K extends ToWorker['kind']>(kind: K): Extract<ToWorker, { kind: K }>[] {
    return this.sent.filter((message): message is Extract<ToWorker, { kind: K }> => message.kind === kind);
  }
}

class Handle implements PassedHandle {
  closed = 0;
  close(): void {
    this.closed += 1;
  }
}

const IDENTITY = { runId: 'r', clusterNodeId: 'c', processId: 1, startedAtMs: 0 };
const ASK: PeerQuestion = { kind: 'figures', histograms: false };

function setUp(workers: number) {
  const clock = new ManualClock();
  /** By process, the latest last. */
  const spawned: FakeWorker[] = [];
  const stops: string[] = [];
  const pool = new WorkerPool({
    config: configurationWith({ workers }),
    given: new Set(),
    identity: IDENTITY,
    spawn(events) {
      const worker = new FakeWorker(1000 + spawned.length, events);
      spawned.push(worker);
      return worker;
    },
    clock,
    log: silentLog,
    audit: null,
    host: { version: '9.9.9', configFile: '/etc/junokv.json', stop: () => stops.push('asked') },
  });
  const worker = (index: number): FakeWorker => {
    const found = spawned[index];
    if (found === undefined) throw new Error(`no worker ${index}`);
    return found;
  };
  return { clock, pool, spawned, stops, worker };
}

async function started(workers: number) {
  const set = setUp(workers);
  const start = set.pool.start(6379);
  for (const worker of set.spawned) worker.ready();
  expect(await start).toEqual({ ok: true, keystore: 'keys.json' });
  return set;
}

describe('workers', () => {
  it('are told who they are, and serve when all do', async () => {
    const { pool, spawned, worker } = setUp(2);
    let result: StartedWorkers | null = null;
    void pool.start(7000).then((told) => {
      result = told;
    });
    expect(spawned.map(({ sent }) => sent[0])).toMatchObject([
      { kind: 'start', start: { port: 7000, seat: { index: 0, workers: 2, firstNumber: 0, identity: IDENTITY } } },
      { kind: 'start', start: { port: 7000, seat: { index: 1, workers: 2, firstNumber: 0 } } },
    ]);
    worker(0).ready();
    await Promise.resolve();
    expect(result).toBeNull();
    worker(1).ready();
    await Promise.resolve();
    expect(result).toEqual({ ok: true, keystore: 'keys.json' });
  });

  it('that cannot start keep the proxy from starting, with their reason', async () => {
    const { pool, worker } = setUp(2);
    const start = pool.start(0);
    worker(0).ready();
    worker(1).says({ kind: 'failed', problem: 'there is no cluster map' });
    expect(await start).toEqual({ ok: false, problem: 'there is no cluster map' });
  });

  it('get the connections evenly, fewest first, and those that come too early', async () => {
    const { pool, worker } = setUp(2);
    void pool.start(0);
    const early = new Handle();
    pool.give('plain', early);
    expect(early.closed).toBe(0);
    worker(0).ready();
    expect(worker(0).passed).toEqual([early]);
    worker(1).ready();
    for (let i = 0; i < 5; i++) pool.give('plain', new Handle());
    expect([worker(0).passed.length, worker(1).passed.length]).toEqual([3, 3]);
    expect(early.closed).toBe(1);
    // Two have left the second.
    worker(1).says({ kind: 'report', clients: 1, taken: 3, demands: [] });
    pool.give('plain', new Handle());
    pool.give('plain', new Handle());
    expect([worker(0).passed.length, worker(1).passed.length]).toEqual([3, 5]);
  });

  it('that take nothing get so many, and then the rest is refused', async () => {
    const { pool, worker } = await started(1);
    worker(0).isBusy = true;
    const handles = Array.from({ length: limits.handoverBacklog + 1 }, () => new Handle());
    for (const handle of handles) pool.give('plain', handle);
    expect(handles.map(({ closed }) => closed).indexOf(1)).toBe(limits.handoverBacklog);
    expect(pool.figures.refused).toBe(1);
  });

  it('that end are replaced after a doubling delay, under numbers that nobody had', async () => {
    const { pool, clock, spawned, worker } = await started(2);
    for (let i = 0; i < 6; i++) pool.give('plain', new Handle());
    worker(1).events.ended('signal SIGKILL');
    expect([pool.figures.ready, spawned.length]).toEqual([1, 2]);
    clock.advance(limits.workerRestartMs - 1);
    expect(spawned.length).toBe(2);
    clock.advance(1);
    expect(worker(2).sent[0]).toMatchObject({ kind: 'start', start: { seat: { index: 1, firstNumber: 3 } } });
    worker(2).ready();
    expect(pool.figures).toMatchObject({ ready: 2, restarts: 1 });
    worker(2).events.ended('exit code 1');
    clock.advance(limits.workerRestartMs);
    expect(spawned.length).toBe(3);
    clock.advance(limits.workerRestartMs);
    expect(spawned.length).toBe(4);
    // One that has served for long is replaced soon again.
    worker(3).ready();
    clock.advance(limits.workerSteadyMs);
    worker(3).events.ended('exit code 1');
    clock.advance(limits.workerRestartMs);
    expect(spawned.length).toBe(5);
  });

  it('leave connections that have not got there to the others, and never one that may have', async () => {
    const { pool, worker } = await started(2);
    worker(0).isBusy = true;
    const handles = Array.from({ length: 6 }, () => new Handle());
    for (const handle of handles) pool.give('plain', handle);
    expect(worker(1).passed.length).toBe(3);
    worker(0).events.ended('signal SIGSEGV');
    expect(worker(1).passed.length).toBe(5);
    expect(worker(1).passed).not.toContain(handles[0]);
    expect(handles.map(({ closed }) => closed)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('hear what was set while they started', async () => {
    const { pool, clock, worker } = await started(2);
    worker(0).says({ kind: 'keep', setting: { kind: 'config', pairs: [['timeout', '5']] } });
    worker(1).events.ended('exit code 1');
    clock.advance(limits.workerRestartMs);
    worker(0).says({
      kind: 'keep',
      setting: {
        kind: 'config',
        pairs: [
          ['timeout', '7'],
          ['shutdown-timeout', '3'],
        ],
      },
    });
    expect(worker(2).of('start')[0]?.start.settings[0]).toEqual({ kind: 'config', pairs: [['timeout', '5']] });
    worker(2).ready();
    expect(worker(2).of('settings')[0]?.settings[0]).toMatchObject({
      pairs: [
        ['timeout', '7'],
        ['shutdown-timeout', '3'],
      ],
    });
    expect(pool.drainMs).toBe(3000);
  });
});

describe('what workers ask each other', () => {
  const reply = (text: string): PeerAnswer => ({ kind: 'reply', reply: text });

  it('goes to the others, and comes back when all have answered', async () => {
    const { worker } = await started(3);
    worker(0).says({ kind: 'ask', id: 7, question: ASK });
    const [asked] = worker(1).of('question');
    expect(worker(0).of('question')).toEqual([]);
    worker(1).says({ kind: 'answer', id: asked?.id ?? 0, answer: reply('one') });
    await Promise.resolve();
    expect(worker(0).of('answers')).toEqual([]);
    worker(2).says({ kind: 'answer', id: asked?.id ?? 0, answer: reply('two') });
    await new Promise((resolve) => setImmediate(resolve));
    expect(worker(0).of('answers')).toEqual([{ kind: 'answers', id: 7, answers: [reply('one'), reply('two')] }]);
  });

  it('lacks what does not come in time, or of a worker that ended, and that is counted', async () => {
    const { pool, clock, worker } = await started(3);
    worker(0).says({ kind: 'ask', id: 1, question: ASK });
    const id = worker(1).of('question')[0]?.id ?? 0;
    worker(1).events.ended('signal SIGKILL');
    clock.advance(limits.peerAnswerMs);
    await new Promise((resolve) => setImmediate(resolve));
    expect(worker(0).of('answers')).toEqual([{ kind: 'answers', id: 1, answers: [] }]);
    expect(pool.figures.unanswered).toBe(2);
    // Too late.
    worker(2).says({ kind: 'answer', id, answer: reply('late') });
    expect(worker(0).of('answers').length).toBe(1);
  });

  it('reaches the one that asks, too, where all have to do it in one order', async () => {
    const { worker } = await started(2);
    const caller = { id: 1 } as unknown as Extract<PeerQuestion, { kind: 'run' }>['caller'];
    worker(1).says({ kind: 'ask', id: 1, question: { kind: 'run', caller, args: [], toAll: true } });
    expect([worker(0).of('question').length, worker(1).of('question').length]).toEqual([1, 1]);
  });

  it('is relayed for MONITOR while somebody listens elsewhere', async () => {
    const { worker } = await started(3);
    const awaited = (index: number): boolean | undefined => worker(index).of('monitor').at(-1)?.isAwaited;
    worker(0).says({ kind: 'listening', isListening: true });
    expect([awaited(0), awaited(1), awaited(2)]).toEqual([false, true, true]);
    worker(1).says({ kind: 'lines', lines: ['a', 'b'] });
    expect(worker(0).of('lines')).toEqual([{ kind: 'lines', lines: ['a', 'b'] }]);
    expect(worker(2).of('lines')).toEqual([]);
    worker(0).events.ended('exit code 1');
    expect([awaited(1), awaited(2)]).toEqual([false, false]);
  });
});

describe('a stop', () => {
  it('is what a client of a worker may ask for', async () => {
    const { stops, worker } = await started(2);
    expect(worker(1).of('start')[0]?.start.configFile).toBe('/etc/junokv.json');
    worker(1).says({ kind: 'shutdown' });
    expect(stops).toEqual(['asked']);
  });

  it('waits for all workers', async () => {
    const { pool, worker } = await started(2);
    let isStopped = false;
    const stopping = pool.stop().then(() => {
      isStopped = true;
    });
    expect([worker(0).sent.at(-1), worker(1).sent.at(-1)]).toEqual([{ kind: 'stop' }, { kind: 'stop' }]);
    worker(0).events.ended('exit code 0');
    await new Promise((resolve) => setImmediate(resolve));
    expect(isStopped).toBe(false);
    worker(1).events.ended('exit code 0');
    await stopping;
  });

  it('ends those that do not end', async () => {
    const { pool, clock, worker } = await started(2);
    const stopping = pool.stop();
    worker(0).events.ended('exit code 0');
    clock.advance(pool.drainMs + limits.stopMs);
    await stopping;
    expect([worker(0).killed, worker(1).killed]).toEqual([0, 1]);
  });
});
