import { assert } from '../../base/assert.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, OK, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { AtomicStep, CommandRow } from '../command.ts';
import type { Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';
import { copyRecord, DELETE_STEP, putStep } from './put-step.ts';

const OUT_OF_RANGE = new ErrorReply('ERR DB index is out of range');
const SAME_OBJECT = new ErrorReply('ERR source and destination objects are the same');
const OTHER_DATABASE = new ErrorReply('ERR Copying to another database is not allowed in cluster mode');
const NO_SUCH_KEY = new ErrorReply('ERR no such key');
const NO_MOVE_IN_CLUSTER = new ErrorReply('ERR MOVE is not allowed in cluster mode');
const INT_MAX = 2_147_483_647;

interface CopyOptions {
  readonly database: number;
  readonly replace: boolean;
}

function parseDatabase(value: Buffer, databases: number): number | ErrorReply {
  const parsed = parseInteger(value);
  if (parsed === null || parsed > INT_MAX || parsed < -INT_MAX - 1) return NOT_AN_INTEGER;
  return parsed < 0 || parsed >= databases ? OUT_OF_RANGE : Number(parsed);
}

function parseCopyOptions(session: Session, args: readonly Buffer[]): CopyOptions | ErrorReply {
  let database = session.database;
  let replace = false;
  for (let i = 3; i < args.length; i++) {
    const option = optionName(argument(args, i));
    const value = args[i + 1];
    if (option === 'replace') {
      replace = true;
    } else if (option === 'db' && value !== undefined) {
      const parsed = parseDatabase(value, session.proxy.config.databases);
      if (parsed instanceof ErrorReply) return parsed;
      database = parsed;
      i++;
    } else {
      return SYNTAX_ERROR;
    }
  }
  if (session.clusterEnabled && database !== session.database) return OTHER_DATABASE;
  return { database, replace };
}

/** COPY source destination [DB destination-db] [REPLACE] */
function parseCopy(args: readonly Buffer[], session?: Session): AtomicStep | ErrorReply {
  assert(session !== undefined, 'COPY knows the session');
  const options = parseCopyOptions(session, args);
  if (options instanceof ErrorReply) return options;
  const { database, replace } = options;
  const source = argument(args, 1);
  const destination = argument(args, 2);
  if (database === session.database && source.equals(destination)) return SAME_OBJECT;
  return {
    keys: [{ key: source }, { key: destination, database }],
    access: 'write',
    needs: 'value',
    run: (view) => {
      const record = view.live(0);
      if (record === null || (view.live(1) !== null && !replace)) return 0;
      view.apply(1, putStep(copyRecord(record, view.pages(0))));
      return 1;
    },
  };
}

/** RENAME and RENAMENX key newkey: the value goes into the other record, with its expiry. */
function parseRename(onlyIfNew: boolean): (args: readonly Buffer[]) => AtomicStep {
  return (args) => {
    const source = argument(args, 1);
    const destination = argument(args, 2);
    const isSame = source.equals(destination);
    return {
      keys: [{ key: source }, { key: destination }],
      access: 'write',
      needs: 'value',
      run: (view) => {
        const record = view.live(0);
        if (record === null) return NO_SUCH_KEY;
        if (isSame) return onlyIfNew ? 0 : OK;
        if (onlyIfNew && view.live(1) !== null) return 0;
        const copy = copyRecord(record, view.pages(0));
        view.apply(1, putStep(copy));
        view.apply(0, DELETE_STEP);
        return onlyIfNew ? 1 : OK;
      },
    };
  };
}

/** MOVE key db */
function parseMove(args: readonly Buffer[], session?: Session): AtomicStep | ErrorReply {
  assert(session !== undefined, 'MOVE knows the session');
  if (session.clusterEnabled) return NO_MOVE_IN_CLUSTER;
  const database = parseDatabase(argument(args, 2), session.proxy.config.databases);
  if (database instanceof ErrorReply) return database;
  if (database === session.database) return SAME_OBJECT;
  const key = argument(args, 1);
  return {
    keys: [{ key }, { key, database }],
    access: 'write',
    needs: 'value',
    run: (view) => {
      const record = view.live(0);
      if (record === null || view.live(1) !== null) return 0;
      const copy = copyRecord(record, view.pages(0));
      view.apply(1, putStep(copy));
      view.apply(0, DELETE_STEP);
      return 1;
    },
  };
}

const SOURCE_AND_DESTINATION = [
  { name: 'key', type: 'key', keySpecIndex: 0 },
  { name: 'newkey', type: 'key', keySpecIndex: 1 },
] as const;
const COPIES = 'The value is copied, O(N) for one in pages, and all of its pages are in memory for that.';

export const moveCommands: readonly CommandRow[] = [
  {
    name: 'rename',
    group: 'generic',
    summary: 'Rename a key',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write'],
    categories: ['@keyspace', '@write', '@slow'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: SOURCE_AND_DESTINATION,
    handler: { kind: 'atomic', parse: parseRename(false) },
    difference: COPIES,
  },
  {
    name: 'renamenx',
    group: 'generic',
    summary: 'Rename a key, only if the new key does not exist',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'fast'],
    categories: ['@keyspace', '@write', '@fast'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: SOURCE_AND_DESTINATION,
    handler: { kind: 'atomic', parse: parseRename(true) },
    difference: COPIES,
  },
  {
    name: 'move',
    group: 'generic',
    summary: 'Move a key to another database',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'fast'],
    categories: ['@keyspace', '@write', '@fast'],
    keys: { first: 1, last: 1, step: 1 },
    docArguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      { name: 'db', type: 'integer' },
    ],
    handler: { kind: 'atomic', parse: parseMove },
    difference: COPIES,
  },
];

export const copyCommand: CommandRow = {
  name: 'copy',
  group: 'generic',
  summary: 'Copy a key',
  since: '6.2.0',
  complexity: 'O(N) worst case for collections, where N is the number of nested items. O(1) for string values.',
  arity: -3,
  flags: ['write', 'denyoom'],
  categories: ['@keyspace', '@write', '@slow'],
  keys: { first: 1, last: 2, step: 1 },
  docArguments: [
    { name: 'source', type: 'key', keySpecIndex: 0 },
    { name: 'destination', type: 'key', keySpecIndex: 1 },
    { name: 'destination-db', type: 'integer', token: 'DB', optional: true },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', optional: true },
  ],
  handler: { kind: 'atomic', parse: parseCopy },
};
