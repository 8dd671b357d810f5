import { describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.ts';
import { SystemClock } from '../base/system-clock.ts';
import type { Running, StartResult } from './running.ts';
import { serve } from './serve.ts';
import { FakeSystem } from './testing/fake-system.ts';

function started(changes: Partial<Running> = {}): StartResult {
  const running: Running = { listening: [], failed: new Promise(() => {}), stop: async () => {}, ...changes };
  return { ok: true, running, summary: 'ready' };
}

/** A clock whose timers fire at once: every bound is over. */
function hastyClock(): Clock {
  const real = new SystemClock();
  return {
    wallMs: () => real.wallMs(),
    wallUs: () => real.wallUs(),
    monotonicMs: () => real.monotonicMs(),
    endOfTurn: (fn) => real.endOfTurn(fn),
    after: (_delayMs, fn) => real.after(1, fn),
  };
}

const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('serve', () => {
  it('prints the summary, runs until a signal, stops, and exits with 0', async () => {
    const system = new FakeSystem();
    let stops = 0;
    const exit = serve(system, async () =>
      started({
        stop: async () => {
          stops++;
        },
      }),
    );
    await nextTurn();
    expect([system.printed, stops, system.holds]).toEqual([['ready'], 0, 1]);
    system.signal();
    expect(await exit).toBe(0);
    expect([stops, system.holds, system.complaints]).toEqual([1, 0, []]);
  });

  it('says why it could not start, and exits with 1', async () => {
    const system = new FakeSystem();
    expect(await serve(system, async () => ({ ok: false, problem: 'port 6379 is in use' }))).toBe(1);
    expect([system.complaints, system.printed, system.holds]).toEqual([['junokv: port 6379 is in use'], [], 0]);
  });

  it('a signal during the start stops as soon as that is done, without a summary', async () => {
    const system = new FakeSystem();
    let ready: (result: StartResult) => void = () => {};
    const exit = serve(
      system,
      () =>
        new Promise((resolve) => {
          ready = resolve;
        }),
    );
    system.signal();
    ready(started());
    expect(await exit).toBe(0);
    expect(system.printed).toEqual([]);
  });

  it('a second signal ends the process at once', async () => {
    const system = new FakeSystem();
    let stopped: () => void = () => {};
    const exit = serve(system, async () =>
      started({
        stop: () =>
          new Promise((resolve) => {
            stopped = resolve;
          }),
      }),
    );
    await nextTurn();
    system.signal();
    await nextTurn();
    expect(system.killed).toBe(0);
    system.signal();
    expect(system.killed).toBe(1);
    stopped();
    await exit;
  });

  it('stops when the rooms cannot go on, and exits with 1', async () => {
    const system = new FakeSystem();
    expect(await serve(system, async () => started({ failed: Promise.resolve('the disk is gone') }))).toBe(1);
    expect(system.complaints).toEqual(['junokv: the disk is gone; stopping']);
  });

  it('gives up a start and a stop that hang', async () => {
    const starting = new FakeSystem({}, hastyClock());
    expect(await serve(starting, () => new Promise(() => {}))).toBe(1);
    expect([starting.killed, starting.complaints.join()]).toEqual([1, expect.stringContaining('start did not end')]);

    const stopping = new FakeSystem({}, hastyClock());
    const exit = serve(stopping, async () => started({ stop: () => new Promise(() => {}) }));
    await nextTurn();
    stopping.signal();
    expect(await exit).toBe(1);
    expect([stopping.killed, stopping.complaints.join()]).toEqual([1, expect.stringContaining('stop did not end')]);
  });
});
