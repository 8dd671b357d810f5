import { limits } from '../../base/limits.ts';
import { Encoding } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import type { Session } from '../session.ts';
import { type ExpiryUnit, invalidExpireTime } from '../values/expiry.ts';
import { editTimes, type TimedHashEditor } from '../values/hash-edit.ts';
import { LAST_TIME_MS } from '../values/hash-times.ts';
import { HashView } from '../values/hash-view.ts';
import { argumentsFrom, changesNothing, HASH, KeyedReadStep, KeyedWriteStep } from '../values/keyed-steps.ts';
import type { KeyedReader } from '../values/keyed-view.ts';
import { type HashLimits, limitsOf, setField } from './hash-steps.ts';
import { argument, optionName } from './keyed-row.ts';

/*
 * Commands about the time to live of a hash's fields. Redis looks at the key's type before it looks at most of their arguments:
 * what is wrong with those is told by the step.
 */

/** What is answered for each field. */
const Code = { noField: -2, noTime: -1, notMet: 0, done: 1, deleted: 2 } as const;

const NEGATIVE = new ErrorReply('ERR invalid expire time, must be >= 0');
const NO_FIELDS = new ErrorReply('ERR Mandatory argument FIELDS is missing or not at the right position');
const COUNT_TO_SET = new ErrorReply('ERR Parameter `numFields` should be greater than 0');
const COUNT_TO_GET = new ErrorReply('ERR Number of fields must be a positive integer');
const OTHER_COUNT = new ErrorReply('ERR The `numfields` parameter must match the number of arguments');
const BAD_COUNT = new ErrorReply('ERR invalid number of fields');
const MISSING_FIELDS = new ErrorReply('ERR missing FIELDS argument');
const MISSING_TIME = new ErrorReply('ERR missing expire time');
const ONE_CONDITION = new ErrorReply('ERR Only one of FXX or FNX arguments can be specified');
const ONE_EXPIRY = new ErrorReply('ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified');
const HSETEX_ARITY = new ErrorReply("ERR wrong number of arguments for 'hsetex' command");
const HGETEX_ARITY = new ErrorReply("ERR wrong number of arguments for 'hgetex' command");
const INT_MAX = 2 ** 31 - 1;

/** A moment, or a span from now on; not yet set against a clock. */
interface FieldExpiry {
  readonly ms: number;
  readonly relative: boolean;
  readonly invalid: ErrorReply;
}

function parseTime(bytes: Buffer, unit: ExpiryUnit, relative: boolean, command: string): FieldExpiry | ErrorReply {
  const given = parseInteger(bytes);
  if (given === null) return NOT_AN_INTEGER;
  if (given < 0) return NEGATIVE;
  const invalid = invalidExpireTime(command);
  const ms = Number(given) * (unit === 'seconds' ? 1000 : 1);
  return ms > LAST_TIME_MS ? invalid : { ms, relative, invalid };
}

/** In wall clock milliseconds. */
function momentOf({ ms, relative, invalid }: FieldExpiry, nowMs: number): number | ErrorReply {
  const moment = relative ? nowMs + ms : ms;
  return moment > LAST_TIME_MS ? invalid : moment;
}

/** FIELDS count field [field ...], with FIELDS at args[at]; `badCount`: what a count is told that is none. */
function parseFields(args: readonly Buffer[], at: number, badCount: ErrorReply): readonly Buffer[] | ErrorReply {
  const word = args[at];
  if (word === undefined || optionName(word) !== 'fields') return NO_FIELDS;
  const text = args[at + 1];
  const count = text === undefined ? null : parseInteger(text);
  if (count === null || count < 1) return badCount;
  return count === args.length - at - 2 ? argumentsFrom(args, at + 2) : OTHER_COUNT;
}

type Condition = 'nx' | 'xx' | 'gt' | 'lt';

function conditionOf(bytes: Buffer): Condition | null {
  const name = optionName(bytes);
  return name === 'nx' || name === 'xx' || name === 'gt' || name === 'lt' ? name : null;
}

/** `currentMs` 0: it never expires, which is later than any other moment. */
function allows(condition: Condition | null, currentMs: number, nextMs: number): boolean {
  if (currentMs === 0) return condition !== 'xx' && condition !== 'gt';
  if (condition === 'gt') return currentMs < nextMs;
  if (condition === 'lt') return currentMs > nextMs;
  return condition !== 'nx';
}

/** A field that is there expires at this moment; one that is past deletes it. */
function expireField(edit: TimedHashEditor, field: Buffer, momentMs: number, nowMs: number): 1 | 2 {
  if (momentMs <= nowMs) {
    edit.delete(field);
    return Code.deleted;
  }
  edit.setTime(field, momentMs);
  return Code.done;
}

/** HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT: key time [NX|XX|GT|LT] FIELDS numfields field [field ...] */
export function parseHexpire(command: string, unit: ExpiryUnit, relative: boolean) {
  return (args: readonly Buffer[]): KeyedStep => {
    const expiry = parseTime(argument(args, 2), unit, relative, command);
    const condition = conditionOf(argument(args, 3));
    const fields = parseFields(args, condition === null ? 3 : 4, COUNT_TO_SET);
    const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
      const momentMs = expiry instanceof ErrorReply ? expiry : momentOf(expiry, nowMs);
      if (momentMs instanceof ErrorReply) return changesNothing(momentMs);
      if (fields instanceof ErrorReply) return changesNothing(fields);
      if (value === null) return changesNothing(fields.map(() => Code.noField));
      const edit = editTimes(value, Encoding.listpack, fields.length, nowMs, pages);
      edit.need(fields);
      const codes = fields.map((field) => {
        const currentMs = edit.timeOf(field);
        if (currentMs === null) return Code.noField;
        if (!allows(condition, currentMs, momentMs)) return Code.notMet;
        return expireField(edit, field, momentMs, nowMs);
      });
      return codes.some((code) => code > 0) ? { reply: codes, value: edit.finish() } : changesNothing(codes);
    });
    return { key: argument(args, 1), step };
  };
}

/** Null: the field is not there; 0: it never expires. */
function timeIn(view: KeyedReader, field: Buffer): number | null {
  if (view instanceof HashView) return view.timeOf(field);
  return view.has(field) ? 0 : null;
}

/** HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME: key FIELDS numfields field [field ...]. Seconds are rounded up. */
export function parseHttl(unit: ExpiryUnit, relative: boolean) {
  return (args: readonly Buffer[]): KeyedStep => {
    const fields = parseFields(args, 2, COUNT_TO_GET);
    const missing = fields instanceof ErrorReply ? fields : fields.map(() => Code.noField);
    const step = new KeyedReadStep(HASH, missing, (view, _record, nowMs) => {
      if (fields instanceof ErrorReply) return fields;
      view.need(fields);
      return fields.map((field) => {
        const timeMs = timeIn(view, field);
        if (timeMs === null) return Code.noField;
        if (timeMs === 0) return Code.noTime;
        const ms = relative ? timeMs - nowMs : timeMs;
        return unit === 'milliseconds' ? ms : Math.ceil(ms / 1000);
      });
    });
    return { key: argument(args, 1), step };
  };
}

/** HPERSIST key FIELDS numfields field [field ...] */
export function parseHpersist(args: readonly Buffer[]): KeyedStep {
  const fields = parseFields(args, 2, COUNT_TO_GET);
  const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
    if (fields instanceof ErrorReply) return changesNothing(fields);
    if (value === null) return changesNothing(fields.map(() => Code.noField));
    const edit = editTimes(value, Encoding.listpack, fields.length, nowMs, pages);
    edit.need(fields);
    const codes = fields.map((field) => {
      const timeMs = edit.timeOf(field);
      if (timeMs === null) return Code.noField;
      if (timeMs === 0) return Code.noTime;
      edit.setTime(field, 0);
      return Code.done;
    });
    return codes.includes(Code.done) ? { reply: codes, value: edit.finish() } : changesNothing(codes);
  });
  return { key: argument(args, 1), step };
}

/** HGETDEL key FIELDS numfields field [field ...] */
export function parseHgetdel(args: readonly Buffer[]): KeyedStep {
  const fields = parseFields(args, 2, COUNT_TO_GET);
  const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
    if (fields instanceof ErrorReply) return changesNothing(fields);
    if (value === null) return changesNothing(fields.map(() => null));
    const edit = editTimes(value, Encoding.listpack, fields.length, nowMs, pages);
    edit.need(fields);
    let deleted = 0;
    const values = fields.map((field) => {
      const found = edit.find(field);
      if (edit.delete(field)) deleted++;
      return found;
    });
    return deleted === 0 ? changesNothing(values) : { reply: values, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

const TIME_OPTIONS: ReadonlyMap<string, { readonly unit: ExpiryUnit; readonly relative: boolean }> = new Map([
  ['ex', { unit: 'seconds', relative: true }],
  ['px', { unit: 'milliseconds', relative: true }],
  ['exat', { unit: 'seconds', relative: false }],
  ['pxat', { unit: 'milliseconds', relative: false }],
]);

/** HGETEX key [EX seconds | PX ms | EXAT seconds | PXAT ms | PERSIST] FIELDS numfields field [field ...] */
export function parseHgetex(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const option = optionName(argument(args, 2));
  const time = TIME_OPTIONS.get(option);
  const fieldsAt = time !== undefined ? 4 : option === 'persist' ? 3 : 2;
  if (args.length < fieldsAt + 2) return HGETEX_ARITY;
  const expiry = time === undefined ? null : parseTime(argument(args, 3), time.unit, time.relative, 'hgetex');
  const fields = parseFields(args, fieldsAt, COUNT_TO_GET);
  const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
    const momentMs = expiry === null || expiry instanceof ErrorReply ? expiry : momentOf(expiry, nowMs);
    if (momentMs instanceof ErrorReply) return changesNothing(momentMs);
    if (fields instanceof ErrorReply) return changesNothing(fields);
    if (value === null) return changesNothing(fields.map(() => null));
    const edit = editTimes(value, Encoding.listpack, fields.length, nowMs, pages);
    edit.need(fields);
    let changed = 0;
    const values = fields.map((field) => {
      const found = edit.find(field);
      if (found === null) return null;
      if (momentMs !== null) {
        expireField(edit, field, momentMs, nowMs);
        changed++;
      } else if (option === 'persist' && edit.timeOf(field) !== 0) {
        edit.setTime(field, 0);
        changed++;
      }
      return found;
    });
    return changed === 0 ? changesNothing(values) : { reply: values, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

interface SetOptions {
  expiry: FieldExpiry | null;
  keepsTime: boolean;
  condition: 'fnx' | 'fxx' | null;
  /** Where the first field is. */
  fieldsAt: number;
}

/** What is said before FIELDS, one option after the other. */
function parseSetOptions(args: readonly Buffer[]): SetOptions | ErrorReply {
  const options: SetOptions = { expiry: null, keepsTime: false, condition: null, fieldsAt: 0 };
  for (let i = 2; i < args.length; i++) {
    const name = optionName(argument(args, i));
    const time = TIME_OPTIONS.get(name);
    if (name === 'fields') {
      const problem = pairsProblem(args, i);
      return problem ?? { ...options, fieldsAt: i + 2 };
    }
    if (time !== undefined || name === 'keepttl') {
      if (options.expiry !== null || options.keepsTime) return ONE_EXPIRY;
      if (time === undefined) {
        options.keepsTime = true;
        continue;
      }
      const bytes = args[++i];
      if (bytes === undefined) return MISSING_TIME;
      const expiry = parseTime(bytes, time.unit, time.relative, 'hsetex');
      if (expiry instanceof ErrorReply) return expiry;
      options.expiry = expiry;
    } else if (name === 'fnx' || name === 'fxx') {
      if (options.condition !== null) return ONE_CONDITION;
      options.condition = name;
    } else {
      return new ErrorReply(
        `ERR unknown argument: ${argument(args, i).toString('utf8', 0, limits.quotedArgumentBytes)}`,
      );
    }
  }
  return MISSING_FIELDS;
}

/** What is wrong with FIELDS numfields field value [field value ...] at args[at], or null. */
function pairsProblem(args: readonly Buffer[], at: number): ErrorReply | null {
  if (at >= args.length - 3) return HSETEX_ARITY;
  const count = parseInteger(argument(args, at + 1));
  if (count === null || count < 1 || count > INT_MAX) return BAD_COUNT;
  return Number(count) * 2 === args.length - at - 2 ? null : HSETEX_ARITY;
}

/** HSETEX key [FNX|FXX] [EX seconds | PX ms | EXAT seconds | PXAT ms | KEEPTTL] FIELDS numfields field value [...] */
export function parseHsetex(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  const options = parseSetOptions(args);
  if (options instanceof ErrorReply) return options;
  const { hashMaxListpackEntries, hashMaxListpackValue } = limitsOf(session);
  const hashLimits: HashLimits = { hashMaxListpackEntries, hashMaxListpackValue };
  const { expiry, keepsTime, condition, fieldsAt } = options;
  const fields = argumentsFrom(args, fieldsAt, 2);
  const step = new KeyedWriteStep(HASH, (value, pages, nowMs) => {
    const momentMs = expiry === null ? null : momentOf(expiry, nowMs);
    if (momentMs instanceof ErrorReply) return changesNothing(momentMs);
    const edit = editTimes(value, Encoding.listpack, fields.length, nowMs, pages);
    edit.need(fields);
    const isMet =
      condition === null || fields.every((field) => (edit.timeOf(field) === null) === (condition === 'fnx'));
    if (!isMet) return changesNothing(0 satisfies Reply);
    fields.forEach((field, i) => {
      setField(edit, field, argument(args, fieldsAt + 2 * i + 1), hashLimits, keepsTime);
      if (momentMs !== null) expireField(edit, field, momentMs, nowMs);
    });
    return { reply: 1, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}
