import { limits } from '../base/limits.ts';
import { LIMIT_NAMES } from '../cluster/namespace-groups.ts';
import type { CommandName } from './option.ts';

/** The words that a command takes beside its options. */
export interface CommandWords {
  readonly min: number;
  readonly max: number;
  /** As the help shows them, such as `KEY [VALUE]`. */
  readonly shown: string;
}

/** What a command that is not named here takes. */
export const NO_WORDS: CommandWords = { min: 0, max: 0, shown: '' };

/** Commands that take words. */
export const commandWords: Readonly<Partial<Record<CommandName, CommandWords>>> = {
  'cluster mark-down': { min: 1, max: 1, shown: 'ZONE' },
  'cluster mark-up': { min: 1, max: 1, shown: 'ZONE' },
  'cluster trust-disks': { min: 0, max: limits.membersPerChange, shown: '[ID...]' },
  certs: { min: 1, max: 1, shown: 'DIRECTORY' },
  backup: { min: 1, max: 1, shown: 'DIRECTORY' },
  'backup verify': { min: 1, max: 1, shown: 'DIRECTORY' },
  'backup compare': { min: 1, max: 1, shown: 'DIRECTORY' },
  restore: { min: 1, max: 1, shown: 'DIRECTORY' },
  import: { min: 1, max: 1, shown: 'FILE|redis://HOST:PORT' },
  export: { min: 1, max: 1, shown: 'FILE' },
  'keys retire': { min: 1, max: 1, shown: 'VERSION' },
  create: { min: 1, max: 2, shown: 'KEY [VALUE]' },
  get: { min: 1, max: 1, shown: 'KEY' },
  update: { min: 1, max: 2, shown: 'KEY [VALUE]' },
  set: { min: 1, max: 2, shown: 'KEY [VALUE]' },
  destroy: { min: 1, max: 1, shown: 'KEY' },
  locate: { min: 1, max: 1, shown: 'KEY' },
  inspect: { min: 1, max: 1, shown: 'KEY' },
  'users set': { min: 1, max: 1, shown: 'NAME' },
  'users remove': { min: 1, max: 1, shown: 'NAME' },
  'namespace create': { min: 1, max: 1, shown: 'NAMESPACE' },
  'limits get': { min: 1, max: 1, shown: 'NAMESPACE' },
  'limits set': { min: 3, max: 1 + 2 * LIMIT_NAMES.length, shown: 'NAMESPACE LIMIT VALUE...' },
};
