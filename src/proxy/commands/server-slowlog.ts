import { limits } from '../../base/limits.ts';
import { ErrorReply, OK, type Reply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import type { Session } from '../session.ts';
import { helpHandler } from './help-reply.ts';

const WRONG_COUNT = new ErrorReply('ERR count should be greater than or equal to -1');
const WRONG_ARGUMENTS = new ErrorReply(
  "ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.",
);

/** SLOWLOG GET [count]; -1 means all. */
function slowlogGet(session: Session, args: readonly Buffer[]): Reply {
  if (args.length > 3) {
    const given = args[1]?.toString() ?? '';
    return given === 'get' ? WRONG_ARGUMENTS : new ErrorReply(WRONG_ARGUMENTS.text.replace('get', given));
  }
  const text = args[2]?.toString('latin1') ?? String(limits.slowLogGetDefault);
  // Redis checks number and range together, with the one text.
  if (!/^(-1|0|[1-9][0-9]{0,9})$/.test(text) || Number(text) > 2_147_483_647) return WRONG_COUNT;
  const { slowLog } = session.proxy;
  const entries = slowLog.latest(text === '-1' ? slowLog.length : Number(text));
  return entries.map((e) => [e.id, e.unixSeconds, e.durationUs, e.args, e.clientAddress, e.clientName]);
}

function slowlogLen(session: Session): Reply {
  return session.proxy.slowLog.length;
}

function slowlogReset(session: Session): Reply {
  session.proxy.slowLog.reset();
  return OK;
}

const helpLines = [
  'GET [<count>]',
  '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
  '    Entries are made of:',
  '    id, timestamp, time in microseconds, arguments array, client IP and port,',
  '    client name',
  'LEN',
  '    Return the length of the slowlog.',
  'RESET',
  '    Reset the slowlog.',
];

const subcommands: readonly CommandRow[] = [
  {
    name: 'slowlog|get',
    group: 'server',
    summary: "Get the slow log's entries",
    since: '2.2.12',
    complexity: 'O(N) where N is the number of entries returned',
    arity: -2,
    flags: ['admin', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'count', type: 'integer', optional: true }],
    handler: { kind: 'session', run: slowlogGet },
    difference:
      'Entries of one proxy; the time of a command is from its arrival to its answer and includes waiting for the cluster.',
  },
  {
    name: 'slowlog|len',
    group: 'server',
    summary: "Get the slow log's length",
    since: '2.2.12',
    complexity: 'O(1)',
    arity: 2,
    flags: ['admin', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: slowlogLen },
  },
  {
    name: 'slowlog|reset',
    group: 'server',
    summary: 'Clear all entries from the slow log',
    since: '2.2.12',
    complexity: 'O(N) where N is the number of entries in the slowlog',
    arity: 2,
    flags: ['admin', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: slowlogReset },
  },
  {
    name: 'slowlog|help',
    group: 'server',
    summary: 'Show helpful text about the different subcommands',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale'],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: helpHandler('SLOWLOG', helpLines),
  },
];

/** SLOWLOG: the slow commands of the proxy that the client is connected to. */
export const slowlogCommand: CommandRow = {
  name: 'slowlog',
  group: 'server',
  summary: 'A container for slow log commands',
  since: '2.2.12',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  keys: null,
  docArguments: [],
  handler: null,
  subcommands,
};
