import { describe, expect, it, vi } from 'vitest';
import { Report } from './report.ts';
import { runPart } from './run-part.ts';

const SLOW = 'node 3 killed: writer 2: UNAVAILABLE no quorum of storage nodes answered in time.';
const LOST = 'writer 1 key 7 is not what was written';

/** A part that finds these problems, run by run, on a host that takes such a share of the processors. */
async function summaryOf(stolen: number, ...runs: (readonly string[] | Error)[]): Promise<string> {
  const print = vi.spyOn(console, 'log').mockImplementation(() => {});
  let total = 0;
  let run = 0;
  const report = new Report();
  await runPart(
    'part',
    async (given) => {
      const found = runs[run++] ?? ['it ran once too often'];
      given.check('it was done', []);
      if (found instanceof Error) throw found;
      given.check('nothing is wrong', found);
    },
    report,
    () => {
      total += 100;
      return { total, stolen: total * stolen };
    },
  );
  print.mockRestore();
  return `${report.summary}, ${run} runs`;
}

describe('a part of the crash tests', () => {
  it('runs once where nothing is wrong, however much was stolen', async () => {
    expect(await summaryOf(0, [])).toBe('2 passed, 0 failed, 1 runs');
    expect(await summaryOf(0.5, [])).toBe('2 passed, 0 failed, 1 runs');
  });

  it('runs once more where something took too long and much was stolen; that counts', async () => {
    expect(await summaryOf(0.5, [SLOW], [])).toBe('2 passed, 0 failed, 2 runs');
    expect(await summaryOf(0.5, [SLOW], [SLOW])).toBe('1 passed, 1 failed, 2 runs');
    expect(await summaryOf(0.5, new Error('junokv storage 2 is not ready after 120000 ms:\nlines'), [])).toBe(
      '2 passed, 0 failed, 2 runs',
    );
  });

  it('has failed where little was stolen', async () => {
    expect(await summaryOf(0.05, [SLOW])).toBe('1 passed, 1 failed, 1 runs');
  });

  it('has failed where something was lost, whatever else there was', async () => {
    expect(await summaryOf(0.5, [SLOW, LOST])).toBe('1 passed, 1 failed, 1 runs');
    expect(await summaryOf(0.5, new Error('the map is wrong\nUNAVAILABLE'))).toBe('1 passed, 1 failed, 1 runs');
  });
});
