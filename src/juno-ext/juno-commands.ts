import { AccessLevel } from '../proxy/access.ts';
import type { ArgumentDoc, CommandRow, Handler } from '../proxy/command.ts';
import { argument, FAR_EXPIRY, KEY, ONE_KEY, VALUE } from '../proxy/commands/keyed-row.ts';
import type { Session } from '../proxy/session.ts';
import type { Step } from '../quorum/operation.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import { backupCommands } from './backup-commands.ts';
import { type JunoOption, type JunoOptions, parseJunoOptions } from './juno-options.ts';
import { JunoCreateStep, JunoDestroyStep, JunoGetStep, JunoSetStep, JunoUpdateStep } from './juno-steps.ts';
import { inspect, locate } from './juno-topology.ts';
import { keyCommands } from './key-commands.ts';
import { namespaceCommands } from './namespace-commands.ts';
import { sweepCommands } from './sweep-commands.ts';

/** The first version of junokv that has these commands. */
const SINCE = '0.1.0';

/** A command over one key whose options stand at args[first] and later. */
function withOptions(
  first: number,
  allowed: readonly JunoOption[],
  makeStep: (args: readonly Buffer[], options: JunoOptions, session: Session | undefined) => Step<Reply> | ErrorReply,
): Handler {
  const names = new Set(allowed);
  return {
    kind: 'record',
    parse: (args, session) => {
      const options = parseJunoOptions(args, first, names);
      if (options instanceof ErrorReply) return options;
      const step = makeStep(args, options, session);
      return step instanceof ErrorReply ? step : { key: argument(args, 1), step };
    },
  };
}

type PutStep = new (bytes: Buffer, options: JunoOptions, defaultTtlMs: number) => Step<Reply>;

function putting(allowed: readonly JunoOption[], Made: PutStep): Handler {
  return withOptions(3, allowed, (args, options, session) => {
    const defaultTtlMs = session === undefined ? 0 : session.proxy.namespaces.defaultTtlMs(session);
    return new Made(argument(args, 2), options, defaultTtlMs);
  });
}

/** Who may only read may not make a record live longer. */
const NO_EXTENSION = new ErrorReply("NOPERM this user has no permissions to run the 'juno.get' command with a TTL");

const getting = withOptions(2, ['ttl'], (_args, { ttlMs }, session) => {
  const mayExtend = session === undefined || session.access >= AccessLevel.write;
  return ttlMs === 0 || mayExtend ? new JunoGetStep(ttlMs) : NO_EXTENSION;
});

const TTL: ArgumentDoc = {
  name: 'expiration',
  type: 'oneof',
  optional: true,
  arguments: [
    { name: 'seconds', type: 'integer', token: 'TTL' },
    { name: 'milliseconds', type: 'integer', token: 'PTTL' },
  ],
};
const REQUEST_ID: ArgumentDoc = { name: 'request-id', type: 'string', token: 'REQUESTID', optional: true };
const CONDITION: ArgumentDoc = {
  name: 'condition',
  type: 'block',
  optional: true,
  arguments: [
    { name: 'record-version', type: 'integer', token: 'VERSION' },
    { name: 'creation-time', type: 'unix-time', token: 'CREATED', optional: true },
  ],
};

/** JUNO.* over one key, with JunoDB's semantics, on the same records as Redis's commands. */
const dataCommands: readonly CommandRow[] = [
  {
    name: 'juno.create',
    group: 'juno',
    summary: 'Creates a record, only if the key does not exist',
    since: SINCE,
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, VALUE, TTL, REQUEST_ID],
    handler: putting(['ttl', 'requestid'], JunoCreateStep),
    difference: FAR_EXPIRY,
  },
  {
    name: 'juno.get',
    group: 'juno',
    summary: 'Get a value with its context; a TTL extends its life and never shortens it',
    since: SINCE,
    complexity: 'O(1)',
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, TTL],
    handler: getting,
    difference: FAR_EXPIRY,
  },
  {
    name: 'juno.update',
    group: 'juno',
    summary: 'Replaces the value of an existing record, if asked for only of one version',
    since: SINCE,
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, VALUE, CONDITION, TTL, REQUEST_ID],
    handler: putting(['version', 'created', 'ttl', 'requestid'], JunoUpdateStep),
    difference: FAR_EXPIRY,
  },
  {
    name: 'juno.set',
    group: 'juno',
    summary: 'Creates a record or replaces its value',
    since: SINCE,
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, VALUE, TTL, REQUEST_ID],
    handler: putting(['ttl', 'requestid'], JunoSetStep),
    difference: FAR_EXPIRY,
  },
  {
    name: 'juno.destroy',
    group: 'juno',
    summary: 'Deletes a record, if asked for only of one version; an absent key is fine',
    since: SINCE,
    complexity: 'O(1)',
    arity: -2,
    flags: ['write'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, CONDITION, REQUEST_ID],
    handler: withOptions(2, ['version', 'created', 'requestid'], (_args, options) => new JunoDestroyStep(options)),
  },
];

/** Where a record is, and what is there. */
const topologyCommands: readonly CommandRow[] = [
  {
    name: 'juno.locate',
    group: 'juno',
    summary: 'The slot and shard of a key, and the nodes of its replica set with their health',
    since: SINCE,
    complexity: 'O(N) where N is the number of zones',
    arity: 2,
    flags: ['readonly'],
    categories: ['@read', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: { kind: 'waiting', run: locate },
  },
  {
    name: 'juno.inspect',
    group: 'juno',
    summary: 'What every replica holds of a record beside its value',
    since: SINCE,
    complexity: 'O(N) where N is the number of zones',
    arity: 2,
    flags: ['readonly', 'admin'],
    categories: ['@read', '@admin', '@slow', '@dangerous'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: { kind: 'waiting', run: inspect },
  },
];

/** All of Juno's commands, for the command table of a proxy that serves them beside Redis's. */
export const junoCommands: readonly CommandRow[] = [
  ...dataCommands,
  ...topologyCommands,
  ...namespaceCommands,
  ...backupCommands,
  ...sweepCommands,
  ...keyCommands,
];
