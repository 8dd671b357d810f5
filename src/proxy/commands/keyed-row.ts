import { assert } from '../../base/assert.ts';
import type { Step, StepResult } from '../../quorum/operation.ts';
import type { BulkItems, Reply } from '../../resp/reply.ts';
import type { ArgumentDoc, Handler, KeyPositions, MultiStep } from '../command.ts';
import { type Kind, ListElementsStep } from '../values/keyed-steps.ts';

export const ONE_KEY: KeyPositions = { first: 1, last: 1, step: 1 };
export const MANY_KEYS: KeyPositions = { first: 1, last: -1, step: 1 };
export const KEY_VALUE_PAIRS: KeyPositions = { first: 1, last: -1, step: 2 };
/** The key of a subcommand. */
export const SECOND_ARGUMENT_KEY: KeyPositions = { first: 2, last: 2, step: 1 };

export const KEY: ArgumentDoc = { name: 'key', type: 'key', keySpecIndex: 0 };
export const KEYS: ArgumentDoc = { ...KEY, multiple: true };
export const VALUE: ArgumentDoc = { name: 'value', type: 'string' };

/** The difference of every command that sets an expiry. */
export const FAR_EXPIRY = 'An expiry beyond 2^53-1 milliseconds since 1970 (the year 287396) is kept as that moment.';

export const NIL: StepResult<Reply> = { reply: null, change: null };
export const ZERO: StepResult<Reply> = { reply: 0, change: null };
export const ONE: StepResult<Reply> = { reply: 1, change: null };

/** The argument at `index`, which the command's arity promises. */
export function argument(args: readonly Buffer[], index: number): Buffer {
  const value = args[index];
  assert(value !== undefined, 'arity is checked before a command is parsed');
  return value;
}

const LONGEST_OPTION = 16;

/** An option's name in lower case, up to a zero byte as Redis reads it; '' where the argument is too long to be one. */
export function optionName(option: Buffer): string {
  let length = 0;
  while (length < option.length && option[length] !== 0) if (++length > LONGEST_OPTION) return '';
  return option.toString('latin1', 0, length).toLowerCase();
}

/** A handler whose only argument that matters is its key: the step is the same for all. */
export function keyOnly(step: Step<Reply>, keyIndex = 1): Handler {
  return { kind: 'record', parse: (args) => ({ key: argument(args, keyIndex), step }) };
}

/** A handler of a command that lists a whole collection. */
export function listAll(kind: Kind, form: BulkItems['kind'], what: 'names' | 'values' | 'both'): Handler {
  const step = new ListElementsStep(kind, form, what, false);
  const streamed = new ListElementsStep(kind, form, what, true);
  return { kind: 'record', parse: (args) => ({ key: argument(args, 1), step, streamed }) };
}

/** A handler that runs one step on each key and adds up the integers replied. */
export function sumOverKeys(step: Step<Reply>): Handler {
  return { kind: 'records', parse: (args) => eachKey(args, step, sum) };
}

/** `step` on every argument but the name. */
export function eachKey(
  args: readonly Buffer[],
  step: Step<Reply>,
  combine: (replies: readonly Reply[]) => Reply,
): MultiStep {
  const steps = new Array(args.length - 1);
  for (let i = 1; i < args.length; i++) steps[i - 1] = { key: argument(args, i), step };
  return { steps, combine };
}

function sum(replies: readonly Reply[]): Reply {
  let total = 0;
  for (const reply of replies) {
    assert(typeof reply === 'number', 'a step that is summed up replies numbers');
    total += reply;
  }
  return total;
}
