import type { CommandRow } from '../command.ts';
import { bitmapCommands } from './bitmap-commands.ts';
import { clusterCommands } from './cluster-commands.ts';
import { connectionCommands } from './connection-commands.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { geoCommands } from './geo-commands.ts';
import { hashCommands } from './hash-commands.ts';
import { hashExpiryCommands } from './hash-expiry-commands.ts';
import { hyperloglogCommands } from './hyperloglog-commands.ts';
import { keyspaceCommands } from './keyspace-commands.ts';
import { listCommands } from './list-commands.ts';
import { serverCommands } from './server-commands.ts';
import { setCommands } from './set-commands.ts';
import { stringCommands } from './string-commands.ts';
import { transactionCommands } from './transaction-commands.ts';
import { zsetCommands } from './zset-commands.ts';

/** Every command of the proxy. */
export const allCommands: readonly CommandRow[] = [
  ...stringCommands,
  ...bitmapCommands,
  ...hyperloglogCommands,
  ...hashCommands,
  ...hashExpiryCommands,
  ...listCommands,
  ...setCommands,
  ...zsetCommands,
  ...geoCommands,
  ...genericKeyCommands,
  ...keyspaceCommands,
  ...transactionCommands,
  ...connectionCommands,
  ...serverCommands,
  ...clusterCommands,
];
