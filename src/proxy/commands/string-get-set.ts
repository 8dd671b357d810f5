import { ErrorReply, OK } from '../../resp/reply.ts';
import type { ArgumentDoc, CommandRow, Handler, KeyedStep } from '../command.ts';
import { type ExpiryUnit, invalidExpireTime, parsePositiveExpiry } from '../values/expiry.ts';
import { argument, FAR_EXPIRY, KEY, keyOnly, ONE_KEY, VALUE } from './keyed-row.ts';
import { checkGivenExpiry, parseStringOptions } from './string-options.ts';
import {
  GET_PERSIST_STEP,
  GET_STEP,
  GETDEL_STEP,
  GetExpireStep,
  PlainSetStep,
  type SetChoices,
  SetStep,
} from './string-steps.ts';

const SET_CHOICES: SetChoices = {
  condition: null,
  get: false,
  keepTtl: false,
  expiry: null,
  invalidExpiry: invalidExpireTime('set'),
  done: OK,
  refused: null,
};
const SETNX_CHOICES: SetChoices = { ...SET_CHOICES, condition: 'nx', done: 1, refused: 0 };
const GETSET_CHOICES: SetChoices = { ...SET_CHOICES, get: true };
const GETEX_INVALID_EXPIRY = invalidExpireTime('getex');

function parseSet(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const key = argument(args, 1);
  const bytes = argument(args, 2);
  if (args.length === 3) return { key, step: new PlainSetStep(bytes) };
  const options = parseStringOptions(args, 3, 'set');
  if (options instanceof ErrorReply) return options;
  const expiry = options.expiry === null ? null : checkGivenExpiry(options.expiry, 'set');
  if (expiry instanceof ErrorReply) return expiry;
  const { condition, get, keepTtl } = options;
  return { key, step: new SetStep(bytes, { ...SET_CHOICES, condition, get, keepTtl, expiry }) };
}

/** SETEX and PSETEX: key, time to live, value. */
function setWithTtl(command: string, unit: ExpiryUnit): Handler {
  const choices: SetChoices = { ...SET_CHOICES, invalidExpiry: invalidExpireTime(command) };
  return {
    kind: 'record',
    parse: (args) => {
      const expiry = parsePositiveExpiry(argument(args, 2), unit, true, command);
      if (expiry instanceof ErrorReply) return expiry;
      return { key: argument(args, 1), step: new SetStep(argument(args, 3), { ...choices, expiry }) };
    },
  };
}

function setWith(choices: SetChoices): Handler {
  return {
    kind: 'record',
    parse: (args) => ({ key: argument(args, 1), step: new SetStep(argument(args, 2), choices) }),
  };
}

function parseGetex(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const key = argument(args, 1);
  const options = parseStringOptions(args, 2, 'getex');
  if (options instanceof ErrorReply) return options;
  if (options.persist) return { key, step: GET_PERSIST_STEP };
  if (options.expiry === null) return { key, step: GET_STEP };
  return { key, step: new GetExpireStep(checkGivenExpiry(options.expiry, 'getex'), GETEX_INVALID_EXPIRY) };
}

function expiryArguments(since: boolean): ArgumentDoc[] {
  const from = (version: string) => (since ? { since: version } : {});
  return [
    { name: 'seconds', type: 'integer', token: 'EX', ...from('2.6.12') },
    { name: 'milliseconds', type: 'integer', token: 'PX', ...from('2.6.12') },
    { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT', ...from('6.2.0') },
    { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT', ...from('6.2.0') },
  ];
}

/** Commands that get or set a whole string. */
export const getSetCommands: readonly CommandRow[] = [
  {
    name: 'get',
    group: 'string',
    summary: 'Get the value of a key',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(GET_STEP),
  },
  {
    name: 'set',
    group: 'string',
    summary: 'Set the string value of a key',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      VALUE,
      {
        name: 'condition',
        type: 'oneof',
        since: '2.6.12',
        optional: true,
        arguments: [
          { name: 'nx', type: 'pure-token', token: 'NX' },
          { name: 'xx', type: 'pure-token', token: 'XX' },
        ],
      },
      { name: 'get', type: 'pure-token', token: 'GET', since: '6.2.0', optional: true },
      {
        name: 'expiration',
        type: 'oneof',
        optional: true,
        arguments: [
          ...expiryArguments(true),
          { name: 'keepttl', type: 'pure-token', token: 'KEEPTTL', since: '6.0.0' },
        ],
      },
    ],
    handler: { kind: 'record', parse: parseSet },
    difference: FAR_EXPIRY,
  },
  {
    name: 'setnx',
    group: 'string',
    summary: 'Set the value of a key, only if the key does not exist',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, VALUE],
    handler: setWith(SETNX_CHOICES),
  },
  {
    name: 'setex',
    group: 'string',
    summary: 'Set the value and expiration of a key',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'seconds', type: 'integer' }, VALUE],
    handler: setWithTtl('setex', 'seconds'),
    difference: FAR_EXPIRY,
  },
  {
    name: 'psetex',
    group: 'string',
    summary: 'Set the value and expiration in milliseconds of a key',
    since: '2.6.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'milliseconds', type: 'integer' }, VALUE],
    handler: setWithTtl('psetex', 'milliseconds'),
    difference: FAR_EXPIRY,
  },
  {
    name: 'getset',
    group: 'string',
    summary: 'Set the string value of a key and return its old value',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, VALUE],
    handler: setWith(GETSET_CHOICES),
  },
  {
    name: 'getdel',
    group: 'string',
    summary: 'Get the value of a key and delete the key',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(GETDEL_STEP),
  },
  {
    name: 'getex',
    group: 'string',
    summary: 'Get the value of a key and optionally set its expiration',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: -2,
    flags: ['write', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      {
        name: 'expiration',
        type: 'oneof',
        optional: true,
        arguments: [...expiryArguments(false), { name: 'persist', type: 'pure-token', token: 'PERSIST' }],
      },
    ],
    handler: { kind: 'record', parse: parseGetex },
    difference: FAR_EXPIRY,
  },
];
