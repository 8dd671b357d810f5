import { type Reply, SimpleString } from '../../resp/reply.ts';
import type { Handler } from '../command.ts';

/** The reply of `<command> HELP`, as Redis's addReplyHelp makes it. `lines` are the subcommands and, indented, what they do. */
export function helpReply(command: string, lines: readonly string[]): Reply {
  const all = [`${command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`, ...lines];
  return [...all, 'HELP', '    Prints this help.'].map((line) => new SimpleString(line));
}

/** A handler that answers `helpReply`. */
export function helpHandler(command: string, lines: readonly string[]): Handler {
  const reply = helpReply(command, lines);
  return { kind: 'session', run: () => reply };
}
