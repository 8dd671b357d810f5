import type { CommandRow } from '../command.ts';
import { basicConnectionCommands } from './connection-basic.ts';
import { clientCommand } from './connection-client.ts';

/** Redis's connection group. https://redis.io/docs/latest/commands/?group=connection */
export const connectionCommands: readonly CommandRow[] = [...basicConnectionCommands, clientCommand];
