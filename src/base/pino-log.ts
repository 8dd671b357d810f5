import { pino } from 'pino';
import type { Log } from './log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A log of JSON lines on standard error, with these `fields` in each. Lines are written before the call returns, so that a crash loses none. */
export function createPinoLog(level: LogLevel, fields: object = {}): Log {
  return pino(
    {
      level,
      base: { pid: process.pid, ...fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
