import type { Step } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { CommandRow, Handler, KeyedStep } from '../command.ts';
import { namespaceNumber, type Session } from '../session.ts';
import { encodingName } from '../values/collection-value.ts';
import { inlineBytes } from '../values/string-value.ts';
import { helpHandler } from './help-reply.ts';
import { argument, KEY, keyOnly, NIL, ONE, SECOND_ARGUMENT_KEY } from './keyed-row.ts';

/** Redis keeps a string up to this in one allocation with its object. */
const EMBSTR_MAX_BYTES = 44;
const NO_LFU = new ErrorReply(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
);
const NO_LRU = new ErrorReply(
  'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
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
export function encodingOf(record: LiveRecord): string {
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

/** What tells of a key's use in the session's proxy. */
function parseUse(tell: (session: Session | undefined, key: Buffer, ageMs: number) => Reply) {
  return (args: readonly Buffer[], session?: Session): KeyedStep => {
    const key = argument(args, 2);
    const step: Step<Reply> = {
      access: 'read',
      needs: 'meta',
      run: (record, { nowMs }) => {
        if (record === null) return NIL;
        return { reply: tell(session, key, Math.max(0, nowMs - record.lastModifiedMs)), change: null };
      },
    };
    return { key, step };
  };
}

/** `ageMs`: since the value was changed, by whatever proxy. */
function frequencyOf(session: Session | undefined, key: Buffer, ageMs: number): Reply {
  if (session === undefined || !session.proxy.config.countsUse) return NO_LFU;
  const { clock, keyUse } = session.proxy;
  return keyUse.frequency(namespaceNumber(session), key, clock.monotonicMs(), ageMs);
}

function idleSecondsOf(session: Session | undefined, key: Buffer, ageMs: number): Reply {
  if (session?.proxy.config.countsUse) return NO_LRU;
  const ageSeconds = Math.floor(ageMs / 1000);
  if (session === undefined) return ageSeconds;
  const { clock, keyUse } = session.proxy;
  return Math.min(ageSeconds, keyUse.idleSeconds(namespaceNumber(session), key, clock.monotonicMs()) ?? ageSeconds);
}

const REFCOUNT_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => (record === null ? NIL : ONE),
};

function subcommand(row: Pick<CommandRow, 'name' | 'summary' | 'since' | 'difference'>, handler: Handler): CommandRow {
  return {
    ...row,
    group: 'generic',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly'],
    categories: ['@keyspace', '@read', '@slow'],
    keys: SECOND_ARGUMENT_KEY,
    docArguments: [KEY],
    handler,
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
        keyOnly(ENCODING_STEP, 2),
      ),
      subcommand(
        {
          name: 'object|freq',
          summary: 'Get the logarithmic access frequency counter of a Redis object',
          since: '4.0.0',
          difference:
            'What this proxy has seen of the key, if it remembers: it keeps the use of 131072 keys. Nothing is ever evicted.',
        },
        { kind: 'record', parse: parseUse(frequencyOf) },
      ),
      subcommand(
        {
          name: 'object|idletime',
          summary: 'Get the time since a Redis object was last accessed',
          since: '2.2.3',
          difference:
            'Seconds since the value was last changed by any proxy, or used through this one, which remembers the use of 131072 keys.',
        },
        { kind: 'record', parse: parseUse(idleSecondsOf) },
      ),
      subcommand(
        {
          name: 'object|refcount',
          summary: 'Get the number of references to the value of the key',
          since: '2.2.3',
          difference: 'Always 1: small integers are not shared as in Redis, which answers 2147483647 for them.',
        },
        keyOnly(REFCOUNT_STEP, 2),
      ),
    ],
  },
];
