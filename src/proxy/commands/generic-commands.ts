import type { CommandRow } from '../command.ts';
import { dumpCommands } from './generic-dump.ts';
import { expireCommands } from './generic-expire.ts';
import { keyCommands } from './generic-keys.ts';
import { migrateCommand } from './generic-migrate.ts';
import { objectCommands } from './generic-object.ts';
import { sortCommands } from './generic-sort.ts';

/** Redis's generic group, as far as its commands work on keys that are named. */
export const genericKeyCommands: readonly CommandRow[] = [
  ...keyCommands,
  ...expireCommands,
  ...objectCommands,
  ...sortCommands,
  ...dumpCommands,
  migrateCommand,
];
