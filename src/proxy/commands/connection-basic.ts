import { parseInteger } from '../../resp/integer.ts';
import {
  ErrorReply,
  MapReply,
  NOT_AN_INTEGER,
  OK,
  PONG,
  type Reply,
  SimpleString,
  SYNTAX_ERROR,
} from '../../resp/reply.ts';
import { authenticate, authenticationRequired } from '../authentication.ts';
import type { CommandRow } from '../command.ts';
import { REDIS_VERSION } from '../redis-version.ts';
import type { Session } from '../session.ts';
import { DEFAULT_USER } from '../users.ts';
import { printable, setClientName } from './connection-names.ts';
import { argument, optionName } from './keyed-row.ts';

const NO_PASSWORD_CONFIGURED = new ErrorReply(
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
);
const HELLO_NOAUTH = new ErrorReply(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> ' +
    'option can be used to authenticate the client and select the RESP protocol version at the same time',
);
const NOPROTO = new ErrorReply('NOPROTO unsupported protocol version');
const BAD_PROTOCOL_VERSION = new ErrorReply('ERR Protocol version is not an integer or out of range');
const PING_ARITY = new ErrorReply("ERR wrong number of arguments for 'ping' command");
const DB_OUT_OF_RANGE = new ErrorReply('ERR DB index is out of range');
const SELECT_IN_CLUSTER = new ErrorReply('ERR SELECT is not allowed in cluster mode');
const INT_MAX = 2_147_483_647;
const INT_MIN = -2_147_483_648;
const NOT_AN_INT = new ErrorReply(`ERR value is out of range, value must between ${INT_MIN} and ${INT_MAX}`);
const RESET_DONE = new SimpleString('RESET');

/** https://redis.io/docs/latest/commands/auth/ */
function runAuth(session: Session, args: readonly Buffer[]): Reply {
  if (args.length > 3) return SYNTAX_ERROR;
  if (args.length === 3) return authenticate(session, argument(args, 1), argument(args, 2)) ?? OK;
  if (!session.proxy.users.passwordNeeded) return NO_PASSWORD_CONFIGURED;
  return authenticate(session, Buffer.from(DEFAULT_USER), argument(args, 1)) ?? OK;
}

/** The options of HELLO, each carried out as it is read, as in Redis 7.0. Null, or the error to answer. */
function runHelloOptions(session: Session, args: readonly Buffer[]): ErrorReply | null {
  for (let i = 2; i < args.length; ) {
    const option = argument(args, i);
    const following = args.length - 1 - i;
    const name = optionName(option);
    let problem: ErrorReply | null;
    if (name === 'auth' && following >= 2) {
      problem = authenticate(session, argument(args, i + 1), argument(args, i + 2));
      i += 3;
    } else if (name === 'setname' && following >= 1) {
      problem = setClientName(session, argument(args, i + 1));
      i += 2;
    } else {
      return new ErrorReply(`ERR Syntax error in HELLO option '${printable(option)}'`);
    }
    if (problem !== null) return problem;
  }
  return null;
}

/** https://redis.io/docs/latest/commands/hello/ */
function runHello(session: Session, args: readonly Buffer[]): Reply {
  const wanted = args.length > 1 ? parseInteger(argument(args, 1)) : session.protocol;
  if (wanted === null) return BAD_PROTOCOL_VERSION;
  if (wanted !== 2 && wanted !== 3) return NOPROTO;
  const problem = runHelloOptions(session, args);
  if (problem !== null) return problem;
  if (authenticationRequired(session)) return HELLO_NOAUTH;
  session.protocol = wanted;
  return new MapReply([
    ['server', 'redis'],
    ['version', REDIS_VERSION],
    ['proto', wanted],
    ['id', session.id],
    ['mode', session.clusterEnabled ? 'cluster' : 'standalone'],
    ['role', 'master'],
    ['modules', []],
  ]);
}

/** https://redis.io/docs/latest/commands/select/ */
function runSelect(session: Session, args: readonly Buffer[]): Reply {
  const index = parseInteger(argument(args, 1));
  if (index === null) return NOT_AN_INTEGER;
  if (index < INT_MIN || index > INT_MAX) return NOT_AN_INT;
  if (session.clusterEnabled && index !== 0) return SELECT_IN_CLUSTER;
  if (index < 0 || index >= session.proxy.config.databases) return DB_OUT_OF_RANGE;
  session.database = Number(index);
  return OK;
}

function runPing(_session: Session, args: readonly Buffer[]): Reply {
  if (args.length > 2) return PING_ARITY;
  return args.length === 2 ? argument(args, 1) : PONG;
}

function runQuit(session: Session): Reply {
  session.closeAfterReplies();
  return OK;
}

function runReset(session: Session): Reply {
  session.reset();
  return RESET_DONE;
}

/** AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT. */
export const basicConnectionCommands: readonly CommandRow[] = [
  {
    name: 'auth',
    group: 'connection',
    summary: 'Authenticates the connection.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [
      { name: 'username', type: 'string', optional: true, since: '6.0.0' },
      { name: 'password', type: 'string' },
    ],
    handler: { kind: 'session', run: runAuth },
    difference:
      'Users come from the config store, or the file of --users; without any there is only default. There are no ACL rules.',
  },
  {
    name: 'echo',
    group: 'connection',
    summary: 'Returns the given string.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [{ name: 'message', type: 'string' }],
    handler: { kind: 'session', run: (_session, args) => argument(args, 1) },
  },
  {
    name: 'hello',
    group: 'connection',
    summary: 'Handshakes with the server: protocol version, authentication, client name.',
    since: '6.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [
      {
        name: 'arguments',
        type: 'block',
        optional: true,
        arguments: [
          { name: 'protover', type: 'integer' },
          {
            name: 'username_password',
            type: 'block',
            token: 'AUTH',
            optional: true,
            arguments: [
              { name: 'username', type: 'string' },
              { name: 'password', type: 'string' },
            ],
          },
          { name: 'clientname', type: 'string', token: 'SETNAME', optional: true },
        ],
      },
    ],
    handler: { kind: 'session', run: runHello },
    difference: 'The version announced is the Redis release whose behaviour is followed.',
  },
  {
    name: 'ping',
    group: 'connection',
    summary: "Returns the server's liveliness response.",
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['fast'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [{ name: 'message', type: 'string', optional: true }],
    handler: { kind: 'session', run: runPing },
  },
  {
    name: 'quit',
    group: 'connection',
    summary: 'Closes the connection.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: runQuit },
  },
  {
    name: 'reset',
    group: 'connection',
    summary: 'Resets the connection.',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: runReset },
  },
  {
    name: 'select',
    group: 'connection',
    summary: 'Changes the selected database.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [{ name: 'index', type: 'integer' }],
    handler: { kind: 'session', run: runSelect },
  },
];
