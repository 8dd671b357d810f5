import type { CommandRow } from '../command.ts';
import { commandCommand } from './server-command.ts';
import { configCommand } from './server-config.ts';
import { databaseCommands } from './server-database.ts';
import { infoCommand } from './server-info.ts';
import { latencyCommand } from './server-latency.ts';
import { memoryCommand } from './server-memory.ts';
import { slowlogCommand } from './server-slowlog.ts';

/** Redis's server group, as far as it is here. */
export const serverCommands: readonly CommandRow[] = [
  commandCommand,
  infoCommand,
  configCommand,
  ...databaseCommands,
  slowlogCommand,
  latencyCommand,
  memoryCommand,
];
