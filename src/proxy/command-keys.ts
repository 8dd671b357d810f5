import { parseInteger } from '../resp/integer.ts';
import type { CommandRow } from './command.ts';
import { type KeySpec, keySpecsOf } from './command-replies.ts';

const NO_BYTES = Buffer.alloc(0);

/** A key among the arguments of a command, and what the command does to it. */
export interface FoundKey {
  readonly key: Buffer;
  readonly flags: readonly string[];
}

/** BITFIELD changes nothing where it only gets. */
function bitfieldFlags(args: readonly Buffer[]): readonly string[] {
  for (let i = 2; i < args.length; i += 3) {
    if (args[i]?.toString('latin1').toLowerCase() !== 'get') return ['RW', 'access', 'update'];
  }
  return ['RO', 'access'];
}

/** SET reads the old value only when it is asked for. */
function flagsOf(spec: KeySpec, row: CommandRow, args: readonly Buffer[]): readonly string[] {
  if (row.name === 'bitfield') return bitfieldFlags(args);
  if (row.name !== 'set') return spec.flags;
  const get = args.slice(3).some((option) => option.length === 3 && option.toString('latin1').toLowerCase() === 'get');
  return get ? ['RW', 'access', 'update'] : ['OW', 'update'];
}

const SORT_OPTION_ARGUMENTS: ReadonlyMap<string, number> = new Map([
  ['limit', 2],
  ['get', 1],
  ['by', 1],
  ['store', 1],
]);

/** The last destination that SORT names. */
function sortDestination(args: readonly Buffer[]): Buffer | undefined {
  let destination: Buffer | undefined;
  for (let i = 2; i < args.length; i++) {
    const name = args[i]?.toString('latin1').toLowerCase() ?? '';
    if (name === 'store') destination = args[i + 1] ?? destination;
    i += SORT_OPTION_ARGUMENTS.get(name) ?? 0;
  }
  return destination;
}

function unknownKey(row: CommandRow, spec: KeySpec, args: readonly Buffer[]): Buffer | undefined {
  return row.name === 'sort' && spec.flags[0] === 'OW' ? sortDestination(args) : undefined;
}

/** The key after a word; the last argument is not looked at, for no key could follow. */
function keyAfter(keyword: string, args: readonly Buffer[], from: number): Buffer | undefined {
  const at = args.findIndex((arg, i) => i >= from && arg.toString('latin1').toUpperCase() === keyword);
  return at < 0 ? undefined : args[at + 1];
}

/** Those behind KEYS, or the one in its place. */
function migratedKeys(row: CommandRow, args: readonly Buffer[]): FoundKey[] {
  const flags = keySpecsOf(row)[0]?.flags ?? [];
  const at = args.findIndex((arg, i) => i > 5 && arg.toString('latin1').toLowerCase() === 'keys');
  const keys = at < 0 || args[3]?.length !== 0 ? args.slice(3, 4) : args.slice(at + 1);
  return keys.map((key) => ({ key, flags }));
}

/** The keys of a command as the row says where they are; args[0] is the command's name. */
export function keysOf(row: CommandRow, args: readonly Buffer[]): FoundKey[] {
  const found: FoundKey[] = [];
  if (row.name === 'migrate') return migratedKeys(row, args);
  for (const spec of keySpecsOf(row)) {
    const flags = flagsOf(spec, row, args);
    if (spec.isCounted) {
      const count = parseInteger(args[spec.index] ?? NO_BYTES);
      const end = spec.index + Number(count ?? 0);
      // Fewer than are said to come: Redis knows none then.
      if (end >= args.length) continue;
      for (let at = spec.index + 1; at <= end; at++) found.push({ key: args[at] ?? NO_BYTES, flags });
      continue;
    }
    if (spec.keyword !== undefined || spec.isUnknown) {
      const key = spec.keyword === undefined ? unknownKey(row, spec, args) : keyAfter(spec.keyword, args, spec.index);
      if (key !== undefined) found.push({ key, flags });
      continue;
    }
    const last = spec.lastKey < 0 ? args.length + spec.lastKey : spec.index + spec.lastKey;
    for (let at = spec.index; at <= last; at += spec.step) {
      const key = args[at];
      if (key !== undefined) found.push({ key, flags });
    }
  }
  return found;
}
