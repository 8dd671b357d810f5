import { ErrorReply, MapReply, OK, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import type { Session } from '../session.ts';
import { helpHandler } from './help-reply.ts';

const PASSWORD_IN_FILE = new ErrorReply(
  "ERR CONFIG SET failed (possibly related to argument 'requirepass') - the users file says what the default user's password is",
);

const NO_FILE = new ErrorReply('ERR The server is running without a config file');

/** CONFIG GET parameter [parameter ...] */
function configGet(session: Session, args: readonly Buffer[]): Reply {
  return new MapReply(session.proxy.config.get(args.slice(2)));
}

/** CONFIG SET parameter value [parameter value ...]: all or none. */
function configSet(session: Session, args: readonly Buffer[]): Reply {
  if (args.length % 2 !== 0) return SYNTAX_ERROR;
  const pairs: [string, string][] = [];
  for (let i = 2; i + 1 < args.length; i += 2) {
    pairs.push([args[i]?.toString() ?? '', args[i + 1]?.toString() ?? '']);
  }
  if (session.proxy.users.definesDefault && pairs.some(([name]) => name.toLowerCase() === 'requirepass')) {
    return PASSWORD_IN_FILE;
  }
  const problem = session.proxy.config.set(pairs);
  if (problem !== null) return new ErrorReply(problem);
  session.proxy.config.noteChanged(pairs.map(([name]) => name));
  return OK;
}

function configResetStat(session: Session): Reply {
  session.proxy.stats.reset();
  session.proxy.namespaces.resetCounters();
  session.proxy.latency.resetHistograms();
  return OK;
}

/** CONFIG REWRITE: what CONFIG SET has changed goes into the file of --config. */
function configRewrite(session: Session): Reply {
  const { config, process } = session.proxy;
  if (process.rewriteConfig === null) return NO_FILE;
  const problem = process.rewriteConfig(config.changed());
  return problem === null ? OK : new ErrorReply(`ERR Rewriting config file: ${problem.replaceAll(/[\r\n]/g, ' ')}`);
}

const helpLines = [
  'GET <pattern>',
  '    Return parameters matching the glob-like <pattern> and their values.',
  'SET <directive> <value>',
  '    Set the configuration <directive> to <value>.',
  'RESETSTAT',
  '    Reset statistics reported by the INFO command.',
  'REWRITE',
  '    Rewrite the configuration file.',
];

const subcommands: readonly CommandRow[] = [
  {
    name: 'config|get',
    group: 'server',
    summary: 'Get the values of configuration parameters',
    since: '2.0.0',
    complexity: 'O(N) when N is the number of configuration parameters provided',
    arity: -3,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [
      { name: 'parameter', type: 'block', multiple: true, arguments: [{ name: 'parameter', type: 'string' }] },
    ],
    handler: { kind: 'session', run: configGet },
    difference: 'Only the parameters that mean something here are listed.',
  },
  {
    name: 'config|set',
    group: 'server',
    summary: 'Set configuration parameters to the given values',
    since: '2.0.0',
    complexity: 'O(N) when N is the number of configuration parameters provided',
    arity: -4,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [
      {
        name: 'parameter_value',
        type: 'block',
        multiple: true,
        arguments: [
          { name: 'parameter', type: 'string' },
          { name: 'value', type: 'string' },
        ],
      },
    ],
    handler: { kind: 'session', run: configSet },
    difference:
      'Changes one proxy, not the others. Parameters of things that are not here (save, appendonly ...) can only be set to their one value. maxmemory limits the live values on each storage node, with --engine memory; with disks it is always 0.',
  },
  {
    name: 'config|resetstat',
    group: 'server',
    summary: 'Reset the stats returned by INFO',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: configResetStat },
  },
  {
    name: 'config|rewrite',
    group: 'server',
    summary: 'Rewrite the configuration file with the in memory configuration',
    since: '2.8.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: configRewrite },
    difference:
      'Writes what CONFIG SET has changed into the JSON file of --config, where it is an option of junokv, and says what is not. A proxy of several workers has no file.',
  },
  {
    name: 'config|help',
    group: 'server',
    summary: 'Show helpful text about the different subcommands',
    since: '5.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale'],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: helpHandler('CONFIG', helpLines),
  },
];

/** CONFIG: the configuration of the proxy that the client is connected to. */
export const configCommand: CommandRow = {
  name: 'config',
  group: 'server',
  summary: 'A container for server configuration commands',
  since: '2.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  keys: null,
  docArguments: [],
  handler: null,
  subcommands,
};
