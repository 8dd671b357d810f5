import { describe, expect, it } from 'vitest';
import { SYNTAX_ERROR } from '../resp/reply.ts';
import { type JunoOption, type JunoOptions, parseJunoOptions } from './juno-options.ts';

const ALL: readonly JunoOption[] = ['ttl', 'requestid', 'version', 'created'];
const ID = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
const NONE: JunoOptions = { ttlMs: 0, requestId: undefined, recordVersion: null, creationTimeMs: null };

function parse(line: string, allowed = ALL): unknown {
  const words = line === '' ? [] : line.split(' ');
  return parseJunoOptions(
    words.map((word) => Buffer.from(word === "''" ? '' : word)),
    0,
    new Set(allowed),
  );
}

describe('options of JUNO.*', () => {
  it('may be none', () => {
    expect(parse('')).toEqual(NONE);
  });

  it('come in any order and letter case', () => {
    const given = {
      ttlMs: 5_000,
      requestId: Buffer.from(ID.replaceAll('-', ''), 'hex').toString('latin1'),
      recordVersion: 7,
      creationTimeMs: 9,
    };
    expect(parse(`TTL 5 VERSION 7 CREATED 9 REQUESTID ${ID}`)).toEqual(given);
    expect(parse(`requestid ${ID.toUpperCase()} created 9 pTTL 5000 Version 7`)).toEqual(given);
  });

  it.each([
    ['TTL 0', 0],
    ['TTL 1', 1_000],
    ['PTTL 1', 1],
    ['TTL 9007199254740', 9_007_199_254_740_000],
    ['PTTL 9007199254740991', 9_007_199_254_740_991],
  ])('%s is %i ms', (line, ttlMs) => {
    expect(parse(line)).toEqual({ ...NONE, ttlMs });
  });

  it.each([
    'FOO 1',
    "'' 1",
    'TTL',
    'TTL 1 VERSION',
    'TTL 1 TTL 1',
    'TTL 1 PTTL 1',
    'VERSION 1 VERSION 1',
    'VERSION 1 CREATED 1 CREATED 1',
    `REQUESTID ${ID} REQUESTID ${ID}`,
    'CREATED 1',
    'TTLTTLTTLTTLTTLTTL 1',
  ])('%s is a syntax error', (line) => {
    expect(parse(line)).toBe(SYNTAX_ERROR);
  });

  it.each([
    ['ttl', 'TTL 1'],
    ['ttl', 'PTTL 1'],
    ['requestid', `REQUESTID ${ID}`],
    ['version', 'VERSION 1'],
    ['created', 'VERSION 1 CREATED 1'],
  ] as const)('%s is a syntax error where it is not allowed', (option, line) => {
    expect(parse(line)).not.toBe(SYNTAX_ERROR);
    const others = ALL.filter((other) => other !== option);
    expect(parse(line, others)).toBe(SYNTAX_ERROR);
  });

  it.each([
    'TTL -1',
    'PTTL -1',
    'TTL x',
    "TTL ''",
    'TTL 1.5',
    'TTL 9007199254741',
    'PTTL 9007199254740992',
    'TTL 9223372036854775807',
    'REQUESTID x',
    'REQUESTID 00000000-0000-0000-0000-000000000000',
    'VERSION 0',
    'VERSION -1',
    'VERSION x',
    'VERSION 9007199254740992',
    'VERSION 1 CREATED 0',
    'VERSION 1 CREATED 9223372036854775808',
  ])('%s is a bad parameter', (line) => {
    expect(parse(line)).toMatchObject({
      text: expect.stringMatching(/^BADPARAM the (TTL|request id|version|creation)/),
    });
  });
});
