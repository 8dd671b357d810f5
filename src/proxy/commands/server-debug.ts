import { limits } from '../../base/limits.ts';
import type { Step } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { Encoding, ValueType } from '../../record/value.ts';
import {
  BooleanReply,
  DoubleReply,
  ErrorReply,
  MapReply,
  OK,
  PushReply,
  type Reply,
  SetReply,
  SimpleString,
  VerbatimReply,
} from '../../resp/reply.ts';
import { isLoopback, isUnixSocket } from '../admission.ts';
import type { CommandRow } from '../command.ts';
import { parseMemory } from '../config-parameters.ts';
import { failureReply } from '../failure-reply.ts';
import { namespaceNumber, type Session } from '../session.ts';
import { encodingOfCollection } from '../values/collection-value.ts';
import { encodingOf } from './generic-object.ts';
import { helpReply } from './help-reply.ts';
import { argument, optionName } from './keyed-row.ts';

const NOT_ALLOWED = new ErrorReply(
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.',
);
const NO_SUCH_KEY = new ErrorReply('ERR no such key');
const NOT_A_LISTPACK = new ErrorReply('ERR Not a listpack encoded object.');
const NOT_A_QUICKLIST = new ErrorReply('ERR Not a quicklist encoded object.');
const NOT_A_STRING = new ErrorReply('ERR Not an sds encoded string.');
const BAD_THRESHOLD = new ErrorReply('ERR argument must be a memory value bigger than 1 and smaller than 4gb');
const BAD_RELOAD = new ErrorReply('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
const RESP3_ONLY = new ErrorReply('ERR RESP2 is not supported by this command');
const BAD_PROTOCOL = new ErrorReply(
  'ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
);
const THRESHOLD_MAX = 2n ** 32n - 2n ** 20n;
const LRU_CLOCK = 2 ** 24;

const DIFFERENCE =
  'Only what tests of clients use (DEBUG HELP lists it), and only with --enable-debug-command. SLEEP holds up its own connection. SET-ACTIVE-EXPIRE, CHANGE-REPL-ID, RELOAD, QUICKLIST-PACKED-THRESHOLD, SET-SKIP-CHECKSUM-VALIDATION and PAUSE-CRON change nothing. PROTOCOL attrib sends no attribute.';

type Part = (session: Session, args: readonly Buffer[]) => Reply | Promise<Reply>;

/** What DEBUG can do, by subcommand; `words`: how many arguments there are, the two names counted. */
const parts: ReadonlyMap<string, { readonly words: readonly number[]; readonly run: Part }> = new Map(
  Object.entries({
    help: { words: [2], run: () => helpReply('DEBUG', helpLines) },
    sleep: { words: [3], run: sleep },
    error: { words: [3], run: (_: Session, args: readonly Buffer[]) => errorOf(argument(args, 2)) },
    log: { words: [3], run: log },
    protocol: { words: [3], run: protocolReply },
    object: { words: [3], run: (session: Session, args: readonly Buffer[]) => look(session, args, describe) },
    listpack: { words: [3], run: (session: Session, args: readonly Buffer[]) => look(session, args, listpackOf) },
    quicklist: { words: [3, 4], run: (session: Session, args: readonly Buffer[]) => look(session, args, quicklistOf) },
    sdslen: { words: [3], run: (session: Session, args: readonly Buffer[]) => look(session, args, lengthsOf) },
    'quicklist-packed-threshold': { words: [3], run: packedThreshold },
    'stringmatch-test': {
      words: [2],
      run: () => new SimpleString('Apparently Redis did not crash: test passed'),
    },
    'set-active-expire': { words: [3], run: () => OK },
    'set-skip-checksum-validation': { words: [3], run: () => OK },
    'pause-cron': { words: [3], run: () => OK },
    'change-repl-id': { words: [2], run: () => OK },
    reload: { words: [2, 3, 4, 5], run: reload },
  }),
);

async function debug(session: Session, args: readonly Buffer[]): Promise<Reply> {
  if (!isAllowed(session)) return NOT_ALLOWED;
  const name = argument(args, 1).toString('latin1');
  const part = parts.get(name.toLowerCase());
  if (part?.words.includes(args.length)) return part.run(session, args);
  const shown = name.slice(0, limits.slowLogArgumentBytes).replaceAll(/[\r\n]/g, ' ');
  return new ErrorReply(`ERR unknown subcommand or wrong number of arguments for '${shown}'. Try DEBUG HELP.`);
}

function isAllowed(session: Session): boolean {
  const { enableDebugCommand } = session.proxy.config;
  if (enableDebugCommand !== 'local') return enableDebugCommand === 'yes';
  const { remoteAddress } = session;
  return isUnixSocket(remoteAddress) || isLoopback(hostOf(remoteAddress));
}

/** Of an address as Redis prints it. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

async function sleep(session: Session, args: readonly Buffer[]): Promise<Reply> {
  // As C's atof: what is no number is 0.
  const seconds = Number.parseFloat(argument(args, 2).toString('latin1'));
  const delayMs = Math.min(limits.debugSleepMs, Math.max(0, Number.isNaN(seconds) ? 0 : seconds * 1000));
  await new Promise<void>((resolve) => session.proxy.clock.after(delayMs, resolve));
  return OK;
}

const RELOAD_OPTIONS: readonly string[] = ['merge', 'noflush', 'nosave'];

/** There is nothing in this process alone that could be written and read again. */
function reload(_session: Session, args: readonly Buffer[]): Reply {
  return args.slice(2).every((option) => RELOAD_OPTIONS.includes(optionName(option))) ? OK : BAD_RELOAD;
}

function errorOf(text: Buffer): ErrorReply {
  return new ErrorReply(text.toString('latin1').replaceAll(/[\r\n]/g, ' '));
}

function log(session: Session, args: readonly Buffer[]): Reply {
  const text = argument(args, 2).toString('utf8', 0, limits.slowLogArgumentBytes);
  session.proxy.log.warn({ client: session.id, text }, 'DEBUG LOG');
  return OK;
}

function packedThreshold(_session: Session, args: readonly Buffer[]): Reply {
  const bytes = parseMemory(argument(args, 2).toString('latin1'));
  return bytes === null || bytes > THRESHOLD_MAX ? BAD_THRESHOLD : OK;
}

/** A reply of each kind that RESP has. */
function protocolReply(session: Session, args: readonly Buffer[]): Reply {
  switch (argument(args, 2).toString('latin1').toLowerCase()) {
    case 'string':
      return 'Hello World';
    case 'integer':
      return 12_345;
    case 'double':
      return new DoubleReply(3_141 / 1_000);
    case 'bignum':
      return session.protocol === 3
        ? 1_234_567_999_999_999_999_999_999_999_999_999_999n
        : '1234567999999999999999999999999999999';
    case 'null':
      return null;
    case 'array':
      return [0, 1, 2];
    case 'set':
      return new SetReply([0, 1, 2]);
    case 'map':
      return new MapReply([0, 1, 2].map((i) => [i, new BooleanReply(i === 1)]));
    case 'attrib':
      return 'Some real reply following the attribute';
    case 'push':
      if (session.protocol === 2) return RESP3_ONLY;
      session.push(new PushReply(['server-cpu-usage', 42]));
      return 'Some real reply following the push reply';
    case 'verbatim':
      return new VerbatimReply('txt', 'This is a verbatim\nstring');
    case 'true':
      return new BooleanReply(true);
    case 'false':
      return new BooleanReply(false);
    default:
      return BAD_PROTOCOL;
  }
}

/** What `tell` says of the record of args[2]. */
function look(
  session: Session,
  args: readonly Buffer[],
  tell: (record: LiveRecord, nowMs: number) => Reply,
): Promise<Reply> {
  const step: Step<Reply> = {
    access: 'read',
    needs: 'value',
    run: (record, { nowMs }) => ({ reply: record === null ? NO_SUCH_KEY : tell(record, nowMs), change: null }),
  };
  return new Promise((resolve) =>
    session.proxy.cluster.submit({
      namespace: namespaceNumber(session),
      key: argument(args, 2),
      step,
      done: (outcome) => resolve(outcome.ok ? outcome.reply : failureReply(outcome.failure)),
    }),
  );
}

function describe(record: LiveRecord, nowMs: number): Reply {
  const idleSeconds = Math.max(0, Math.floor((nowMs - record.lastModifiedMs) / 1000));
  const lru = Math.floor(record.lastModifiedMs / 1000) % LRU_CLOCK;
  return new SimpleString(
    `Value at:0x0 refcount:1 encoding:${encodingOf(record)} serializedlength:${record.sizeBytes} lru:${lru} lru_seconds_idle:${idleSeconds}`,
  );
}

function listpackOf({ value }: LiveRecord): Reply {
  const isOne = value.type !== ValueType.string && encodingOfCollection(value) === Encoding.listpack;
  return isOne ? new SimpleString('Listpack structure printed on stdout') : NOT_A_LISTPACK;
}

function quicklistOf({ value }: LiveRecord): Reply {
  return value.type === ValueType.list ? new SimpleString('Quicklist structure printed on stdout') : NOT_A_QUICKLIST;
}

function lengthsOf({ key, value, sizeBytes }: LiveRecord): Reply {
  if (value.type !== ValueType.string) return NOT_A_STRING;
  const [keyBytes, valueBytes] = [key.length, sizeBytes];
  return new SimpleString(
    `key_sds_len:${keyBytes}, key_sds_avail:0, key_zmalloc: ${keyBytes}, val_sds_len:${valueBytes}, val_sds_avail:0, val_zmalloc: ${valueBytes}`,
  );
}

const helpLines: readonly string[] = [
  'CHANGE-REPL-ID',
  '    Change the replication IDs of the instance.',
  '    Dangerous: should be used only for testing the replication subsystem.',
  'ERROR <string>',
  '    Return a Redis protocol error with <string> as message. Useful for clients',
  '    unit tests to simulate Redis errors.',
  'LOG <message>',
  '    Write <message> to the server log.',
  'OBJECT <key>',
  '    Show low level info about `key` and associated value.',
  'PROTOCOL <type>',
  '    Reply with a test value of the specified type. <type> can be: string,',
  '    integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
  '    true, false.',
  'RELOAD [option ...]',
  '    Save the RDB on disk and reload it back to memory. Valid <option> values:',
  '    * MERGE: conflicting keys will be loaded from RDB.',
  '    * NOFLUSH: the existing database will not be removed before load, but',
  '      conflicting keys will generate an exception and kill the server.',
  '    * NOSAVE: the database will be loaded from an existing RDB file.',
  '    Examples:',
  '    * DEBUG RELOAD: verify that the server is able to persist, flush and reload',
  '      the database.',
  '    * DEBUG RELOAD NOSAVE: replace the current database with the contents of an',
  '      existing RDB file.',
  '    * DEBUG RELOAD NOSAVE NOFLUSH MERGE: add the contents of an existing RDB',
  '      file to the database.',
  'SDSLEN <key>',
  '    Show low level SDS string info representing `key` and value.',
  'SET-ACTIVE-EXPIRE <0|1>',
  '    Setting it to 0 disables expiring keys in background when they are not',
  '    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the',
  '    default.',
  'QUICKLIST-PACKED-THRESHOLD <size>',
  '    Sets the threshold for elements to be inserted as plain vs packed nodes',
  '    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.',
  'SET-SKIP-CHECKSUM-VALIDATION <0|1>',
  "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
  'SLEEP <seconds>',
  '    Stop the server for <seconds>. Decimals allowed.',
  'STRINGMATCH-TEST',
  '    Run a fuzz tester against the stringmatchlen() function.',
  'LISTPACK <key>',
  '    Show low level info about the listpack encoding of <key>.',
  'QUICKLIST <key> [<0|1>]',
  '    Show low level info about the quicklist encoding of <key>.',
  '    The optional argument (0 by default) sets the level of detail',
  'PAUSE-CRON <0|1>',
  '    Stop periodic cron job processing.',
];

/** DEBUG. */
export const debugCommand: CommandRow = {
  name: 'debug',
  group: 'server',
  summary: 'A container for debugging commands',
  since: '1.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  categories: ['@admin', '@slow', '@dangerous'],
  keys: null,
  docArguments: [],
  handler: { kind: 'waiting', run: debug },
  difference: DIFFERENCE,
};
