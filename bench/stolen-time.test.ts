import { describe, expect, it } from 'vitest';
import { leastDisturbed, type ProcessorTimes, parseProcessorTimes } from './stolen-time.ts';

describe('times of the processors', () => {
  it('are read from /proc/stat: guests are part of what users had', () => {
    const text = 'cpu  10 1 5 100 2 0 1 7 9 1\ncpu0 5 1 2 50 1 0 1 3 4 0\nintr 12\n';
    expect(parseProcessorTimes(text)).toEqual({ total: 126, stolen: 7 });
    expect(parseProcessorTimes('cpu  10 1 5 100\n')).toEqual({ total: 116, stolen: 0 });
    expect(() => parseProcessorTimes('intr 12\n')).toThrow('no times of processors');
  });
});

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
