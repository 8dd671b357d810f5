import type { CommandRow } from '../command.ts';
import { commandCommand } from './server-command.ts';
import { configCommand } from './server-config.ts';
import { databaseCommands } from './server-database.ts';
import { debugCommand } from './server-debug.ts';
import { infoCommand } from './server-info.ts';
import { latencyCommand } from './server-latency.ts';
import { memoryCommand } from './server-memory.ts';
import { savingCommands } from './server-saving.ts';
import { shutdownCommand } from './server-shutdown.ts';
import { slowlogCommand } from './server-slowlog.ts';
import { syncCommands } from './server-sync.ts';

/** Redis's server group, as far as it is here. */
export const serverCommands: readonly CommandRow[] = [
  commandCommand,
  infoCommand,
  configCommand,
  ...databaseCommands,
  ...savingCommands,
  shutdownCommand,
  debugCommand,
  slowlogCommand,
  latencyCommand,
  memoryCommand,
  ...syncCommands,
];
