import { describe, expect, it } from 'vitest';
import type { ProcessorTimes } from '../compat-tests/support/processor-times.ts';
import { leastDisturbed } from './stolen-time.ts';

describe('runs beside other machines', () => {
  /** Runs of 100 ticks each, of which so many are stolen. */
  function runs(...stolen: number[]) {
    let done = 0;
    let times: ProcessorTimes = { total: 1_000, stolen: 10 };
    const run = async (): Promise<number> => {
      times = { total: times.total + 100, stolen: times.stolen + (stolen[done] ?? 100) };
      return done++;
    };
    return leastDisturbed(run, () => times);
  }

  it('count at once where little was stolen', async () => {
    expect(await runs(5, 0)).toEqual({ result: 0, stolen: 0.05 });
  });

  it('are repeated where much was', async () => {
    expect(await runs(30, 6, 2)).toEqual({ result: 2, stolen: 0.02 });
    expect(await runs(30, 0, 0)).toEqual({ result: 1, stolen: 0 });
  });

  it('end with the least disturbed one where all were', async () => {
    expect(await runs(30, 20, 40, 0)).toEqual({ result: 1, stolen: 0.2 });
  });
});
