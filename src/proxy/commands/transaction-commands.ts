import { limits } from '../../base/limits.ts';
import { ErrorReply, OK, type Reply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { runQueued } from '../exec.ts';
import { namespaceNumber, type Session } from '../session.ts';
import { TransactionState } from '../transaction-state.ts';
import { watchedKey } from '../watch.ts';
import { KEYS, MANY_KEYS } from './keyed-row.ts';

const NESTED = new ErrorReply('ERR MULTI calls can not be nested');
const WATCH_INSIDE = new ErrorReply('ERR WATCH inside MULTI is not allowed');
const EXEC_ALONE = new ErrorReply('ERR EXEC without MULTI');
const DISCARD_ALONE = new ErrorReply('ERR DISCARD without MULTI');
const ABORTED = new ErrorReply('EXECABORT Transaction discarded because of previous errors.');
const TOO_MANY_WATCHED = new ErrorReply(
  `ERR too many keys are watched: at most ${limits.watchedKeys}, of ${limits.watchedBytes} bytes together`,
);

function stateOf(session: Session): TransactionState {
  session.transaction ??= new TransactionState();
  return session.transaction;
}

function multi(session: Session): Reply {
  const state = stateOf(session);
  if (state.queued !== null) return NESTED;
  state.begin();
  return OK;
}

function discard(session: Session): Reply {
  if (session.transaction === null || session.transaction.queued === null) return DISCARD_ALONE;
  session.transaction = null;
  return OK;
}

function unwatch(session: Session): Reply {
  const { transaction } = session;
  if (transaction === null) return OK;
  if (transaction.queued === null) session.transaction = null;
  else transaction.unwatch();
  return OK;
}

async function exec(session: Session): Promise<Reply> {
  const { transaction } = session;
  if (transaction === null || transaction.queued === null) return EXEC_ALONE;
  session.transaction = null;
  if (transaction.failed) return ABORTED;
  return runQueued(session, transaction.queued, [...transaction.watched.values()]);
}

/** Watching a key again changes nothing: what counts is what it was at first. */
async function watch(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const state = stateOf(session);
  if (state.queued !== null) return WATCH_INSIDE;
  const namespace = namespaceNumber(session);
  const nameOf = (key: Buffer): string => `${namespace} ${key.toString('latin1')}`;
  const keys = args.slice(1).filter((key) => !state.watched.has(nameOf(key)));
  if (!state.hasRoomToWatch(keys)) return TOO_MANY_WATCHED;
  const { cluster } = session.proxy;
  const watched = await Promise.all(keys.map((key) => watchedKey(cluster, namespace, key)));
  // A copy: the argument is a view of all that arrived with it.
  for (const one of watched) state.watch(nameOf(one.key), { ...one, key: Buffer.from(one.key) });
  return OK;
}

/** MULTI and what belongs to it: https://redis.io/docs/latest/commands/?group=transactions */
export const transactionCommands: readonly CommandRow[] = [
  {
    name: 'multi',
    group: 'transactions',
    summary: 'Mark the start of a transaction block',
    since: '1.2.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    categories: ['@fast', '@transaction'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: multi },
  },
  {
    name: 'exec',
    group: 'transactions',
    summary: 'Execute all commands issued after MULTI',
    since: '1.2.0',
    complexity: 'Depends on commands in the transaction',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
    categories: ['@slow', '@transaction'],
    keys: null,
    docArguments: [],
    handler: { kind: 'waiting', run: exec },
    difference: `At most ${limits.transactionRecords} different keys. Commands that work on no single keys (SCAN, KEYS, DBSIZE, FLUSHDB ...) run in their place, but not as one with those around them; where one of them finds no quorum, those behind it are answered \`-UNAVAILABLE not run\`. CONFIG, CLIENT and other commands on no keys run once the records are written. Replies have at most ${limits.transactionReplyBytes / 1_048_576} MiB together. A transaction that other clients keep from happening for two seconds is answered \`-UNAVAILABLE\`.`,
  },
  {
    name: 'discard',
    group: 'transactions',
    summary: 'Discard all commands issued after MULTI',
    since: '2.0.0',
    complexity: 'O(N), when N is the number of queued commands',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    categories: ['@fast', '@transaction'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: discard },
  },
  {
    name: 'watch',
    group: 'transactions',
    summary: 'Watch the given keys to determine execution of the MULTI/EXEC block',
    since: '2.2.0',
    complexity: 'O(1) for every key.',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    categories: ['@fast', '@transaction'],
    keys: MANY_KEYS,
    docArguments: [KEYS],
    handler: { kind: 'waiting', run: watch },
    difference: `At most ${limits.watchedKeys} keys. A key that was deleted more than a minute ago may count as written when its last trace is removed. A write that leaves a list or a string as it was (LTRIM, LMOVE, APPEND of nothing) does not count as one; a BITFIELD that only makes a string longer (OVERFLOW FAIL) does.`,
  },
  {
    name: 'unwatch',
    group: 'transactions',
    summary: 'Forget about all watched keys',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    categories: ['@fast', '@transaction'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: unwatch },
  },
];
