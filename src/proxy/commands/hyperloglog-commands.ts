import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { CommandRow, KeyedStep } from '../command.ts';
import { addTo, cardinality, emptyRegisters, encodeRegisters, isDense, registersOf } from '../values/hyperloglog.ts';
import { argumentsFrom } from '../values/keyed-steps.ts';
import { inlineBytes, isString, keptExpiry, putString, WRONG_TYPE } from '../values/string-value.ts';
import { argument, KEY, KEYS, MANY_KEYS, ONE_KEY } from './keyed-row.ts';

const NO_HYPERLOGLOG = new ErrorReply('WRONGTYPE Key is not a valid HyperLogLog string value.');
const CORRUPTED = new ErrorReply('INVALIDOBJ Corrupted HLL object detected');
const SEVERAL_KEYS = new ErrorReply(
  'ERR PFCOUNT of several keys is not supported yet: junokv does not run commands over several keys atomically',
);

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

function parsePfcount(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const key = argument(args, 1);
  for (let i = 2; i < args.length; i++) if (!argument(args, i).equals(key)) return SEVERAL_KEYS;
  return { key, step: COUNT_STEP };
}

/** Redis's hyperloglog group, without PFMERGE, which needs several keys. */
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
    handler: { kind: 'record', parse: parsePfcount },
    difference: 'Takes one key: commands over several keys are not supported yet. The result is not kept in the value.',
  },
];
