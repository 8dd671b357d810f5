import type { AuditOutcome } from '../base/audit.ts';
import type { Log } from '../base/log.ts';
import { operatorName, shownArguments } from './audit-command.ts';
import { type AuditLog, openAuditLog } from './audit-log.ts';
import type { CommandInput } from './command-input.ts';
import type { StartResult } from './running.ts';

/** Starts the rooms of a process with the audit log that its options ask for, which says when they began and ended, and how. */
export async function startWithAudit(
  input: CommandInput,
  process: string,
  log: Log,
  start: (audit: AuditLog | null) => Promise<StartResult>,
): Promise<StartResult> {
  const { config, system } = input;
  if (config.auditLog === '') return start(null);
  const opened = await openAuditLog({ path: config.auditLog, process, clock: system.clock, log });
  if (!opened.ok) return opened;
  const { audit } = opened;
  system.onReloadSignal(() => audit.reopen());
  const user = operatorName(system.environment['SUDO_USER']);
  const note = (action: string, outcome: AuditOutcome, detail = ''): Promise<void> =>
    audit.note({
      user,
      address: 'local',
      action,
      arguments: action === 'start' ? shownArguments(input) : [],
      outcome,
      ...(detail === '' ? {} : { detail }),
    });
  const started = await start(audit);
  if (!started.ok) {
    await note('start', 'failed', started.problem);
    await audit.close();
    return started;
  }
  await note('start', 'done');
  const { running } = started;
  const stop = async (): Promise<void> => {
    await running.stop();
    await note('stop', 'done');
    await audit.close();
  };
  return { ...started, running: { ...running, stop } };
}
