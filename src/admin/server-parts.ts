import { createPinoLog } from '../base/pino-log.ts';
import { RateLimitedLog } from '../base/rate-limited-log.ts';
import type { CommandInput } from './command-input.ts';
import { startWithHttp } from './http-room.ts';
import { Observed } from './metrics/observed.ts';
import type { ProcessParts, StartResult } from './running.ts';

/** What a process that serves is for; in each line of its log, and a label of its metrics. */
export type Role = 'one-process' | 'storage' | 'proxy';

/** Starts the rooms of a process that serves: with a log, and with the HTTP port that its options ask for. */
export function startServer(
  { config, system }: CommandInput,
  role: Role,
  start: (parts: ProcessParts) => Promise<StartResult>,
): Promise<StartResult> {
  const { clock, random, version } = system;
  const fields = role === 'storage' ? { role, node: config.node } : { role };
  const log = new RateLimitedLog(createPinoLog(config.logLevel, fields), clock);
  const parts = { clock, random, log, observed: new Observed() };
  return startWithHttp(config, { role, version, startedAtMs: clock.wallMs() }, parts, () => start(parts));
}
