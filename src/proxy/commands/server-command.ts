import { ErrorReply, MapReply, type Reply, SetReply, SimpleString, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { type FoundKey, keysOf } from '../command-keys.ts';
import { commandDocsReply, commandInfoReply, keySpecsOf } from '../command-replies.ts';
import { globMatches } from '../glob.ts';
import type { Session } from '../session.ts';
import { helpHandler } from './help-reply.ts';
import { argument, optionName } from './keyed-row.ts';

const INVALID_KEYS = new ErrorReply('ERR Invalid arguments specified for command');
const INVALID_COMMAND = new ErrorReply('ERR Invalid command specified');
const NO_KEYS = new ErrorReply('ERR The command has no key arguments');
const WRONG_ARITY = new ErrorReply('ERR Invalid number of arguments specified for command');

/** COMMAND, and COMMAND INFO without names. */
function allInfo(session: Session): Reply {
  return Array.from(session.proxy.table, ({ row }) => commandInfoReply(row));
}

function count(session: Session): Reply {
  return session.proxy.table.size;
}

/** COMMAND INFO [name ...]; nil for a name that is none. */
function info(session: Session, args: readonly Buffer[]): Reply {
  if (args.length === 2) return allInfo(session);
  return args.slice(2).map((name) => {
    const entry = session.proxy.table.findFull(name.toString('latin1'));
    return entry === undefined ? null : commandInfoReply(entry.row);
  });
}

/** COMMAND DOCS [name ...]; a name that is none is left out. */
function docs(session: Session, args: readonly Buffer[]): Reply {
  const { table } = session.proxy;
  const rows: CommandRow[] = [];
  if (args.length === 2) for (const { row } of table) rows.push(row);
  for (const name of args.slice(2)) {
    const entry = table.findFull(name.toString('latin1'));
    if (entry !== undefined) rows.push(entry.row);
  }
  return new MapReply(rows.map((row) => [row.name, commandDocsReply(row)]));
}

function names(session: Session, wanted: (row: CommandRow) => boolean): Reply {
  const found: string[] = [];
  for (const { row } of session.proxy.table.entries) if (wanted(row)) found.push(row.name);
  return found;
}

/** COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern] */
function list(session: Session, args: readonly Buffer[]): Reply {
  if (args.length === 2) return names(session, () => true);
  if (args.length !== 5 || optionName(argument(args, 2)) !== 'filterby') return SYNTAX_ERROR;
  const value = argument(args, 4);
  switch (optionName(argument(args, 3))) {
    case 'module':
      return [];
    case 'aclcat': {
      const category = `@${optionName(value)}`;
      return names(session, (row) => row.categories.includes(category));
    }
    case 'pattern':
      return names(session, (row) => globMatches(value, Buffer.from(row.name), true));
    default:
      return SYNTAX_ERROR;
  }
}

/** The keys of the command in args[2...], or what is wrong with it. */
function keysOfCommand(session: Session, args: readonly Buffer[]): FoundKey[] | ErrorReply {
  const command = args.slice(2);
  let entry = session.proxy.table.find(argument(command, 0));
  if (entry !== undefined && entry.subcommands !== null && command.length > 1) {
    entry = entry.subcommands.find(argument(command, 1));
  }
  if (entry === undefined) return INVALID_COMMAND;
  const { row } = entry;
  if (keySpecsOf(row).length === 0) return NO_KEYS;
  if (row.arity > 0 ? command.length !== row.arity : command.length < -row.arity) return WRONG_ARITY;
  const keys = keysOf(row, command);
  return keys.length === 0 ? INVALID_KEYS : keys;
}

function getKeys(session: Session, args: readonly Buffer[]): Reply {
  const found = keysOfCommand(session, args);
  return found instanceof ErrorReply ? found : found.map(({ key }) => key);
}

function getKeysAndFlags(session: Session, args: readonly Buffer[]): Reply {
  const found = keysOfCommand(session, args);
  if (found instanceof ErrorReply) return found;
  return found.map(({ key, flags }) => [key, new SetReply(flags.map((flag) => new SimpleString(flag)))]);
}

const helpLines = [
  '(no subcommand)',
  '    Return details about all Redis commands.',
  'COUNT',
  '    Return the total number of commands in this Redis server.',
  'LIST',
  '    Return a list of all commands in this Redis server.',
  'INFO [<command-name> ...]',
  '    Return details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'DOCS [<command-name> ...]',
  '    Return documentation details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'GETKEYS <full-command>',
  '    Return the keys from a full Redis command.',
  'GETKEYSANDFLAGS <full-command>',
  '    Return the keys and the access flags from a full Redis command.',
];

const subcommands: readonly CommandRow[] = [
  {
    name: 'command|count',
    group: 'server',
    summary: 'Get total number of Redis commands',
    since: '2.8.13',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale'],
    categories: ['@slow', '@connection'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: count },
  },
  {
    name: 'command|docs',
    group: 'server',
    summary: 'Get array of specific Redis command documentation',
    since: '7.0.0',
    complexity: 'O(N) where N is the number of commands to look up',
    arity: -2,
    flags: ['loading', 'stale'],
    categories: ['@slow', '@connection'],
    keys: null,
    docArguments: [{ name: 'command-name', type: 'string', optional: true, multiple: true }],
    handler: { kind: 'session', run: docs },
    difference: 'Summaries of the connection group are worded as in later releases.',
  },
  {
    name: 'command|getkeys',
    group: 'server',
    summary: 'Extract keys given a full Redis command',
    since: '2.8.13',
    complexity: 'O(N) where N is the number of arguments to the command',
    arity: -4,
    flags: ['loading', 'stale'],
    categories: ['@slow', '@connection'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: getKeys },
  },
  {
    name: 'command|getkeysandflags',
    group: 'server',
    summary: 'Extract keys and access flags given a full Redis command',
    since: '7.0.0',
    complexity: 'O(N) where N is the number of arguments to the command',
    arity: -4,
    flags: ['loading', 'stale'],
    categories: ['@slow', '@connection'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: getKeysAndFlags },
  },
  {
    name: 'command|help',
    group: 'server',
    summary: 'Show helpful text about the different subcommands',
    since: '5.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale'],
    categories: ['@slow', '@connection'],
    keys: null,
    docArguments: [],
    handler: helpHandler('COMMAND', helpLines),
  },
  {
    name: 'command|info',
    group: 'server',
    summary: 'Get array of specific Redis command details, or all when no argument is given.',
    since: '2.8.13',
    complexity: 'O(N) where N is the number of commands to look up',
    arity: -2,
    flags: ['loading', 'stale'],
    categories: ['@slow', '@connection'],
    keys: null,
    docArguments: [{ name: 'command-name', type: 'string', optional: true, multiple: true }],
    handler: { kind: 'session', run: info },
  },
  {
    name: 'command|list',
    group: 'server',
    summary: 'Get an array of Redis command names',
    since: '7.0.0',
    complexity: 'O(N) where N is the total number of Redis commands',
    arity: -2,
    flags: ['loading', 'stale'],
    categories: ['@slow', '@connection'],
    keys: null,
    docArguments: [
      {
        name: 'filterby',
        type: 'oneof',
        token: 'FILTERBY',
        optional: true,
        arguments: [
          { name: 'module-name', type: 'string', token: 'MODULE' },
          { name: 'category', type: 'string', token: 'ACLCAT' },
          { name: 'pattern', type: 'pattern', token: 'PATTERN' },
        ],
      },
    ],
    handler: { kind: 'session', run: list },
  },
];

/** COMMAND: what this proxy can do, from its command table. */
export const commandCommand: CommandRow = {
  name: 'command',
  group: 'server',
  summary: 'Get array of Redis command details',
  since: '2.8.13',
  complexity: 'O(N) where N is the total number of Redis commands',
  arity: -1,
  flags: ['loading', 'stale'],
  categories: ['@slow', '@connection'],
  keys: null,
  docArguments: [],
  handler: { kind: 'session', run: allInfo },
  subcommands,
};
