import { beforeEach, describe, expect, it } from 'vitest';
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
  beforeEach(() => {
    clock = new ManualClock();
    target = new Target();
    intake = new Intake(target, clock);
    ended = [];
  });

  function submit(index: number): void {
    const step = { access: 'read', needs: 'meta', run: () => ({ reply: 0, change: null }) } as const;
    const done = (outcome: Outcome<number>): void => void ended.push([index, outcome]);
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
    const refused = ended.filter(([, outcome]) => !outcome.ok);
    expect(refused.map(([index]) => index)).toEqual([limits.operationsUnderWay, limits.operationsUnderWay + 1]);
    expect(refused[0]?.[1]).toMatchObject({ failure: { kind: 'busy' } });
    expect(target.operations).toBe(limits.operationsUnderWay);
  });
});
