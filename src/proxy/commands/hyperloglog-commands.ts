import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ErrorReply, OK, type Reply } from '../../resp/reply.ts';
import type { AtomicKey, AtomicStep, CommandRow, KeyedStep, KeysView } from '../command.ts';
import { addTo, cardinality, emptyRegisters, encodeRegisters, isDense, registersOf } from '../values/hyperloglog.ts';
import { argumentsFrom } from '../values/keyed-steps.ts';
import { inlineBytes, isString, keptExpiry, putString, WRONG_TYPE } from '../values/string-value.ts';
import { argument, KEY, KEYS, MANY_KEYS, ONE_KEY } from './keyed-row.ts';

const NO_HYPERLOGLOG = new ErrorReply('WRONGTYPE Key is not a valid HyperLogLog string value.');
const CORRUPTED = new ErrorReply('INVALIDOBJ Corrupted HLL object detected');

/** A HyperLogLog that a record holds, or what is wrong with it. */
function read(record: LiveRecord): { readonly bytes: Buffer; readonly registers: Uint8Array } | StepResult<Reply> {
  if (!isString(record)) return WRONG_TYPE;
  const bytes = inlineBytes(record.value);
  const registers = bytes === null ? 'invalid' : registersOf(bytes);
  if (bytes === null || registers === 'invalid') return { reply: NO_HYPERLOGLOG, change: null };
  if (registers === 'corrupted') return { reply: CORRUPTED, change: null };
  return { bytes, registers };
}

const COUNT_STEP: Step<Reply> = {
  access: 'read',
  needs: 'value',
  run: (record) => {
    if (record === null) return { reply: 0, change: null };
    const found = read(record);
    return 'registers' in found ? { reply: cardinality(found.registers), change: null } : found;
  },
};

/** Adds elements; makes the HyperLogLog if it is not there, and keeps its expiry. */
class AddStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #elements: readonly Buffer[];

  constructor(elements: readonly Buffer[]) {
    this.#elements = elements;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    const found = record === null ? null : read(record);
    if (found !== null && !('registers' in found)) return found;
    const registers = found?.registers ?? emptyRegisters();
    let isChanged = found === null;
    for (const element of this.#elements) if (addTo(registers, element)) isChanged = true;
    if (!isChanged) return { reply: 0, change: null };
    const bytes = encodeRegisters(registers, found !== null && isDense(found.bytes));
    return { reply: 1, change: putString(bytes, keptExpiry(record), pages) };
  }
}

function parsePfadd(args: readonly Buffer[]): KeyedStep {
  return { key: argument(args, 1), step: new AddStep(argumentsFrom(args, 2)) };
}

function parsePfcount(args: readonly Buffer[]): AtomicStep {
  const keys = args.slice(1).map((key): AtomicKey => ({ key }));
  return {
    keys,
    access: 'read',
    needs: 'value',
    run: (view) => {
      if (keys.length === 1) return view.apply(0, COUNT_STEP);
      const merged = mergeAll(view, keys.length);
      return 'registers' in merged ? cardinality(merged.registers) : merged.reply;
    },
  };
}

/** The union of all that are there; the first may be the destination. */
function mergeAll(
  view: KeysView,
  count: number,
): { readonly registers: Uint8Array; readonly isDense: boolean } | StepResult<Reply> {
  const registers = emptyRegisters();
  let dense = false;
  for (let i = 0; i < count; i++) {
    const record = view.live(i);
    if (record === null) continue;
    const found = read(record);
    if (!('registers' in found)) return found;
    if (isDense(found.bytes)) dense = true;
    for (const [at, value] of found.registers.entries()) if (value > (registers[at] ?? 0)) registers[at] = value;
  }
  return { registers, isDense: dense };
}

/** PFMERGE destkey [sourcekey ...]: the destination counts, too, and keeps its expiry. */
function parsePfmerge(args: readonly Buffer[]): AtomicStep {
  const keys = args.slice(1).map((key): AtomicKey => ({ key }));
  return {
    keys,
    access: 'write',
    needs: 'value',
    run: (view) => {
      const merged = mergeAll(view, keys.length);
      if (!('registers' in merged)) return merged.reply;
      const bytes = encodeRegisters(merged.registers, merged.isDense);
      return view.apply(0, {
        access: 'write',
        needs: 'meta',
        run: (record, { pages }) => ({ reply: OK, change: putString(bytes, keptExpiry(record), pages) }),
      });
    },
  };
}

/** Redis's hyperloglog group. */
export const hyperloglogCommands: readonly CommandRow[] = [
  {
    name: 'pfadd',
    group: 'hyperloglog',
    summary: 'Adds the specified elements to the specified HyperLogLog.',
    since: '2.8.9',
    complexity: 'O(1) to add every element.',
    arity: -2,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@hyperloglog', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'element', type: 'string', optional: true, multiple: true }],
    handler: { kind: 'record', parse: parsePfadd },
    difference:
      "The bytes are in Redis's formats, but not always the same ones: neighbouring registers are always joined, and hll-sparse-max-bytes is 3000.",
  },
  {
    name: 'pfcount',
    group: 'hyperloglog',
    summary: 'Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s).',
    since: '2.8.9',
    complexity:
      'O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.',
    arity: -2,
    flags: ['readonly'],
    categories: ['@read', '@hyperloglog', '@slow'],
    keys: MANY_KEYS,
    docArguments: [KEYS],
    handler: { kind: 'atomic', parse: parsePfcount },
    difference: 'The result is not kept in the value.',
  },
  {
    name: 'pfmerge',
    group: 'hyperloglog',
    summary: 'Merge N different HyperLogLogs into a single one.',
    since: '2.8.9',
    complexity: 'O(N) to merge N HyperLogLogs, but with high constant times.',
    arity: -2,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@hyperloglog', '@slow'],
    keys: MANY_KEYS,
    docArguments: [
      { name: 'destkey', type: 'key', keySpecIndex: 0 },
      { name: 'sourcekey', type: 'key', keySpecIndex: 1, multiple: true },
    ],
    handler: { kind: 'atomic', parse: parsePfmerge },
  },
];
