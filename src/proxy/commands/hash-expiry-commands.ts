import type { ArgumentDoc, CommandFlag, CommandRow, Handler } from '../command.ts';
import { parseHexpire, parseHgetdel, parseHgetex, parseHpersist, parseHsetex, parseHttl } from './hash-expiry-steps.ts';
import { KEY, ONE_KEY } from './keyed-row.ts';

const FIELDS: ArgumentDoc = {
  name: 'fields',
  token: 'FIELDS',
  type: 'block',
  arguments: [
    { name: 'numfields', type: 'integer' },
    { name: 'field', type: 'string', multiple: true },
  ],
};

const CONDITION: ArgumentDoc = {
  name: 'condition',
  type: 'oneof',
  optional: true,
  arguments: [
    { name: 'nx', type: 'pure-token', token: 'NX' },
    { name: 'xx', type: 'pure-token', token: 'XX' },
    { name: 'gt', type: 'pure-token', token: 'GT' },
    { name: 'lt', type: 'pure-token', token: 'LT' },
  ],
};

/** EX, PX, EXAT and PXAT, and what there is in their place. */
function expirationOr(name: string, token: string): ArgumentDoc {
  return {
    name: 'expiration',
    type: 'oneof',
    optional: true,
    arguments: [
      { name: 'seconds', type: 'integer', token: 'EX' },
      { name: 'milliseconds', type: 'integer', token: 'PX' },
      { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT' },
      { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
      { name, type: 'pure-token', token },
    ],
  };
}

function fieldsRow(
  row: Pick<CommandRow, 'name' | 'summary' | 'since' | 'arity'>,
  flags: readonly CommandFlag[],
  docArguments: readonly ArgumentDoc[],
  handler: Handler,
): CommandRow {
  return {
    ...row,
    group: 'hash',
    complexity: 'O(N) where N is the number of specified fields',
    flags,
    categories: [flags.includes('write') ? '@write' : '@read', '@hash', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, ...docArguments],
    handler,
  };
}

function expireRow(name: string, summary: string, unit: 'seconds' | 'milliseconds', relative: boolean): CommandRow {
  const time: ArgumentDoc = relative
    ? { name: unit, type: 'integer' }
    : { name: `unix-time-${unit}`, type: 'unix-time' };
  return fieldsRow(
    { name, summary, since: '7.4.0', arity: -6 },
    ['write', 'denyoom', 'fast'],
    [time, CONDITION, FIELDS],
    { kind: 'record', parse: parseHexpire(name, unit, relative) },
  );
}

function remainingRow(name: string, summary: string, unit: 'seconds' | 'milliseconds', relative: boolean): CommandRow {
  return fieldsRow({ name, summary, since: '7.4.0', arity: -5 }, ['readonly', 'fast'], [FIELDS], {
    kind: 'record',
    parse: parseHttl(unit, relative),
  });
}

const SET = 'Set expiry for hash field using';
const GET_OR_SET = 'the value of one or more fields of a given hash key, and optionally set their expiration.';

/** Commands about the time to live of a hash's fields: Redis's of 7.4 and 8.0. */
export const hashExpiryCommands: readonly CommandRow[] = [
  expireRow('hexpire', `${SET} relative time to expire (seconds)`, 'seconds', true),
  expireRow('hpexpire', `${SET} relative time to expire (milliseconds)`, 'milliseconds', true),
  expireRow('hexpireat', `${SET} an absolute Unix timestamp (seconds)`, 'seconds', false),
  expireRow('hpexpireat', `${SET} an absolute Unix timestamp (milliseconds)`, 'milliseconds', false),
  remainingRow('httl', 'Returns the TTL in seconds of a hash field.', 'seconds', true),
  remainingRow('hpttl', 'Returns the TTL in milliseconds of a hash field.', 'milliseconds', true),
  remainingRow(
    'hexpiretime',
    'Returns the expiration time of a hash field as a Unix timestamp, in seconds.',
    'seconds',
    false,
  ),
  remainingRow(
    'hpexpiretime',
    'Returns the expiration time of a hash field as a Unix timestamp, in msec.',
    'milliseconds',
    false,
  ),
  {
    ...fieldsRow(
      { name: 'hpersist', summary: 'Removes the expiration time for each specified field', since: '7.4.0', arity: -5 },
      ['write', 'fast'],
      [FIELDS],
      { kind: 'record', parse: parseHpersist },
    ),
    difference: 'A small hash none of whose fields expires any more is a listpack again for OBJECT ENCODING.',
  },
  fieldsRow(
    {
      name: 'hgetdel',
      summary: 'Returns the value of a field and deletes it from the hash.',
      since: '8.0.0',
      arity: -5,
    },
    ['write', 'fast'],
    [FIELDS],
    { kind: 'record', parse: parseHgetdel },
  ),
  fieldsRow(
    { name: 'hgetex', summary: `Get ${GET_OR_SET}`, since: '8.0.0', arity: -5 },
    ['write', 'fast'],
    [expirationOr('persist', 'PERSIST'), FIELDS],
    { kind: 'record', parse: parseHgetex },
  ),
  fieldsRow(
    { name: 'hsetex', summary: `Set ${GET_OR_SET}`, since: '8.0.0', arity: -6 },
    ['write', 'denyoom', 'fast'],
    [
      {
        name: 'condition',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'fnx', type: 'pure-token', token: 'FNX' },
          { name: 'fxx', type: 'pure-token', token: 'FXX' },
        ],
      },
      expirationOr('keepttl', 'KEEPTTL'),
      {
        name: 'fields',
        token: 'FIELDS',
        type: 'block',
        arguments: [
          { name: 'numfields', type: 'integer' },
          {
            name: 'data',
            type: 'block',
            multiple: true,
            arguments: [
              { name: 'field', type: 'string' },
              { name: 'value', type: 'string' },
            ],
          },
        ],
      },
    ],
    { kind: 'record', parse: parseHsetex },
  ),
];
