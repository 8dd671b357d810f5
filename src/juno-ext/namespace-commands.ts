import type { NamespaceGroup, NamespaceLimits } from '../cluster/map.ts';
import { findGroup, LIMIT_NAMES } from '../cluster/namespace-groups.ts';
import type { ArgumentDoc, CommandRow } from '../proxy/command.ts';
import { argument } from '../proxy/commands/keyed-row.ts';
import type { NamespaceCounters } from '../proxy/namespaces.ts';
import type { Session } from '../proxy/session.ts';
import { parseInteger } from '../resp/integer.ts';
import { ErrorReply, MapReply, OK, type Reply } from '../resp/reply.ts';

/** The first version of junokv that has these commands. */
const SINCE = '0.1.0';
const NO_SUCH_NAMESPACE = new ErrorReply('BADPARAM no such namespace');
const NAMESPACE_ARITY = new ErrorReply("ERR wrong number of arguments for 'juno.namespace' command");
const PAIRS = new ErrorReply('BADPARAM a value must follow each limit');
const BAD_VALUE = new ErrorReply('BADPARAM a limit is a whole number from 0 on; 0 is none');
const UNKNOWN_LIMIT = new ErrorReply(`BADPARAM there is no such limit; there are ${LIMIT_NAMES.join(', ')}`);
const TWICE = new ErrorReply('BADPARAM a limit is given twice');

type LimitName = (typeof LIMIT_NAMES)[number];
const limitByName: ReadonlyMap<string, LimitName> = new Map(LIMIT_NAMES.map((name) => [name.toLowerCase(), name]));

/** The index of the group that the argument names, if there is one and the session's user may know of it. */
function groupNamed(session: Session, name: Buffer): number | ErrorReply {
  const group = findGroup(session.proxy.cluster.map(), name.toString('utf8'));
  if (session.namespaceBound && group !== session.namespaceGroup) return elsewhere(session);
  return group ?? NO_SUCH_NAMESPACE;
}

function elsewhere(session: Session): ErrorReply {
  return new ErrorReply(`NOPERM this user belongs to namespace ${session.proxy.namespaces.nameOf(session)} alone`);
}

/** JUNO.NAMESPACE [name] */
function namespace(session: Session, args: readonly Buffer[]): Reply {
  if (args.length === 1) return session.proxy.namespaces.nameOf(session);
  if (args.length > 2) return NAMESPACE_ARITY;
  const group = groupNamed(session, argument(args, 1));
  if (group instanceof ErrorReply) return group;
  session.namespaceGroup = group;
  return OK;
}

/** JUNO.NAMESPACES [LIST]: what the user may know of. */
function list(session: Session): Reply {
  const { cluster, namespaces } = session.proxy;
  const replies: Reply[] = [];
  cluster.map().namespaceGroups.forEach((group, index) => {
    if (session.namespaceBound && index !== session.namespaceGroup) return;
    replies.push(groupReply(group, namespaces.countersOf(index)));
  });
  return replies;
}

function groupReply({ name, limits }: NamespaceGroup, counters: NamespaceCounters): MapReply {
  const { reads, writes, errors, refused, bytesIn, bytesOut } = counters;
  return new MapReply([
    ['name', name],
    ...limitEntries(limits),
    ['commands', reads + writes],
    ['reads', reads],
    ['writes', writes],
    ['errors', errors],
    ['refused', refused],
    ['bytesIn', bytesIn],
    ['bytesOut', bytesOut],
  ]);
}

function limitEntries(limits: NamespaceLimits): (readonly [Reply, Reply])[] {
  return LIMIT_NAMES.map((name) => [name, limits[name]]);
}

/** JUNO.NAMESPACES CREATE name */
async function create(session: Session, args: readonly Buffer[]): Promise<Reply> {
  if (session.namespaceBound) return elsewhere(session);
  return done(await session.proxy.cluster.createNamespace(argument(args, 2).toString('utf8')));
}

/** JUNO.LIMITS GET name */
function getLimits(session: Session, args: readonly Buffer[]): Reply {
  const group = groupNamed(session, argument(args, 2));
  if (group instanceof ErrorReply) return group;
  const limits = session.proxy.cluster.map().namespaceGroups[group]?.limits;
  return limits === undefined ? NO_SUCH_NAMESPACE : new MapReply(limitEntries(limits));
}

/** JUNO.LIMITS SET name limit value [limit value ...]: all or none. */
async function setLimits(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const name = argument(args, 2);
  const group = groupNamed(session, name);
  if (group instanceof ErrorReply) return group;
  const changes = parseLimits(args, 3);
  if (changes instanceof ErrorReply) return changes;
  return done(await session.proxy.cluster.setNamespaceLimits(name.toString('utf8'), changes));
}

function parseLimits(args: readonly Buffer[], first: number): Partial<NamespaceLimits> | ErrorReply {
  const changes: { -readonly [name in LimitName]?: number } = {};
  for (let i = first; i < args.length; i += 2) {
    const given = args[i + 1];
    if (given === undefined) return PAIRS;
    const name = limitByName.get(argument(args, i).toString('latin1').toLowerCase());
    if (name === undefined) return UNKNOWN_LIMIT;
    if (changes[name] !== undefined) return TWICE;
    const value = parseInteger(given);
    if (typeof value !== 'number' || value < 0) return BAD_VALUE;
    changes[name] = value;
  }
  return changes;
}

function done(problem: string | null): Reply {
  return problem === null ? OK : new ErrorReply(`BADPARAM ${problem}`);
}

const NAME: ArgumentDoc = { name: 'name', type: 'string' };
const LIMIT_VALUES: ArgumentDoc = {
  name: 'limit_value',
  type: 'block',
  multiple: true,
  arguments: [
    { name: 'limit', type: 'string' },
    { name: 'value', type: 'integer' },
  ],
};

const namespacesCommand: CommandRow = {
  name: 'juno.namespaces',
  group: 'juno',
  summary: 'Lists the namespaces with their limits and what this proxy has done in them',
  since: SINCE,
  complexity: 'O(N) where N is the number of namespaces',
  arity: -1,
  flags: ['fast'],
  categories: ['@fast'],
  keys: null,
  docArguments: [],
  handler: { kind: 'session', run: list },
  difference: 'A user that belongs to a namespace sees that one. Figures are of the proxy that is asked.',
  subcommands: [
    {
      name: 'juno.namespaces|list',
      group: 'juno',
      summary: 'Lists the namespaces with their limits and what this proxy has done in them',
      since: SINCE,
      complexity: 'O(N) where N is the number of namespaces',
      arity: 2,
      flags: ['fast'],
      categories: ['@fast'],
      keys: null,
      docArguments: [],
      handler: { kind: 'session', run: list },
    },
    {
      name: 'juno.namespaces|create',
      group: 'juno',
      summary: 'Adds a namespace to the cluster',
      since: SINCE,
      complexity: 'O(1)',
      arity: 3,
      flags: ['admin', 'noscript'],
      categories: ['@admin', '@slow', '@dangerous'],
      keys: null,
      docArguments: [NAME],
      handler: { kind: 'waiting', run: create },
    },
  ],
};

const limitsCommand: CommandRow = {
  name: 'juno.limits',
  group: 'juno',
  summary: 'A container for commands about the limits of namespaces',
  since: SINCE,
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  keys: null,
  docArguments: [],
  handler: null,
  subcommands: [
    {
      name: 'juno.limits|get',
      group: 'juno',
      summary: 'The limits of a namespace',
      since: SINCE,
      complexity: 'O(1)',
      arity: 3,
      flags: ['fast'],
      categories: ['@fast'],
      keys: null,
      docArguments: [NAME],
      handler: { kind: 'session', run: getLimits },
    },
    {
      name: 'juno.limits|set',
      group: 'juno',
      summary: 'Changes limits of a namespace on every proxy, all that are given or none',
      since: SINCE,
      complexity: 'O(1)',
      arity: -5,
      flags: ['admin', 'noscript'],
      categories: ['@admin', '@slow', '@dangerous'],
      keys: null,
      docArguments: [NAME, LIMIT_VALUES],
      handler: { kind: 'waiting', run: setLimits },
    },
  ],
};

/** Namespaces and their limits. */
export const namespaceCommands: readonly CommandRow[] = [
  {
    name: 'juno.namespace',
    group: 'juno',
    summary: 'The namespace of the connection, or another one for it',
    since: SINCE,
    complexity: 'O(1)',
    arity: -1,
    flags: ['fast'],
    categories: ['@fast', '@connection'],
    keys: null,
    docArguments: [{ ...NAME, optional: true }],
    handler: { kind: 'session', run: namespace },
  },
  namespacesCommand,
  limitsCommand,
];
