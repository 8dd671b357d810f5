import { OK, type Reply } from '../../resp/reply.ts';
import type { ArgumentDoc, CommandFlag, CommandRow, Handler } from '../command.ts';
import type { Session } from '../session.ts';
import {
  runInfo,
  runKill,
  runList,
  runNoEvict,
  runNoTouch,
  runPause,
  runReply,
  runUnblock,
  runUnpause,
} from './connection-clients.ts';
import { CLIENT_HELP } from './connection-help.ts';
import { runSetInfo, setClientName } from './connection-names.ts';
import { runCaching, runGetRedirection, runTracking, runTrackingInfo } from './connection-tracking.ts';
import { argument } from './keyed-row.ts';

const COMMON_FLAGS: readonly CommandFlag[] = ['noscript', 'loading', 'stale'];
/** Scripts may ask for help. */
const HELP_FLAGS: readonly CommandFlag[] = ['loading', 'stale'];
const ADMIN_FLAGS: readonly CommandFlag[] = ['admin', ...COMMON_FLAGS];
const COMMON_CATEGORIES = ['@slow', '@connection'];
const ADMIN_CATEGORIES = ['@admin', '@slow', '@dangerous', '@connection'];

type Run = (session: Session, args: readonly Buffer[]) => Reply | undefined;

interface Subcommand {
  readonly name: string;
  readonly arity: number;
  readonly since: string;
  readonly summary: string;
  readonly run: Run;
  readonly complexity?: string;
  readonly admin?: boolean;
  readonly docArguments?: readonly ArgumentDoc[];
  readonly difference?: string;
}

function flagsOf(sub: Subcommand): readonly CommandFlag[] {
  if (sub.name === 'help') return HELP_FLAGS;
  return sub.admin === true ? ADMIN_FLAGS : COMMON_FLAGS;
}

function row(sub: Subcommand): CommandRow {
  const handler: Handler = { kind: 'session', run: sub.run };
  const admin = sub.admin === true;
  return {
    name: `client|${sub.name}`,
    group: 'connection',
    summary: sub.summary,
    since: sub.since,
    complexity: sub.complexity ?? 'O(1)',
    arity: sub.arity,
    flags: flagsOf(sub),
    categories: admin ? ADMIN_CATEGORIES : COMMON_CATEGORIES,
    keys: null,
    docArguments: sub.docArguments ?? [],
    handler,
    ...(sub.difference === undefined ? {} : { difference: sub.difference }),
  };
}

function token(name: string): ArgumentDoc {
  return { name: name.toLowerCase(), type: 'pure-token', token: name };
}

function oneOf(name: string, tokens: readonly string[], optional = false): ArgumentDoc {
  return { name, type: 'oneof', arguments: tokens.map(token), ...(optional ? { optional } : {}) };
}

const ON_OFF = oneOf('enabled', ['ON', 'OFF']);
const CLIENT_TYPE: ArgumentDoc = {
  ...oneOf('client-type', ['NORMAL', 'MASTER', 'REPLICA', 'PUBSUB'], true),
  token: 'TYPE',
};

function filterOption(name: string, word: string, type: 'string' | 'integer' = 'string'): ArgumentDoc {
  return { name, type, token: word, optional: true };
}

const EVERY_CLIENT = 'O(N) where N is the number of client connections';

const subcommands: readonly CommandRow[] = [
  row({
    name: 'caching',
    arity: 3,
    since: '6.0.0',
    summary: 'Instructs the server whether to track the keys in the next request.',
    docArguments: [oneOf('mode', ['YES', 'NO'])],
    run: runCaching,
  }),
  row({
    name: 'getname',
    arity: 2,
    since: '2.6.9',
    summary: 'Returns the name of the connection.',
    run: (session) => (session.name === '' ? null : session.name),
  }),
  row({
    name: 'getredir',
    arity: 2,
    since: '6.0.0',
    summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
    run: runGetRedirection,
  }),
  row({
    name: 'help',
    arity: 2,
    since: '5.0.0',
    summary: 'Returns helpful text about the different subcommands.',
    run: () => CLIENT_HELP,
  }),
  row({
    name: 'id',
    arity: 2,
    since: '5.0.0',
    summary: 'Returns the unique client ID of the connection.',
    run: (session) => session.id,
    difference: 'Unique within one proxy, not within the cluster.',
  }),
  row({
    name: 'info',
    arity: 2,
    since: '6.2.0',
    summary: 'Returns information about the connection.',
    run: runInfo,
  }),
  row({
    name: 'kill',
    arity: -3,
    since: '2.4.0',
    summary: 'Terminates open connections.',
    complexity: EVERY_CLIENT,
    admin: true,
    docArguments: [
      {
        name: 'filter',
        type: 'oneof',
        arguments: [
          { name: 'old-format', type: 'string' },
          {
            name: 'new-format',
            type: 'oneof',
            multiple: true,
            arguments: [
              filterOption('client-id', 'ID', 'integer'),
              CLIENT_TYPE,
              filterOption('username', 'USER'),
              filterOption('addr', 'ADDR'),
              filterOption('laddr', 'LADDR'),
              { ...oneOf('skipme', ['YES', 'NO'], true), token: 'SKIPME' },
            ],
          },
        ],
      },
    ],
    run: runKill,
    difference: 'Reaches the connections of one proxy, of all its workers.',
  }),
  row({
    name: 'list',
    arity: -2,
    since: '2.4.0',
    summary: 'Lists open connections.',
    complexity: EVERY_CLIENT,
    admin: true,
    docArguments: [CLIENT_TYPE, { name: 'client-id', type: 'integer', token: 'ID', optional: true, multiple: true }],
    run: runList,
    difference:
      'Lists the connections of one proxy, of all its workers; fields without a meaning here are 0, and fd is -1.',
  }),
  row({
    name: 'no-evict',
    arity: 3,
    since: '7.0.0',
    summary: 'Sets the client eviction mode of the connection.',
    admin: true,
    docArguments: [ON_OFF],
    run: runNoEvict,
    difference: 'Accepted without effect: the common budget of query buffers holds for every client.',
  }),
  row({
    name: 'no-touch',
    arity: 3,
    since: '7.2.0',
    summary: 'Controls whether commands sent by the client affect the LRU/LFU of accessed keys.',
    docArguments: [ON_OFF],
    run: runNoTouch,
    difference: 'Concerns OBJECT IDLETIME and FREQ only: keys are never evicted.',
  }),
  row({
    name: 'pause',
    arity: -3,
    since: '3.0.0',
    summary: 'Suspends commands processing.',
    admin: true,
    docArguments: [{ name: 'timeout', type: 'integer' }, oneOf('mode', ['WRITE', 'ALL'], true)],
    run: runPause,
    difference: 'Suspends the clients of one proxy.',
  }),
  row({
    name: 'reply',
    arity: 3,
    since: '3.2.0',
    summary: 'Instructs the server whether to reply to commands.',
    docArguments: [oneOf('action', ['ON', 'OFF', 'SKIP'])],
    run: runReply,
  }),
  row({
    name: 'setinfo',
    arity: 4,
    since: '7.2.0',
    summary: 'Sets information specific to the client or connection.',
    docArguments: [
      {
        name: 'attr',
        type: 'oneof',
        arguments: [
          { name: 'libname', type: 'string', token: 'LIB-NAME' },
          { name: 'libver', type: 'string', token: 'LIB-VER' },
        ],
      },
    ],
    run: runSetInfo,
  }),
  row({
    name: 'setname',
    arity: 3,
    since: '2.6.9',
    summary: 'Sets the connection name.',
    docArguments: [{ name: 'connection-name', type: 'string' }],
    run: (session, args) => setClientName(session, argument(args, 2)) ?? OK,
  }),
  row({
    name: 'tracking',
    arity: -3,
    since: '6.0.0',
    summary: 'Controls server-assisted client-side caching for the connection.',
    docArguments: [oneOf('status', ['ON', 'OFF'])],
    run: runTracking,
    difference: 'ON answers an error.',
  }),
  row({
    name: 'trackinginfo',
    arity: 2,
    since: '6.2.0',
    summary: 'Returns information about server-assisted client-side caching for the connection.',
    run: runTrackingInfo,
  }),
  row({
    name: 'unblock',
    arity: -3,
    since: '5.0.0',
    summary: 'Unblocks a client blocked by a blocking command from a different connection.',
    complexity: 'O(1)',
    admin: true,
    docArguments: [{ name: 'client-id', type: 'integer' }, oneOf('unblock-type', ['TIMEOUT', 'ERROR'], true)],
    run: runUnblock,
  }),
  row({
    name: 'unpause',
    arity: 2,
    since: '6.2.0',
    summary: 'Resumes processing commands from paused clients.',
    complexity: 'O(N) Where N is the number of paused clients',
    admin: true,
    run: runUnpause,
  }),
];

/** CLIENT and its subcommands. */
export const clientCommand: CommandRow = {
  name: 'client',
  group: 'connection',
  summary: 'A container for client connection commands.',
  since: '2.4.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  keys: null,
  docArguments: [],
  handler: null,
  subcommands,
};
