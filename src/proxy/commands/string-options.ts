import { type ErrorReply, SYNTAX_ERROR } from '../../resp/reply.ts';
import { type ExpiryArgument, type ExpiryUnit, parsePositiveExpiry } from '../values/expiry.ts';
import { argument, optionName } from './keyed-row.ts';

/** The options of SET and GETEX. Each may be given more than once; the last expiry counts, as in Redis. */
export interface StringOptions {
  readonly condition: 'nx' | 'xx' | null;
  readonly get: boolean;
  readonly keepTtl: boolean;
  readonly persist: boolean;
  readonly expiry: GivenExpiry | null;
}

/** An expiry option whose argument has not been looked at yet: Redis does that later than its syntax check. */
export interface GivenExpiry {
  readonly unit: ExpiryUnit;
  readonly relative: boolean;
  readonly argument: Buffer;
}

const EXPIRY_OPTIONS: ReadonlyMap<string, Omit<GivenExpiry, 'argument'>> = new Map([
  ['ex', { unit: 'seconds', relative: true }],
  ['px', { unit: 'milliseconds', relative: true }],
  ['exat', { unit: 'seconds', relative: false }],
  ['pxat', { unit: 'milliseconds', relative: false }],
]);

/** Parses from args[first]. Only SET knows NX, XX, GET and KEEPTTL, only GETEX knows PERSIST. */
export function parseStringOptions(
  args: readonly Buffer[],
  first: number,
  command: 'set' | 'getex',
): StringOptions | ErrorReply {
  let condition: StringOptions['condition'] = null;
  let get = false;
  /** The one way of setting the expiry that has been chosen. */
  let choice = '';
  let expiry: GivenExpiry | null = null;
  for (let i = first; i < args.length; i++) {
    const name = optionName(argument(args, i));
    const expiryOption = EXPIRY_OPTIONS.get(name);
    if (expiryOption !== undefined) {
      if ((choice !== '' && choice !== name) || i + 1 === args.length) return SYNTAX_ERROR;
      choice = name;
      expiry = { ...expiryOption, argument: argument(args, ++i) };
    } else if (name === (command === 'set' ? 'keepttl' : 'persist')) {
      if (choice !== '' && choice !== name) return SYNTAX_ERROR;
      choice = name;
    } else if (command === 'set' && (name === 'nx' || name === 'xx')) {
      if (condition !== null && condition !== name) return SYNTAX_ERROR;
      condition = name;
    } else if (command === 'set' && name === 'get') {
      get = true;
    } else {
      return SYNTAX_ERROR;
    }
  }
  return { condition, get, keepTtl: choice === 'keepttl', persist: choice === 'persist', expiry };
}

/** Checks the argument of an expiry option; `command` is the name for the error. */
export function checkGivenExpiry(given: GivenExpiry, command: string): ExpiryArgument | ErrorReply {
  return parsePositiveExpiry(given.argument, given.unit, given.relative, command);
}
