import { limits } from '../../base/limits.ts';
import { readAll } from '../../record/paged-string.ts';
import { ErrorReply, SYNTAX_ERROR, WRONGTYPE } from '../../resp/reply.ts';
import type { AtomicKey, AtomicStep, CommandRow } from '../command.ts';
import { isString } from '../values/string-value.ts';
import { argument, optionName } from './keyed-row.ts';
import { DELETE_STEP } from './put-step.ts';
import { PlainSetStep } from './string-steps.ts';

const ONE_SOURCE = new ErrorReply('ERR BITOP NOT must be called with a single source key.');
const NO_BYTES = Buffer.alloc(0);

type Operation = 'and' | 'or' | 'xor' | 'not';

function operationOf(name: string): Operation | null {
  return name === 'and' || name === 'or' || name === 'xor' || name === 'not' ? name : null;
}

/** Strings as long as the longest, shorter ones with zeros behind them. */
function combine(operation: Operation, strings: readonly Buffer[]): Buffer {
  const length = Math.max(...strings.map((string) => string.length));
  const result = Buffer.alloc(length);
  const [first = NO_BYTES, ...others] = strings;
  first.copy(result);
  if (operation === 'not') {
    for (let i = 0; i < length; i++) result[i] = ~(result[i] ?? 0);
    return result;
  }
  for (const string of others) {
    for (let i = 0; i < length; i++) {
      const a = result[i] ?? 0;
      const b = string[i] ?? 0;
      result[i] = operation === 'and' ? a & b : operation === 'or' ? a | b : a ^ b;
    }
  }
  return result;
}

/** BITOP AND|OR|XOR|NOT destkey key [key ...] */
function parseBitop(args: readonly Buffer[]): AtomicStep | ErrorReply {
  const operation = operationOf(optionName(argument(args, 1)));
  if (operation === null) return SYNTAX_ERROR;
  if (operation === 'not' && args.length !== 4) return ONE_SOURCE;
  const keys = args.slice(2).map((key): AtomicKey => ({ key }));
  return {
    keys,
    access: 'write',
    needs: 'value',
    run: (view) => {
      const strings: Buffer[] = [];
      for (let i = 1; i < keys.length; i++) {
        const record = view.live(i);
        if (record === null) strings.push(NO_BYTES);
        else if (!isString(record)) return WRONGTYPE;
        else strings.push(Buffer.concat(readAll(record.value, view.pages(i)), record.sizeBytes));
      }
      const result = combine(operation, strings);
      view.apply(0, result.length === 0 ? DELETE_STEP : new PlainSetStep(result));
      return result.length;
    },
  };
}

export const bitopCommand: CommandRow = {
  name: 'bitop',
  group: 'bitmap',
  summary: 'Perform bitwise operations between strings',
  since: '2.6.0',
  complexity: 'O(N)',
  arity: -4,
  flags: ['write', 'denyoom'],
  categories: ['@write', '@bitmap', '@slow'],
  keys: { first: 2, last: -1, step: 1 },
  docArguments: [
    { name: 'operation', type: 'string' },
    { name: 'destkey', type: 'key', keySpecIndex: 0 },
    { name: 'key', type: 'key', keySpecIndex: 1, multiple: true },
  ],
  handler: { kind: 'atomic', parse: parseBitop },
  difference: `All strings are in memory meanwhile; at most ${limits.transactionRecords} keys.`,
};
