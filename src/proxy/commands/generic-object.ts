import type { Step } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { encodingName } from '../values/collection-value.ts';
import { inlineBytes } from '../values/string-value.ts';
import { helpHandler } from './help-reply.ts';
import { KEY, keyOnly, NIL, ONE, SECOND_ARGUMENT_KEY } from './keyed-row.ts';

/** Redis keeps a string up to this in one allocation with its object. */
const EMBSTR_MAX_BYTES = 44;
const NO_LFU = new ErrorReply(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
);

const HELP_LINES = [
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
];

/** A collection tells its own; of a string: how Redis would keep it had it been SET. */
function encodingOf(record: LiveRecord): string {
  const { value } = record;
  if (value.type !== ValueType.string) return encodingName(value);
  const bytes = record.sizeBytes <= EMBSTR_MAX_BYTES ? inlineBytes(value) : null;
  if (bytes === null) return 'raw';
  return parseInteger(bytes) === null ? 'embstr' : 'int';
}

const ENCODING_STEP: Step<Reply> = {
  access: 'read',
  needs: 'value',
  run: (record) => (record === null ? NIL : { reply: encodingOf(record), change: null }),
};

const FREQ_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => (record === null ? NIL : { reply: NO_LFU, change: null }),
};

const IDLETIME_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record, { nowMs }) => {
    if (record === null) return NIL;
    return { reply: Math.max(0, Math.floor((nowMs - record.lastModifiedMs) / 1000)), change: null };
  },
};

const REFCOUNT_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => (record === null ? NIL : ONE),
};

function subcommand(row: Pick<CommandRow, 'name' | 'summary' | 'since' | 'difference'>, step: Step<Reply>): CommandRow {
  return {
    ...row,
    group: 'generic',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly'],
    categories: ['@keyspace', '@read', '@slow'],
    keys: SECOND_ARGUMENT_KEY,
    docArguments: [KEY],
    handler: keyOnly(step, 2),
  };
}

/** OBJECT and its subcommands. */
export const objectCommands: readonly CommandRow[] = [
  {
    name: 'object',
    group: 'generic',
    summary: 'A container for object introspection commands',
    since: '2.2.3',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: null,
    subcommands: [
      {
        name: 'object|help',
        group: 'generic',
        summary: 'Show helpful text about the different subcommands',
        since: '6.2.0',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        categories: ['@keyspace', '@slow'],
        keys: null,
        docArguments: [],
        handler: helpHandler('OBJECT', HELP_LINES),
      },
      subcommand(
        {
          name: 'object|encoding',
          summary: 'Inspect the internal encoding of a Redis object',
          since: '2.2.3',
          difference:
            'Says how Redis encodes a string that was SET; short strings made by APPEND, SETRANGE or INCRBYFLOAT, which Redis may call raw or embstr, are not told apart.',
        },
        ENCODING_STEP,
      ),
      subcommand(
        {
          name: 'object|freq',
          summary: 'Get the logarithmic access frequency counter of a Redis object',
          since: '4.0.0',
          difference: 'Always answers the error of a Redis without an LFU policy: nothing is evicted.',
        },
        FREQ_STEP,
      ),
      subcommand(
        {
          name: 'object|idletime',
          summary: 'Get the time since a Redis object was last accessed',
          since: '2.2.3',
          difference: 'Seconds since the value was last changed: neither reads nor changes of the expiry count.',
        },
        IDLETIME_STEP,
      ),
      subcommand(
        {
          name: 'object|refcount',
          summary: 'Get the number of references to the value of the key',
          since: '2.2.3',
          difference: 'Always 1: small integers are not shared as in Redis, which answers 2147483647 for them.',
        },
        REFCOUNT_STEP,
      ),
    ],
  },
];
