import { describe, expect, it } from 'vitest';
import { parseProcessorTimes, stolenBetween } from './processor-times.ts';

describe('times of the processors', () => {
  it('are read from /proc/stat: guests are part of what users had', () => {
    const text = 'cpu  10 1 5 100 2 0 1 7 9 1\ncpu0 5 1 2 50 1 0 1 3 4 0\nintr 12\n';
    expect(parseProcessorTimes(text)).toEqual({ total: 126, stolen: 7 });
    expect(parseProcessorTimes('cpu  10 1 5 100\n')).toEqual({ total: 116, stolen: 0 });
    expect(() => parseProcessorTimes('intr 12\n')).toThrow('no times of processors');
  });

  it('tell what share was stolen in between', () => {
    expect(stolenBetween({ total: 1_000, stolen: 10 }, { total: 1_200, stolen: 60 })).toBe(0.25);
    expect(stolenBetween({ total: 1_000, stolen: 10 }, { total: 1_000, stolen: 10 })).toBe(0);
  });
});
