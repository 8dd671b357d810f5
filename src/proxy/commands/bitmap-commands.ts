import type { ArgumentDoc, CommandRow } from '../command.ts';
import { parseBitcount, parseBitfield, parseBitpos, parseGetbit, parseSetbit } from './bitmap-steps.ts';
import { bitopCommand } from './bitop.ts';
import { KEY, ONE_KEY } from './keyed-row.ts';

const OFFSET: ArgumentDoc = { name: 'offset', type: 'integer' };
const ENCODING: ArgumentDoc = { name: 'encoding', type: 'string' };
const INDEX_UNIT: ArgumentDoc = {
  name: 'index_unit',
  type: 'oneof',
  since: '7.0.0',
  optional: true,
  arguments: [
    { name: 'byte', type: 'pure-token', token: 'BYTE' },
    { name: 'bit', type: 'pure-token', token: 'BIT' },
  ],
};
const GET_FIELD: ArgumentDoc = {
  name: 'encoding_offset',
  type: 'block',
  token: 'GET',
  arguments: [ENCODING, OFFSET],
};
const OVERFLOW: ArgumentDoc = {
  name: 'wrap_sat_fail',
  type: 'oneof',
  token: 'OVERFLOW',
  optional: true,
  arguments: [
    { name: 'wrap', type: 'pure-token', token: 'WRAP' },
    { name: 'sat', type: 'pure-token', token: 'SAT' },
    { name: 'fail', type: 'pure-token', token: 'FAIL' },
  ],
};
const WRITE_FIELD: ArgumentDoc = {
  name: 'write',
  type: 'block',
  arguments: [
    OVERFLOW,
    {
      name: 'write_operation',
      type: 'oneof',
      arguments: [
        {
          name: 'encoding_offset_value',
          type: 'block',
          token: 'SET',
          arguments: [ENCODING, OFFSET, { name: 'value', type: 'integer' }],
        },
        {
          name: 'encoding_offset_increment',
          type: 'block',
          token: 'INCRBY',
          arguments: [ENCODING, OFFSET, { name: 'increment', type: 'integer' }],
        },
      ],
    },
  ],
};
const FIELD_COMPLEXITY = 'O(1) for each subcommand specified';

/** Redis's bitmap group. */
export const bitmapCommands: readonly CommandRow[] = [
  bitopCommand,
  {
    name: 'setbit',
    group: 'bitmap',
    summary: 'Sets or clears the bit at offset in the string value stored at key',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@bitmap', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, OFFSET, { name: 'value', type: 'integer' }],
    handler: { kind: 'record', parse: parseSetbit },
  },
  {
    name: 'getbit',
    group: 'bitmap',
    summary: 'Returns the bit value at offset in the string value stored at key',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@bitmap', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, OFFSET],
    handler: { kind: 'record', parse: parseGetbit },
  },
  {
    name: 'bitcount',
    group: 'bitmap',
    summary: 'Count set bits in a string',
    since: '2.6.0',
    complexity: 'O(N)',
    arity: -2,
    flags: ['readonly'],
    categories: ['@read', '@bitmap', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      {
        name: 'index',
        type: 'block',
        optional: true,
        arguments: [{ name: 'start', type: 'integer' }, { name: 'end', type: 'integer' }, INDEX_UNIT],
      },
    ],
    handler: { kind: 'record', parse: parseBitcount },
  },
  {
    name: 'bitpos',
    group: 'bitmap',
    summary: 'Find first bit set or clear in a string',
    since: '2.8.7',
    complexity: 'O(N)',
    arity: -3,
    flags: ['readonly'],
    categories: ['@read', '@bitmap', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'bit', type: 'integer' },
      {
        name: 'index',
        type: 'block',
        optional: true,
        arguments: [
          { name: 'start', type: 'integer' },
          {
            name: 'end_index',
            type: 'block',
            optional: true,
            arguments: [{ name: 'end', type: 'integer' }, INDEX_UNIT],
          },
        ],
      },
    ],
    handler: { kind: 'record', parse: parseBitpos },
  },
  {
    name: 'bitfield',
    group: 'bitmap',
    summary: 'Perform arbitrary bitfield integer operations on strings',
    since: '3.2.0',
    complexity: FIELD_COMPLEXITY,
    arity: -2,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@bitmap', '@slow'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'operation', type: 'oneof', optional: true, multiple: true, arguments: [GET_FIELD, WRITE_FIELD] },
    ],
    handler: { kind: 'record', parse: parseBitfield(false) },
  },
  {
    name: 'bitfield_ro',
    group: 'bitmap',
    summary: 'Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD',
    since: '6.0.0',
    complexity: FIELD_COMPLEXITY,
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@bitmap', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, { ...GET_FIELD, optional: true, multiple: true, multipleToken: true }],
    handler: { kind: 'record', parse: parseBitfield(true) },
  },
];
