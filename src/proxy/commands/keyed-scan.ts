import { ErrorReply } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import { globMatches } from '../glob.ts';
import { PREFIX_END } from '../values/keyed-elements.ts';
import { EMPTY_ARRAY, encodeElements, HASH, KeyedReadStep, type Kind, withValues } from '../values/keyed-steps.ts';
import { argument, optionName } from './keyed-row.ts';
import { INVALID_CURSOR, parseCursor, parseScanOptions } from './keyspace-scan.ts';

/** The place of HSCAN's option NOVALUES, of Redis 7.4, among the others; -1: it is not there. */
function placeOfNoValues(args: readonly Buffer[]): number {
  for (let i = 3; i < args.length; i += 2) if (optionName(argument(args, i)) === 'novalues') return i;
  return -1;
}

/**
 * HSCAN, SSCAN and ZSCAN: key cursor [MATCH pattern] [COUNT count], and of a hash [NOVALUES]. Wrong options are only told of where
 * there is a key, as in Redis.
 */
export function parseKeyedScan(kind: Kind) {
  return (args: readonly Buffer[]): KeyedStep | ErrorReply => {
    const cursor = parseCursor(argument(args, 2));
    if (cursor === null) return INVALID_CURSOR;
    const from = cursor === 'foreign' ? PREFIX_END : Number(cursor);
    const place = kind === HASH ? placeOfNoValues(args) : -1;
    const options = parseScanOptions(place < 0 ? args : args.toSpliced(place, 1), 3, false);
    const hasValues = kind.width === 2 && place < 0;
    const step = new KeyedReadStep(kind, ['0', EMPTY_ARRAY], (view) => {
      if (options instanceof ErrorReply) return options;
      const { pattern } = options;
      const { next, elements } = view.scan(from, options.count);
      const found = pattern === null ? elements : elements.filter(({ name }) => globMatches(pattern, name));
      const { shown } = kind;
      const texts = shown === undefined ? found : withValues(found, (value) => shown.scanText(value, view.encoding));
      return [String(next), encodeElements(texts, 'array', hasValues)];
    });
    return { key: argument(args, 1), step };
  };
}
