import type { StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import {
  type ErrorReply,
  MapReply,
  NOT_AN_INTEGER,
  OK,
  type Reply,
  SYNTAX_ERROR,
  VerbatimReply,
} from '../../resp/reply.ts';
import type { CommandRow, KeyedStep } from '../command.ts';
import { RECORD_OVERHEAD_BYTES } from '../memory/memory-port.ts';
import type { Session } from '../session.ts';
import { helpHandler } from './help-reply.ts';
import { argument, optionName } from './keyed-row.ts';

function usage(record: LiveRecord | null): StepResult<Reply> {
  const reply = record === null ? null : RECORD_OVERHEAD_BYTES + record.key.length + record.sizeBytes;
  return { reply, change: null };
}

/** MEMORY USAGE key [SAMPLES count] */
function memoryUsage(args: readonly Buffer[]): KeyedStep | ErrorReply {
  for (let i = 3; i < args.length; i += 2) {
    const count = args[i + 1]?.toString('latin1');
    if (optionName(argument(args, i)) !== 'samples' || count === undefined) return SYNTAX_ERROR;
    if (!/^(0|-?[1-9][0-9]{0,17})$/.test(count)) return NOT_AN_INTEGER;
    if (count.startsWith('-')) return SYNTAX_ERROR;
  }
  const key = args[2];
  if (key === undefined) return SYNTAX_ERROR;
  return { key, step: { access: 'read', needs: 'meta', run: usage } };
}

function memoryStats(session: Session): Reply {
  const { clients, info, config, memory: nodes } = session.proxy;
  const { memory } = info;
  return new MapReply([
    ['peak.allocated', memory.peakRssBytes],
    ['total.allocated', memory.rssBytes],
    ['clients.normal', clients.queryBufferBytes + clients.outputBufferBytes],
    ['heap.allocated', memory.heapBytes],
    ['external.allocated', memory.externalBytes],
    // Where there is a limit, what it limits.
    ...(config.maxmemoryBytes === 0 ? [] : [['dataset.bytes', nodes.usedBytes ?? 0] as const]),
  ]);
}

/** Redis looks for trouble with its own data set here; a proxy has none. */
function memoryDoctor(): Reply {
  return new VerbatimReply(
    'txt',
    'A junokv proxy keeps no data set in memory, so there is nothing to examine here. See INFO memory for this process and INFO junokv for the storage nodes.\n',
  );
}

function memoryMallocStats(): Reply {
  return 'Stats not supported for the current allocator';
}

const helpLines = [
  'DOCTOR',
  '    Return memory problems reports.',
  'MALLOC-STATS',
  '    Return internal statistics report from the memory allocator.',
  'PURGE',
  '    Attempt to purge dirty pages for reclamation by the allocator.',
  'STATS',
  '    Return information about the memory usage of the server.',
  'USAGE <key> [SAMPLES <count>]',
  '    Return memory in bytes used by <key> and its value. Nested values are',
  '    sampled up to <count> times (default: 5, 0 means sample all).',
];

const subcommands: readonly CommandRow[] = [
  {
    name: 'memory|usage',
    group: 'server',
    summary: 'Estimate the memory usage of a key',
    since: '4.0.0',
    complexity: 'O(N) where N is the number of samples.',
    arity: -3,
    flags: ['readonly'],
    categories: ['@read', '@slow'],
    keys: { first: 2, last: 2, step: 1 },
    docArguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      { name: 'count', type: 'integer', token: 'SAMPLES', optional: true },
    ],
    handler: { kind: 'record', parse: memoryUsage },
    difference: 'An estimate of the bytes that one replica stores.',
  },
  {
    name: 'memory|stats',
    group: 'server',
    summary: 'Show memory usage details',
    since: '4.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: memoryStats },
    difference:
      'Figures of the process that the client is connected to; those that only an in-memory data set has are absent. dataset.bytes, while maxmemory is set, is what the fullest storage node holds of live values.',
  },
  {
    name: 'memory|doctor',
    group: 'server',
    summary: 'Outputs memory problems report',
    since: '4.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: memoryDoctor },
    difference: 'Says that there is no data set in memory to examine.',
  },
  {
    name: 'memory|malloc-stats',
    group: 'server',
    summary: 'Show allocator internal stats',
    since: '4.0.0',
    complexity: 'Depends on how much memory is allocated, could be slow',
    arity: 2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: memoryMallocStats },
    difference: 'Answers what Redis answers for an allocator without statistics.',
  },
  {
    name: 'memory|purge',
    group: 'server',
    summary: 'Ask the allocator to release memory',
    since: '4.0.0',
    complexity: 'Depends on how much memory is allocated, could be slow',
    arity: 2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: () => OK },
    difference: 'Does nothing, as Redis with an allocator that cannot purge.',
  },
  {
    name: 'memory|help',
    group: 'server',
    summary: 'Show helpful text about the different subcommands',
    since: '4.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale'],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: helpHandler('MEMORY', helpLines),
  },
];

/** MEMORY */
export const memoryCommand: CommandRow = {
  name: 'memory',
  group: 'server',
  summary: 'A container for memory diagnostics commands',
  since: '4.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  keys: null,
  docArguments: [],
  handler: null,
  subcommands,
};
