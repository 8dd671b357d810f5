import { ErrorReply, OK, type Reply } from '../../resp/reply.ts';
import type { CommandRow, KeyedStep, MultiStep } from '../command.ts';
import { invalidExpireTime } from '../values/expiry.ts';
import { argument, eachKey, KEY, KEY_VALUE_PAIRS, KEYS, MANY_KEYS, VALUE } from './keyed-row.ts';
import { GET_IF_STRING_STEP, PlainSetStep, SetStep } from './string-steps.ts';

const MSETNX_MANY_KEYS = new ErrorReply(
  'ERR MSETNX is not supported yet: junokv does not run commands over several keys atomically',
);
const MSET_ARITY = new ErrorReply("ERR wrong number of arguments for 'mset' command");
const MSETNX_ARITY = new ErrorReply("ERR wrong number of arguments for 'msetnx' command");

function replies(all: readonly Reply[]): Reply {
  return all;
}

function ok(): Reply {
  return OK;
}

function onlyReply(all: readonly Reply[]): Reply {
  return all[0] ?? null;
}

function parseMset(args: readonly Buffer[]): MultiStep | ErrorReply {
  if (args.length % 2 === 0) return MSET_ARITY;
  const steps: KeyedStep[] = [];
  for (let i = 1; i < args.length; i += 2) {
    steps.push({ key: argument(args, i), step: new PlainSetStep(argument(args, i + 1)) });
  }
  return { steps, combine: ok };
}

/** Works where all keys are one key, which then gets the last value. */
function parseMsetnx(args: readonly Buffer[]): MultiStep | ErrorReply {
  if (args.length % 2 === 0) return MSETNX_ARITY;
  const key = argument(args, 1);
  for (let i = 3; i < args.length; i += 2) {
    if (!argument(args, i).equals(key)) return MSETNX_MANY_KEYS;
  }
  const step = new SetStep(argument(args, args.length - 1), {
    condition: 'nx',
    get: false,
    keepTtl: false,
    expiry: null,
    invalidExpiry: invalidExpireTime('msetnx'),
    done: 1,
    refused: 0,
  });
  return { steps: [{ key, step }], combine: onlyReply };
}

/** Commands that get or set several strings. */
export const multiStringCommands: readonly CommandRow[] = [
  {
    name: 'mget',
    group: 'string',
    summary: 'Get the values of all the given keys',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of keys to retrieve.',
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@string', '@fast'],
    keys: MANY_KEYS,
    docArguments: [KEYS],
    handler: { kind: 'records', parse: (args) => eachKey(args, GET_IF_STRING_STEP, replies) },
    difference: 'Each key is read on its own; the values are not one snapshot.',
  },
  {
    name: 'mset',
    group: 'string',
    summary: 'Set multiple keys to multiple values',
    since: '1.0.1',
    complexity: 'O(N) where N is the number of keys to set.',
    arity: -3,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: KEY_VALUE_PAIRS,
    docArguments: [{ name: 'key_value', type: 'block', multiple: true, arguments: [KEY, VALUE] }],
    handler: { kind: 'records', parse: parseMset },
    difference: 'Each key is set on its own; other clients may see some of them set and some not.',
  },
  {
    name: 'msetnx',
    group: 'string',
    summary: 'Set multiple keys to multiple values, only if none of the keys exist',
    since: '1.0.1',
    complexity: 'O(N) where N is the number of keys to set.',
    arity: -3,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: KEY_VALUE_PAIRS,
    docArguments: [{ name: 'key_value', type: 'block', multiple: true, arguments: [KEY, VALUE] }],
    handler: { kind: 'records', parse: parseMsetnx },
    difference: 'Answers an error for more than one key: commands over several keys are not atomic yet.',
  },
];
