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
export const commandWords: Readonly<Partial<Record<CommandName, CommandWords>>> = {};
