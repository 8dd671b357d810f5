import { limits } from '../../base/limits.ts';
import { ErrorReply, OK } from '../../resp/reply.ts';
import type { AtomicKey, AtomicStep, CommandRow } from '../command.ts';
import { argument, KEY, KEY_VALUE_PAIRS, KEYS, MANY_KEYS, VALUE } from './keyed-row.ts';
import { GET_IF_STRING_STEP, PlainSetStep } from './string-steps.ts';

const MSET_ARITY = new ErrorReply("ERR wrong number of arguments for 'mset' command");
const MSETNX_ARITY = new ErrorReply("ERR wrong number of arguments for 'msetnx' command");

function parseMget(args: readonly Buffer[]): AtomicStep {
  const keys = args.slice(1).map((key): AtomicKey => ({ key }));
  return { keys, access: 'read', needs: 'value', run: (view) => keys.map((_, i) => view.apply(i, GET_IF_STRING_STEP)) };
}

interface Pairs {
  readonly keys: readonly AtomicKey[];
  readonly steps: readonly PlainSetStep[];
}

/** Null: a key without its value. */
function pairsOf(args: readonly Buffer[]): Pairs | null {
  if (args.length % 2 === 0) return null;
  const keys: AtomicKey[] = [];
  const steps: PlainSetStep[] = [];
  for (let i = 1; i < args.length; i += 2) {
    keys.push({ key: argument(args, i) });
    steps.push(new PlainSetStep(argument(args, i + 1)));
  }
  return { keys, steps };
}

function parseMset(args: readonly Buffer[]): AtomicStep | ErrorReply {
  const pairs = pairsOf(args);
  if (pairs === null) return MSET_ARITY;
  const { keys, steps } = pairs;
  return {
    keys,
    access: 'write',
    needs: 'meta',
    run: (view) => {
      for (const [i, step] of steps.entries()) view.apply(i, step);
      return OK;
    },
  };
}

function parseMsetnx(args: readonly Buffer[]): AtomicStep | ErrorReply {
  const pairs = pairsOf(args);
  if (pairs === null) return MSETNX_ARITY;
  const { keys, steps } = pairs;
  return {
    keys,
    access: 'write',
    needs: 'meta',
    run: (view) => {
      if (keys.some((_, i) => view.live(i) !== null)) return 0;
      for (const [i, step] of steps.entries()) view.apply(i, step);
      return 1;
    },
  };
}

const MANY_KEYS_DIFFERENCE = `At most ${limits.transactionRecords} keys.`;

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
    handler: { kind: 'atomic', parse: parseMget },
    difference: MANY_KEYS_DIFFERENCE,
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
    handler: { kind: 'atomic', parse: parseMset },
    difference: MANY_KEYS_DIFFERENCE,
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
    handler: { kind: 'atomic', parse: parseMsetnx },
    difference: MANY_KEYS_DIFFERENCE,
  },
];
