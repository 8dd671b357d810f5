import { DATABASES_PER_GROUP, numberInGroup } from '../../cluster/namespace-groups.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, OK, type Reply, SimpleString, SYNTAX_ERROR, VerbatimReply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { failureReply } from '../failure-reply.ts';
import { REDIS_VERSION } from '../redis-version.ts';
import { namespaceNumber, type Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';

const SWAP_IN_CLUSTER = new ErrorReply('ERR SWAPDB is not allowed in cluster mode');
const OUT_OF_RANGE = new ErrorReply('ERR DB index is out of range');

function validFlush(args: readonly Buffer[]): boolean {
  if (args.length === 1) return true;
  const mode = optionName(argument(args, 1));
  return args.length === 2 && (mode === 'async' || mode === 'sync');
}

async function flush(session: Session, args: readonly Buffer[], namespaces: readonly number[]): Promise<Reply> {
  if (!validFlush(args)) return SYNTAX_ERROR;
  const outcome = await session.proxy.cluster.flush(namespaces);
  if (!outcome.ok) return failureReply(outcome.failure);
  session.proxy.info.forgetCounts(session.namespaceGroup);
  return OK;
}

function flushDb(session: Session, args: readonly Buffer[]): Promise<Reply> {
  return flush(session, args, [namespaceNumber(session)]);
}

/** The sixteen databases of the connection's namespace. */
function flushAll(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const { namespaceGroup } = session;
  const numbers = Array.from({ length: DATABASES_PER_GROUP }, (_, database) => numberInGroup(namespaceGroup, database));
  return flush(session, args, numbers);
}

async function dbSize(session: Session): Promise<Reply> {
  const [count] = await session.proxy.cluster.count([namespaceNumber(session)]);
  return count?.keys ?? 0;
}

/** SWAPDB index1 index2: of the connection's namespace, in one change of the cluster map. */
async function swapDatabases(session: Session, args: readonly Buffer[]): Promise<Reply> {
  if (session.clusterEnabled) return SWAP_IN_CLUSTER;
  const [first, second] = [parseInteger(argument(args, 1)), parseInteger(argument(args, 2))];
  if (first === null) return new ErrorReply('ERR invalid first DB index');
  if (second === null) return new ErrorReply('ERR invalid second DB index');
  const [one, other] = [Number(first), Number(second)];
  if (Math.min(one, other) < 0 || Math.max(one, other) >= session.proxy.config.databases) return OUT_OF_RANGE;
  if (one === other) return OK;
  const { namespaceGroup, proxy } = session;
  const outcome = await proxy.cluster.swap(numberInGroup(namespaceGroup, one), numberInGroup(namespaceGroup, other));
  if (!outcome.ok) return failureReply(outcome.failure);
  proxy.info.forgetCounts(namespaceGroup);
  return OK;
}

/** TIME: unix seconds and microseconds, as strings. */
function time(session: Session): Reply {
  const us = session.proxy.clock.wallUs();
  return [String(Math.floor(us / 1_000_000)), String(us % 1_000_000)];
}

/** Every proxy is a master without replicas: the copies are the cluster's affair. */
function role(): Reply {
  return ['master', 0, []];
}

function lolwut(): Reply {
  const skyline = [
    '     .  *        .      zone 1   zone 2   zone 3',
    '  *     ( ~ )  .         [###]    [###]    [###]',
  ];
  return new VerbatimReply('txt', `${skyline.join('\n')}\n\njunokv, speaking as Redis ver. ${REDIS_VERSION}\n`);
}

/** MONITOR: from now on this connection is sent every command that the proxy carries out. */
function monitor(session: Session): Reply | undefined {
  if (session.monitoring) return undefined;
  session.proxy.monitors.add(session);
  return new SimpleString('OK');
}

const FLUSH_DIFFERENCE =
  'Constant time; the space is given back in the background. ASYNC and SYNC do the same. Linearizable for each key, not one instant for all keys.';

/** Commands about whole databases and the server as such. */
export const databaseCommands: readonly CommandRow[] = [
  {
    name: 'dbsize',
    group: 'server',
    summary: 'Return the number of keys in the selected database',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['readonly', 'fast'],
    categories: ['@keyspace', '@read', '@fast'],
    keys: null,
    docArguments: [],
    handler: { kind: 'waiting', run: dbSize },
    difference:
      'The storage nodes read what they hold, which takes time in proportion to the keys of all databases: some seconds for a million. Those who ask at the same time share the next pass.',
  },
  {
    name: 'flushdb',
    group: 'server',
    summary: 'Remove all keys from the current database',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of keys in the selected database',
    arity: -1,
    flags: ['write'],
    categories: ['@keyspace', '@write', '@slow', '@dangerous'],
    keys: null,
    docArguments: [
      {
        name: 'async',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'async', type: 'pure-token', token: 'ASYNC', since: '4.0.0' },
          { name: 'sync', type: 'pure-token', token: 'SYNC', since: '6.2.0' },
        ],
      },
    ],
    handler: { kind: 'waiting', run: flushDb },
    difference: FLUSH_DIFFERENCE,
  },
  {
    name: 'flushall',
    group: 'server',
    summary: 'Remove all keys from all databases',
    since: '1.0.0',
    complexity: 'O(N) where N is the total number of keys in all databases',
    arity: -1,
    flags: ['write'],
    categories: ['@keyspace', '@write', '@slow', '@dangerous'],
    keys: null,
    docArguments: [
      {
        name: 'async',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'async', type: 'pure-token', token: 'ASYNC', since: '4.0.0' },
          { name: 'sync', type: 'pure-token', token: 'SYNC', since: '6.2.0' },
        ],
      },
    ],
    handler: { kind: 'waiting', run: flushAll },
    difference: FLUSH_DIFFERENCE,
  },
  {
    name: 'time',
    group: 'server',
    summary: 'Return the current server time',
    since: '2.6.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    categories: ['@fast'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: time },
    difference: 'The clock of the proxy that the client is connected to.',
  },
  {
    name: 'swapdb',
    group: 'server',
    summary: 'Swaps two Redis databases',
    since: '4.0.0',
    complexity: 'O(N) where N is the count of clients watching or blocking on keys from both databases.',
    arity: 3,
    flags: ['write', 'fast'],
    categories: ['@keyspace', '@write', '@fast', '@dangerous'],
    keys: null,
    docArguments: [
      { name: 'index1', type: 'integer' },
      { name: 'index2', type: 'integer' },
    ],
    handler: { kind: 'waiting', run: swapDatabases },
    difference:
      'Linearizable for each key, not one instant for all keys. Behind MULTI it runs in its place, not as one with the commands around it. EXEC also does nothing where a watched key was deleted shortly before in one of the two databases.',
  },
  {
    name: 'role',
    group: 'server',
    summary: 'Return the role of the instance in the context of replication',
    since: '2.8.12',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    categories: ['@admin', '@fast', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: role },
    difference: 'Always a master without replicas.',
  },
  {
    name: 'lolwut',
    group: 'server',
    summary: 'Display some computer art and the Redis version',
    since: '5.0.0',
    complexity: '',
    arity: -1,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@fast'],
    keys: null,
    docArguments: [{ name: 'version', type: 'integer', token: 'VERSION', optional: true }],
    handler: { kind: 'session', run: lolwut },
    difference: 'Other art.',
  },
  {
    name: 'monitor',
    group: 'server',
    summary: 'Listen for all requests received by the server in real time',
    since: '1.0.0',
    complexity: '',
    arity: 1,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: monitor },
    difference: 'Shows the commands of one proxy.',
  },
];
