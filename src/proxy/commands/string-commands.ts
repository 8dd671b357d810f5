import type { CommandRow } from '../command.ts';
import { getSetCommands } from './string-get-set.ts';
import { lcsCommands } from './string-lcs.ts';
import { multiStringCommands } from './string-multi.ts';
import { numberCommands } from './string-number.ts';
import { rangeCommands } from './string-range.ts';

/** Redis's string group. */
export const stringCommands: readonly CommandRow[] = [
  ...getSetCommands,
  ...rangeCommands,
  ...numberCommands,
  ...multiStringCommands,
  ...lcsCommands,
];
