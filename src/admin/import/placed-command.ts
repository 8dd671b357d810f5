import type { StreamCommand } from './stream-commands.ts';

/** A command, and the database that it is for. */
export interface PlacedCommand {
  readonly database: number;
  readonly command: StreamCommand;
  readonly keys: readonly Buffer[];
  /** It may read keys that are none of these. */
  readonly readsOthers: boolean;
  /** When the first of its keys expires at the target whose content before matters to it; 0: none does, as far as is known. */
  readonly expiresAtMs: number;
}

/** A key of a database, as a key of maps. */
export function keyId(database: number, key: Buffer): string {
  return `${database} ${key.toString('latin1')}`;
}

/** Calls `use` for each key that a command may read or write, in each database in which it may. */
export function eachKey(placed: PlacedCommand, use: (database: number, key: Buffer) => void): void {
  const other = otherDatabase(placed.command);
  for (const key of placed.keys) {
    use(placed.database, key);
    if (other !== null) use(other, key);
  }
}

/** Whether one connection has to change its database for these. */
export function isOfSeveralDatabases(commands: readonly PlacedCommand[]): boolean {
  const first = commands[0]?.database;
  return commands.some(({ database }) => database !== first);
}

/** The second database that a command writes to; null where there is none. */
export function otherDatabase({ name, args }: StreamCommand): number | null {
  if (name === 'move') return Number(args[2]?.toString());
  if (name !== 'copy') return null;
  const place = args.findIndex((arg, i) => i > 2 && arg.toString('latin1').toLowerCase() === 'db');
  return place < 0 ? null : Number(args[place + 1]?.toString());
}
