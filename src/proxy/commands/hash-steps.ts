import { Encoding } from '../../record/value.ts';
import { addFloats } from '../../resp/float.ts';
import { isInt64, parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_A_FLOAT, NOT_AN_INTEGER, OK, type Reply } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import { defaultConfigValues } from '../config-values.ts';
import type { Session } from '../session.ts';
import { editHash } from '../values/hash-edit.ts';
import type { HashEditor } from '../values/keyed-edit.ts';
import {
  argumentsFrom,
  changesNothing,
  HASH,
  type KeyedChange,
  KeyedReadStep,
  KeyedWriteStep,
} from '../values/keyed-steps.ts';
import { argument } from './keyed-row.ts';

const NOT_INTEGER_VALUE = new ErrorReply('ERR hash value is not an integer');
const NOT_FLOAT_VALUE = new ErrorReply('ERR hash value is not a float');
const OVERFLOW = new ErrorReply('ERR increment or decrement would overflow');
const NOT_FINITE = new ErrorReply('ERR increment would produce NaN or Infinity');
const NOT_FINITE_ARGUMENT = new ErrorReply('ERR value is NaN or Infinity');

/** When a hash is no listpack any more. */
export interface HashLimits {
  readonly hashMaxListpackEntries: number;
  readonly hashMaxListpackValue: number;
}

const DEFAULT_LIMITS: HashLimits = defaultConfigValues();

export function limitsOf(session: Session | undefined): HashLimits {
  return session?.proxy.config ?? DEFAULT_LIMITS;
}

/** Sets one field, as Redis chooses the encoding: what is long makes a table before it is put in, what is many after. */
export function setField(
  edit: HashEditor,
  field: Buffer,
  value: Buffer,
  limits: HashLimits,
  keepsTime = false,
): boolean {
  const longest = limits.hashMaxListpackValue;
  if (edit.encoding === Encoding.listpack && (field.length > longest || value.length > longest)) {
    edit.encoding = Encoding.hashtable;
  }
  const isNew = edit.set(field, value, keepsTime);
  if (edit.encoding === Encoding.listpack && edit.count > limits.hashMaxListpackEntries) {
    edit.encoding = Encoding.hashtable;
  }
  return isNew;
}

/** HSET and HMSET, which differ in what they reply. */
export function parseHset(command: 'hset' | 'hmset') {
  const wrongArity = new ErrorReply(`ERR wrong number of arguments for '${command}' command`);
  return (args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply => {
    if (args.length % 2 === 1) return wrongArity;
    const limits = limitsOf(session);
    const { hashMaxListpackEntries, hashMaxListpackValue } = limits;
    const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
      const edit = editHash(value, Encoding.listpack, (args.length - 2) / 2, nowMs, pages);
      edit.need(argumentsFrom(args, 2, 2));
      let added = 0;
      for (let i = 2; i < args.length; i += 2) {
        const isNew = setField(edit, argument(args, i), argument(args, i + 1), {
          hashMaxListpackEntries,
          hashMaxListpackValue,
        });
        if (isNew) added++;
      }
      return { reply: command === 'hset' ? added : OK, value: edit.finish() };
    });
    return { key: argument(args, 1), step };
  };
}

export function parseHsetnx(args: readonly Buffer[], session?: Session): KeyedStep {
  const limits = limitsOf(session);
  const field = argument(args, 2);
  const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
    const edit = editHash(value, Encoding.listpack, 1, nowMs, pages);
    if (edit.find(field) !== null) return changesNothing(0);
    setField(edit, field, argument(args, 3), limits);
    return { reply: 1, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

export function parseHdel(args: readonly Buffer[]): KeyedStep {
  const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
    if (value === null) return changesNothing(0);
    const edit = editHash(value, Encoding.listpack, args.length - 2, nowMs, pages);
    const fields = argumentsFrom(args, 2);
    edit.need(fields);
    let deleted = 0;
    for (const field of fields) if (edit.delete(field)) deleted++;
    return deleted === 0 ? changesNothing(0) : { reply: deleted, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

/** Replaces a field's value by what `make` makes of it; an ErrorReply changes nothing. */
function changeField(
  args: readonly Buffer[],
  session: Session | undefined,
  make: (current: Buffer | null) => { readonly text: string; readonly reply: Reply } | ErrorReply,
): KeyedStep {
  const limits = limitsOf(session);
  const field = argument(args, 2);
  const step = new KeyedWriteStep(HASH, (value, pages, nowMs): KeyedChange => {
    const edit = editHash(value, Encoding.listpack, 1, nowMs, pages);
    const made = make(edit.find(field));
    if (made instanceof ErrorReply) return changesNothing(made);
    setField(edit, field, Buffer.from(made.text, 'latin1'), limits, true);
    return { reply: made.reply, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

export function parseHincrby(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  const increment = parseInteger(argument(args, 3));
  if (increment === null) return NOT_AN_INTEGER;
  return changeField(args, session, (bytes) => {
    const current = bytes === null ? 0 : parseInteger(bytes);
    if (current === null) return NOT_INTEGER_VALUE;
    const exact = BigInt(current) + BigInt(increment);
    if (!isInt64(exact)) return OVERFLOW;
    const sum = Number(exact);
    return { text: exact.toString(), reply: Number.isSafeInteger(sum) ? sum : exact };
  });
}

export function parseHincrbyfloat(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  const increment = argument(args, 3);
  const checked = addFloats(null, increment);
  if (checked.kind === 'not-a-float') return NOT_A_FLOAT;
  if (checked.kind === 'not-finite') return NOT_FINITE_ARGUMENT;
  return changeField(args, session, (bytes) => {
    const sum = addFloats(bytes, increment);
    if (sum.kind === 'not-a-float') return NOT_FLOAT_VALUE;
    if (sum.kind === 'not-finite') return NOT_FINITE;
    return { text: sum.text, reply: Buffer.from(sum.text, 'latin1') };
  });
}

export function parseHget(args: readonly Buffer[]): KeyedStep {
  const field = argument(args, 2);
  return { key: argument(args, 1), step: new KeyedReadStep(HASH, null, (view) => view.find(field)) };
}

export function parseHmget(args: readonly Buffer[]): KeyedStep {
  const fields = argumentsFrom(args, 2);
  const step = new KeyedReadStep(
    HASH,
    fields.map(() => null),
    (view) => {
      view.need(fields);
      return fields.map((field) => view.find(field));
    },
  );
  return { key: argument(args, 1), step };
}

export function parseHexists(args: readonly Buffer[]): KeyedStep {
  const field = argument(args, 2);
  return { key: argument(args, 1), step: new KeyedReadStep(HASH, 0, (view) => (view.has(field) ? 1 : 0)) };
}

export function parseHstrlen(args: readonly Buffer[]): KeyedStep {
  const field = argument(args, 2);
  return { key: argument(args, 1), step: new KeyedReadStep(HASH, 0, (view) => view.find(field)?.length ?? 0) };
}
