import { describe, expect, it } from 'vitest';
import { SystemClock } from './system-clock.ts';

describe('the end of a turn', () => {
  it('comes to what was added meanwhile, too, before anything else', async () => {
    const clock = new SystemClock();
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      clock.endOfTurn(() => {
        order.push('first');
        clock.soon(resolve);
        clock.endOfTurn(() => order.push('added'));
      });
    });
    await done;
    expect(order).toEqual(['first', 'added']);
  });

  it('lets others have their turn where one thing leads to the next for long', async () => {
    const clock = new SystemClock();
    const endMs = clock.monotonicMs() + 10_000;
    let others = false;
    const order: string[] = [];
    clock.after(0, () => {
      others = true;
    });
    await new Promise<void>((resolve) => {
      const step = (): void => {
        if (!others && clock.monotonicMs() < endMs) {
          clock.endOfTurn(step);
          return;
        }
        clock.endOfTurn(() => order.push('one'));
        clock.endOfTurn(() => order.push('two'));
        clock.endOfTurn(resolve);
      };
      clock.endOfTurn(step);
    });
    expect(others).toBe(true);
    expect(order).toEqual(['one', 'two']);
  });
});
