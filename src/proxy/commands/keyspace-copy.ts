import { assert } from '../../base/assert.ts';
import { numberInGroup } from '../../cluster/namespace-groups.ts';
import type { Outcome, RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { failureReply } from '../failure-reply.ts';
import type { Session } from '../session.ts';
import { copyValue, pasteValue, type ValueCopy } from '../values/value-copy.ts';
import { argument, NIL, optionName, ZERO } from './keyed-row.ts';

const OUT_OF_RANGE = new ErrorReply('ERR DB index is out of range');
const SAME_OBJECT = new ErrorReply('ERR source and destination objects are the same');
const OTHER_DATABASE = new ErrorReply('ERR Copying to another database is not allowed in cluster mode');
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

function submit(session: Session, database: number, key: Buffer, step: Step<Reply>): Promise<Outcome<Reply>> {
  const namespace = numberInGroup(session.namespaceGroup, database);
  return new Promise((done) => session.proxy.cluster.submit({ namespace, key, step, done }));
}

/** Replies the expiry, or nil; keeps the value for the other step. */
class ReadStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  /** What the run that was answered found. */
  copy: ValueCopy | null = null;

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record === null) return NIL;
    this.copy = copyValue(record.value, pages);
    return { reply: record.expiresAtMs, change: null };
  }
}

function writeStep(copy: ValueCopy, expiresAtMs: number, replace: boolean): Step<Reply> {
  return {
    access: 'write',
    needs: 'meta',
    run: (record, { nowMs, pages }) => {
      if (record !== null && !replace) return ZERO;
      // The source has expired since it was read.
      if (expiresAtMs !== 0 && expiresAtMs <= nowMs) return ZERO;
      return { reply: 1, change: { kind: 'put', value: pasteValue(copy, pages), expiresAtMs } };
    },
  };
}

/** COPY source destination [DB destination-db] [REPLACE]: reads the one key, then writes the other. */
async function copy(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const options = parseCopyOptions(session, args);
  if (options instanceof ErrorReply) return options;
  const source = argument(args, 1);
  const destination = argument(args, 2);
  if (options.database === session.database && source.equals(destination)) return SAME_OBJECT;
  const reading = new ReadStep();
  const read = await submit(session, session.database, source, reading);
  if (!read.ok) return failureReply(read.failure);
  if (read.reply === null) return 0;
  assert(reading.copy !== null, 'a step that replied an expiry has the value');
  const step = writeStep(reading.copy, Number(read.reply), options.replace);
  const limited = session.proxy.namespaces.gateOf(session)?.limitStep(destination, step) ?? step;
  const written = await submit(session, options.database, destination, limited);
  return written.ok ? written.reply : failureReply(written.failure);
}

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
  handler: { kind: 'waiting', run: copy },
  difference: 'Not atomic over the two keys: the source is read, then the destination is written.',
};
