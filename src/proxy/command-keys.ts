import type { CommandRow } from './command.ts';
import { type KeySpec, keySpecsOf } from './command-replies.ts';

/** A key among the arguments of a command, and what the command does to it. */
export interface FoundKey {
  readonly key: Buffer;
  readonly flags: readonly string[];
}

/** SET reads the old value only when it is asked for. */
function flagsOf(spec: KeySpec, row: CommandRow, args: readonly Buffer[]): readonly string[] {
  if (row.name !== 'set') return spec.flags;
  const get = args.slice(3).some((option) => option.length === 3 && option.toString('latin1').toLowerCase() === 'get');
  return get ? ['RW', 'access', 'update'] : ['OW', 'update'];
}

/** The keys of a command as the row says where they are; args[0] is the command's name. */
export function keysOf(row: CommandRow, args: readonly Buffer[]): FoundKey[] {
  const found: FoundKey[] = [];
  for (const spec of keySpecsOf(row)) {
    const flags = flagsOf(spec, row, args);
    const last = spec.lastKey < 0 ? args.length + spec.lastKey : spec.index + spec.lastKey;
    for (let at = spec.index; at <= last; at += spec.step) {
      const key = args[at];
      if (key !== undefined) found.push({ key, flags });
    }
  }
  return found;
}
