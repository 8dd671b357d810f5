import { userInfo } from 'node:os';
import type { AuditEntry } from '../base/audit.ts';
import { appendAudit } from './audit-log.ts';
import { AUDITED_COMMANDS } from './audit-options.ts';
import type { Command, CommandInput } from './command-input.ts';
import type { CommandName, Option } from './option.ts';
import { optionName, optionTable } from './option-table.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';

const PROCESS = 'command line';

/**
 * The command, which enters in the audit log that it begins and how it ended, if it is one of those and there is a log. Where the
 * log cannot be written nothing is done.
 */
export function auditedCommand(name: CommandName, command: Command): Command {
  if (!AUDITED_COMMANDS.includes(name)) return command;
  return async (input) => {
    const { config, system } = input;
    const path = config.auditLog;
    if (path === '') return command(input);
    const about = {
      user: operatorName(system.environment['SUDO_USER']),
      address: 'local',
      action: `junokv ${name}`,
      arguments: shownArguments(input),
    };
    const note = (entry: AuditEntry): boolean => {
      const problem = appendAudit(path, entry, PROCESS, system.clock.wallMs());
      if (problem !== null) system.complain(`junokv: ${problem}`);
      return problem === null;
    };
    if (!note({ ...about, outcome: 'started' })) return EXIT_FAILED;
    let exitCode = EXIT_FAILED;
    try {
      exitCode = await command(input);
      return exitCode;
    } finally {
      note(
        exitCode === EXIT_OK
          ? { ...about, outcome: 'done' }
          : { ...about, outcome: 'failed', detail: `exit status ${exitCode}` },
      );
    }
  };
}

/** The system's name for who runs this process, and who became that by sudo. */
export function operatorName(sudoUser: string | undefined): string {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    name = `uid ${process.getuid?.() ?? 'unknown'}`;
  }
  return sudoUser === undefined || sudoUser === '' ? name : `${sudoUser} as ${name}`;
}

/** Words, and the options that were named; of a secret one only its name. */
export function shownArguments({ config, given, words }: Pick<CommandInput, 'config' | 'given' | 'words'>): string[] {
  const options = [...given].map((key) => {
    const option: Option<unknown> = optionTable[key];
    return `--${optionName(key)}=${option.secret === true ? '(not shown)' : String(config[key])}`;
  });
  return [...words, ...options];
}
