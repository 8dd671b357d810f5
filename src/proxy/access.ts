import type { CommandRow } from './command.ts';

/** What a user may do; each level includes those below it. */
export const AccessLevel = { none: 0, read: 1, write: 2, admin: 3 } as const;
export type AccessLevel = (typeof AccessLevel)[keyof typeof AccessLevel];

/** The level that a command needs, from its flags. */
export function accessNeeded(row: CommandRow): AccessLevel {
  if (row.flags.includes('admin')) return AccessLevel.admin;
  if (row.flags.includes('write')) return AccessLevel.write;
  return row.flags.includes('no_auth') ? AccessLevel.none : AccessLevel.read;
}
