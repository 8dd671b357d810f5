import { beforeEach, describe, expect, it } from 'vitest';
import { busy } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { Intake, type IntakeTarget } from './intake.ts';
import type { Operation, Outcome } from './operation.ts';

class Target implements IntakeTarget<number> {
  readonly open: Operation<number>[] = [];
  onFinished: (() => void) | null = null;
  most = 0;
  get operations(): number {
    return this.open.length;
  }
  submit(operation: Operation<number>): void {
    this.most = Math.max(this.most, this.open.push(operation));
  }
  refuse(operation: Operation<number>): void {
    operation.done({ ok: false, failure: busy('too much') });
  }
  finishFirst(): void {
    const operation = this.open.shift();
    this.onFinished?.();
    operation?.done({ ok: true, reply: 0 });
  }
}

describe('intake', () => {
  let clock: ManualClock;
  let target: Target;
  let intake: Intake<number>;
  let ended: [number, Outcome<number>][];
  let refused: number;
  beforeEach(() => {
    clock = new ManualClock();
    target = new Target();
    intake = new Intake(target, clock);
    ended = [];
    refused = 0;
  });

  function submit(index: number): void {
    const step = { access: 'read', needs: 'meta', run: () => ({ reply: 0, change: null }) } as const;
    const done = (outcome: Outcome<number>): void => {
      ended.push([index, outcome]);
      if (!outcome.ok) refused++;
    };
    intake.submit({ namespace: 0, key: Buffer.from(String(index)), step, done });
  }

  it('lets in as many as may be under way, and the others in order as these end', () => {
    const count = 3 * limits.operationsUnderWay;
    for (let i = 0; i < count; i++) submit(i);
    expect(target.operations).toBe(limits.operationsUnderWay);
    expect(intake.waiting).toBe(count - limits.operationsUnderWay);
    while (target.operations > 0) target.finishFirst();
    expect(target.most).toBe(limits.operationsUnderWay);
    expect(ended.map(([index]) => index)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(intake.waiting).toBe(0);
  });

  it('tells those who waited too long that nothing was done', () => {
    for (let i = 0; i < limits.operationsUnderWay + 2; i++) submit(i);
    clock.advance(limits.intakeWaitMs + 1);
    submit(limits.operationsUnderWay + 2);
    target.finishFirst();
    const failures = ended.filter(([, outcome]) => !outcome.ok);
    expect(failures.map(([index]) => index)).toEqual([limits.operationsUnderWay, limits.operationsUnderWay + 1]);
    expect(failures[0]?.[1]).toMatchObject({ failure: { kind: 'busy' } });
    expect(target.operations).toBe(limits.operationsUnderWay);
  });

  /** Every millisecond so many come and so many are done; how many of those that came were refused meanwhile. */
  function load(comingPerMs: number, donePerMs: number, durationMs: number): number {
    const before = refused;
    for (let ms = 0; ms < durationMs; ms++) {
      for (let i = 0; i < comingPerMs; i++) submit(0);
      for (let i = 0; i < donePerMs; i++) target.finishFirst();
      clock.advance(1);
    }
    return refused - before;
  }

  it('refuses what is too much early, and does as much as it can meanwhile', () => {
    expect(load(80, 20, 800)).toBe(0);
    load(80, 20, 1_200);
    // Three of four are too much.
    const share = load(80, 20, 2_000) / (80 * 2_000);
    expect(share).toBeGreaterThan(0.7);
    expect(share).toBeLessThan(0.82);
    expect(target.operations).toBe(limits.operationsUnderWay);
    // Who comes now waits for about half of the time that a command may take.
    expect(intake.waiting / 20).toBeLessThan(1.2 * limits.intakeLongWaitMs);
    expect(intake.waiting / 20).toBeGreaterThan(0.8 * limits.intakeLongWaitMs);
    // When it is over, all is well again at once.
    load(10, 20, 200);
    expect(load(10, 20, 2_000)).toBe(0);
    expect(intake.waiting).toBe(0);
  });

  it('lets a burst wait, and the pipelines of a few clients for as long as it takes', () => {
    for (let i = 0; i < 60_000; i++) submit(i);
    expect(load(0, 50, 1_300)).toBe(0);
    expect(intake.waiting).toBe(0);
    // Each answer brings the next command; the queue is always there, and never longer than the pipelines.
    const inFlight = limits.intakePipelines * limits.commandsInFlight;
    for (let i = 0; i < inFlight; i++) submit(i);
    expect(load(6, 6, 5_000)).toBe(0);
    expect(intake.waiting).toBeGreaterThan(6 * limits.intakeLongWaitMs);
  });
});
