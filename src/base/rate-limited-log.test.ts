import { expect, it } from 'vitest';
import { limits } from './limits.ts';
import type { Log } from './log.ts';
import { RateLimitedLog } from './rate-limited-log.ts';
import { ManualClock } from './testing/manual-clock.ts';

function kit() {
  const lines: string[] = [];
  const write = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const inner: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const clock = new ManualClock();
  return { lines, clock, log: new RateLimitedLog(inner, clock) };
}

it('writes the first lines of a message, and says at the end of the window how many were left out', () => {
  const { lines, clock, log } = kit();
  for (let n = 0; n < limits.logLinesPerWindow + 5; n++) log.warn({ n }, 'again');
  log.error({}, 'another');
  expect(lines).toHaveLength(limits.logLinesPerWindow + 1);
  clock.advance(limits.logWindowMs);
  expect(lines.at(-1)).toBe('warn further lines were left out {"message":"again","lines":5}');
  log.warn({}, 'again');
  expect(lines.at(-1)).toBe('warn again {}');
});

it('says it once, before the first line of the next window if that comes first', () => {
  const { lines, clock, log } = kit();
  for (let n = 0; n < limits.logLinesPerWindow + 1; n++) log.info({}, 'again');
  clock.advance(limits.logWindowMs + 1);
  log.info({ next: true }, 'again');
  expect(lines.filter((line) => line.includes('left out'))).toHaveLength(1);
  expect(lines.at(-1)).toContain('next');
});

it('leaves debug lines alone, and says nothing of what was written whole', () => {
  const { lines, clock, log } = kit();
  for (let n = 0; n < 100; n++) log.debug({}, 'again');
  log.warn({}, 'once');
  clock.advance(10 * limits.logWindowMs);
  expect(lines).toHaveLength(101);
});

it('is bounded, however many messages there are', () => {
  const { lines, log } = kit();
  for (let n = 0; n < 4 * limits.logMessages; n++) log.info({}, `message ${n}`);
  expect(lines).toHaveLength(4 * limits.logMessages);
  for (let n = 0; n < limits.logLinesPerWindow; n++) log.info({}, 'message 0');
  expect(lines).toHaveLength(4 * limits.logMessages + limits.logLinesPerWindow);
});
