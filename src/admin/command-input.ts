import type { Configuration, OptionKey } from './option-table.ts';
import type { System } from './system.ts';

/** What a command gets: its options, which of them were named anywhere, its words, and the process around it. */
export interface CommandInput {
  readonly config: Configuration;
  readonly given: ReadonlySet<OptionKey>;
  /** The file that options were read from; absent or empty: none. */
  readonly configFile?: string;
  /** What stood on the command line beside the options: as many as `command-words.ts` allows. */
  readonly words: readonly string[];
  readonly system: System;
}

/** Resolves to the exit code. */
export type Command = (input: CommandInput) => Promise<number>;
