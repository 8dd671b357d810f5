import { expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { ImportProgress } from './import-progress.ts';

it('tells the rate of what goes on now, not of what went before', () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const progress = new ImportProgress({ clock, redraw: (line) => lines.push(line), complain: () => undefined });
  const show = (what: string, keys: number, bytes: number | null): string => {
    clock.advance(limits.loadStatusLineMs);
    progress.show(what, keys, bytes, null);
    return lines.at(-1) ?? '';
  };
  show('following', 1_000_000, 5_000);
  expect(show('following', 1_000_010, 5_000)).toMatch(
    /^following: 1000010 keys, 5\.0 kB, \d+ keys and 0\.0 kB a second$/,
  );
  expect(show('comparing', 10, null)).toBe('comparing: 10 keys');
  const keysASecond = Math.round((30 * 1_000) / limits.loadStatusLineMs);
  expect(show('comparing', 40, null)).toBe(`comparing: 40 keys, ${keysASecond} keys a second`);
});
