import fc from 'fast-check';
import { hashCommands, listCommands, setCommands } from './collections.ts';
import { plainly, type RandomCommand } from './random-command.ts';
import { sequencesOf } from './run-sequences.ts';
import { geoCommands, lexCommands, zsetCommands } from './sorted-sets.ts';
import { bitmapCommands, stringCommands } from './strings.ts';

const WATCHED = ['k', 'l', 'm', 'a', 'b', 'other'];

const perType = [hashCommands, listCommands, setCommands, zsetCommands, lexCommands, geoCommands, stringCommands];

/** What these change nothing by is no write here, and BITFIELD that makes a string longer and then fails is none in Redis: known-differences.ts. */
const isApart = ({ words }: RandomCommand): boolean =>
  ['LTRIM', 'LMOVE', 'RPOPLPUSH', 'APPEND'].includes(words[0] ?? '') || mayOnlyFail(words);

/** Nothing before OVERFLOW FAIL is sure to be written. */
function mayOnlyFail(words: readonly string[]): boolean {
  const fail = words.indexOf('FAIL');
  return fail >= 0 && !words.slice(0, fail).some((word) => word === 'SET' || word === 'INCRBY');
}

/** Each command of one type between WATCH of its keys and an EXEC, whose answer tells whether it counts as a write. */
export const watchedSequences: fc.Arbitrary<RandomCommand[]> = fc
  .oneof(...[...perType, bitmapCommands].map(sequencesOf))
  .map((list) =>
    list
      .slice(0, 60)
      .filter((one) => !isApart(one))
      .flatMap((one) => [plainly('WATCH', ...WATCHED), one, plainly('MULTI'), plainly('EXEC')]),
  );
