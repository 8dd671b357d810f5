import type { Log } from '../base/log.ts';
import { createPinoLog } from '../base/pino-log.ts';
import { RateLimitedLog } from '../base/rate-limited-log.ts';
import type { AuditLog } from './audit-log.ts';
import { startWithAudit } from './audit-room.ts';
import type { CommandInput } from './command-input.ts';
import { startWithHttp } from './http-room.ts';
import { Observed } from './metrics/observed.ts';
import type { ProcessParts, StartResult } from './running.ts';
import { openProcessTls, type ProcessTls } from './tls-setup.ts';

/** What a process that serves is for; in each line of its log, and a label of its metrics. */
export type Role = 'one-process' | 'storage' | 'proxy';

/** Starts the rooms of a process that serves: with its logs, and with the HTTP port that its options ask for. */
export function startServer(
  input: CommandInput,
  role: Role,
  start: (parts: ProcessParts) => Promise<StartResult>,
): Promise<StartResult> {
  const { config, system } = input;
  const fields = role === 'storage' ? { role, node: config.node } : { role };
  const log = new RateLimitedLog(createPinoLog(config.logLevel, fields), system.clock);
  return startWithAudit(input, role, log, (audit) => startLogged(input, role, log, audit, start));
}

async function startLogged(
  { config, system, configFile = '' }: CommandInput,
  role: Role,
  log: Log,
  audit: AuditLog | null,
  start: (parts: ProcessParts) => Promise<StartResult>,
): Promise<StartResult> {
  const { clock, random, version } = system;
  const onReload = (listener: () => void): void => system.onReloadSignal(listener);
  const host = { version, configFile, stop: () => system.stop() };
  const plain = { clock, random, log, observed: new Observed(), onReload, audit, host };
  const opened = await openProcessTls(config, plain);
  if (!opened.ok) return opened;
  const { tls } = opened;
  const parts = { ...plain, tls: tls.cluster, clientTls: tls.clients };
  system.onReloadSignal(() => tls.reload());
  noteCertificates(plain.observed, tls);
  const isPort = role === 'proxy' && config.workers > 1;
  const about = { role, version, startedAtMs: clock.wallMs(), ...(isPort ? { labels: { worker: 0 } } : {}) };
  const started = await startWithHttp(config, about, parts, () => start(parts));
  if (!started.ok) tls.close();
  return started;
}

export function noteCertificates({ certificates }: Observed, { clients, cluster }: ProcessTls): void {
  if (clients !== null) certificates.set('client', () => clients.identity.current.notAfterMs);
  if (cluster !== null) certificates.set('cluster', () => cluster.current.notAfterMs);
}
