import type { CommandRow } from '../command.ts';
import { copyCommand, moveCommands } from './keyspace-copy.ts';
import { scanCommands } from './keyspace-scan.ts';
import { waitCommand } from './keyspace-wait.ts';

/** The generic commands that look at more than the one record of their key. */
export const keyspaceCommands: readonly CommandRow[] = [...scanCommands, copyCommand, ...moveCommands, waitCommand];
