import { assert } from '../../base/assert.ts';
import { parseInteger } from '../../resp/integer.ts';
import { BulkPieces, ErrorReply, isError, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { AtomicStep, CommandRow } from '../command.ts';
import { type LcsOptions, lcs } from '../values/lcs.ts';
import { argument, optionName } from './keyed-row.ts';
import { GET_STEP } from './string-steps.ts';

const LEN_AND_IDX = new ErrorReply('ERR If you want both the length and indexes, please just use IDX.');
const NOT_STRINGS = new ErrorReply('ERR The specified keys must contain string values');
const EMPTY = Buffer.alloc(0);

function parseOptions(args: readonly Buffer[]): LcsOptions | ErrorReply {
  let lengthOnly = false;
  let withIndexes = false;
  let withMatchLength = false;
  let minMatchLength: number | bigint = 0;
  for (let i = 3; i < args.length; i++) {
    const name = optionName(argument(args, i));
    if (name === 'idx') {
      withIndexes = true;
    } else if (name === 'len') {
      lengthOnly = true;
    } else if (name === 'withmatchlen') {
      withMatchLength = true;
    } else if (name === 'minmatchlen' && i + 1 < args.length) {
      const length = parseInteger(argument(args, ++i));
      if (length === null) return NOT_AN_INTEGER;
      minMatchLength = length;
    } else {
      return SYNTAX_ERROR;
    }
  }
  if (withIndexes && lengthOnly) return LEN_AND_IDX;
  return { lengthOnly, withIndexes, withMatchLength, minMatchLength };
}

/** As Redis: keys of another type are refused first, then options. */
function parseLcs(args: readonly Buffer[]): AtomicStep {
  const options = parseOptions(args);
  return {
    keys: [{ key: argument(args, 1) }, { key: argument(args, 2) }],
    access: 'read',
    needs: 'value',
    run: (view) => {
      const a = view.apply(0, GET_STEP);
      const b = view.apply(1, GET_STEP);
      if (isError(a) || isError(b)) return NOT_STRINGS;
      return options instanceof ErrorReply ? options : lcs(wholeString(a), wholeString(b), options);
    },
  };
}

/** The bytes of a GET's reply; an absent string counts as empty. */
function wholeString(reply: Reply): Buffer {
  if (reply === null) return EMPTY;
  if (reply instanceof BulkPieces) return Buffer.concat(reply.pieces, reply.lengthBytes);
  assert(Buffer.isBuffer(reply), 'GET replies bytes or nil');
  return reply;
}

/** LCS: the one command that compares two strings. */
export const lcsCommands: readonly CommandRow[] = [
  {
    name: 'lcs',
    group: 'string',
    summary: 'Find longest common substring',
    since: '7.0.0',
    complexity: 'O(N*M) where N and M are the lengths of s1 and s2, respectively',
    arity: -3,
    flags: ['readonly'],
    categories: ['@read', '@string', '@slow'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: [
      { name: 'key1', type: 'key', keySpecIndex: 0 },
      { name: 'key2', type: 'key', keySpecIndex: 0 },
      { name: 'len', type: 'pure-token', token: 'LEN', optional: true },
      { name: 'idx', type: 'pure-token', token: 'IDX', optional: true },
      { name: 'len', type: 'integer', token: 'MINMATCHLEN', optional: true },
      { name: 'withmatchlen', type: 'pure-token', token: 'WITHMATCHLEN', optional: true },
    ],
    handler: { kind: 'atomic', parse: parseLcs },
  },
];
