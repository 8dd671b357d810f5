import { createPinoLog } from '../base/pino-log.ts';
import { RateLimitedLog } from '../base/rate-limited-log.ts';
import type { CommandInput } from './command-input.ts';
import { startWithHttp } from './http-room.ts';
import { Observed } from './metrics/observed.ts';
import type { ProcessParts, StartResult } from './running.ts';
import { openProcessTls } from './tls-setup.ts';

/** What a process that serves is for; in each line of its log, and a label of its metrics. */
export type Role = 'one-process' | 'storage' | 'proxy';

/** Starts the rooms of a process that serves: with a log, and with the HTTP port that its options ask for. */
export async function startServer(
  { config, system }: CommandInput,
  role: Role,
  start: (parts: ProcessParts) => Promise<StartResult>,
): Promise<StartResult> {
  const { clock, random, version } = system;
  const fields = role === 'storage' ? { role, node: config.node } : { role };
  const log = new RateLimitedLog(createPinoLog(config.logLevel, fields), clock);
  const onReload = (listener: () => void): void => system.onReloadSignal(listener);
  const plain = { clock, random, log, observed: new Observed(), onReload };
  const opened = await openProcessTls(config, plain);
  if (!opened.ok) return opened;
  const { tls } = opened;
  const parts = { ...plain, tls: tls.cluster, clientTls: tls.clients };
  system.onReloadSignal(() => tls.reload());
  const about = { role, version, startedAtMs: clock.wallMs() };
  const started = await startWithHttp(config, about, parts, () => start(parts));
  if (!started.ok) tls.close();
  return started;
}
