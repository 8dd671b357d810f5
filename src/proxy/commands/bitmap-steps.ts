import { limits } from '../../base/limits.ts';
import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import type { PageAccess, StringValue } from '../../record/value.ts';
import { isInt64, parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import { type FieldType, fitted, fromBits, type Overflow, parseFieldType } from '../values/bit-fields.ts';
import { BitEdit, byteAt, checkedBitOffset, countOnes, findBit, needRanges, parseBitOffset } from '../values/bits.ts';
import { isString, keptExpiry, STRING_TOO_LONG, WRONG_TYPE } from '../values/string-value.ts';
import { argument, optionName } from './keyed-row.ts';

const BAD_OFFSET = new ErrorReply('ERR bit offset is not an integer or out of range');
const BAD_BIT = new ErrorReply('ERR bit is not an integer or out of range');
const NO_BIT = new ErrorReply('ERR The bit argument must be 1 or 0.');
const BAD_TYPE = new ErrorReply(
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
);
const BAD_OVERFLOW = new ErrorReply('ERR Invalid OVERFLOW type specified');
const ONLY_GET = new ErrorReply('ERR BITFIELD_RO only supports the GET subcommand');

/** Reads a string. */
class BitReadStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  readonly #missing: Reply;
  readonly #read: (value: StringValue, length: number, pages: PageAccess) => Reply;

  constructor(missing: Reply, read: (value: StringValue, length: number, pages: PageAccess) => Reply) {
    this.#missing = missing;
    this.#read = read;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record === null) return { reply: this.#missing, change: null };
    if (!isString(record)) return WRONG_TYPE;
    return { reply: this.#read(record.value, record.sizeBytes, pages), change: null };
  }
}

/** Changes bits of a string, which may not exist yet and is made `length` bytes long at least; its expiry stays. */
class BitWriteStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #length: number;
  readonly #ranges: readonly (readonly [number, number])[];
  readonly #write: (edit: BitEdit) => Reply;

  /** `ranges`: of bytes, all that is read. */
  constructor(length: number, ranges: readonly (readonly [number, number])[], write: (edit: BitEdit) => Reply) {
    this.#length = length;
    this.#ranges = ranges;
    this.#write = write;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record !== null && !isString(record)) return WRONG_TYPE;
    if (this.#length > limits.maxStringBytes) return { reply: STRING_TOO_LONG, change: null };
    const value = record === null ? null : record.value;
    if (value !== null) needRanges(value, this.#ranges, pages);
    const edit = new BitEdit(value, record === null ? 0 : record.sizeBytes, pages);
    edit.growTo(this.#length);
    const reply = this.#write(edit);
    if (!edit.isChanged) return { reply, change: null };
    return { reply, change: { kind: 'put', value: edit.finish(), expiresAtMs: keptExpiry(record) } };
  }
}

export function parseSetbit(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const offset = parseBitOffset(argument(args, 2));
  if (offset === null) return BAD_OFFSET;
  const bit = parseInteger(argument(args, 3));
  if (bit !== 0 && bit !== 1) return BAD_BIT;
  const byte = Math.floor(offset / 8);
  const step = new BitWriteStep(byte + 1, [[byte, byte + 1]], (edit) => {
    const old = Number(edit.read(offset, 1));
    edit.write(offset, 1, BigInt(bit));
    return old;
  });
  return { key: argument(args, 1), step };
}

export function parseGetbit(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const offset = parseBitOffset(argument(args, 2));
  if (offset === null) return BAD_OFFSET;
  const step = new BitReadStep(0, (value, _, pages) => {
    return (byteAt(value, Math.floor(offset / 8), pages) >> (7 - (offset % 8))) & 1;
  });
  return { key: argument(args, 1), step };
}

/** Bits per unit of a range; null if the word is no unit. */
function unitBits(word: Buffer | undefined): 1 | 8 | null {
  if (word === undefined) return 8;
  const name = optionName(word);
  return name === 'bit' ? 1 : name === 'byte' ? 8 : null;
}

/** The range from `start` to `end`, both included, in bits, the end not included; negative ones count from the end. */
function bitRange(
  start: number,
  end: number,
  unit: 1 | 8,
  length: number,
): { readonly from: number; readonly to: number } {
  const total = unit === 1 ? length * 8 : length;
  const from = Math.max(0, start < 0 ? total + start : start);
  const last = Math.min(total - 1, Math.max(0, end < 0 ? total + end : end));
  return { from: from * unit, to: (last + 1) * unit };
}

function numberOf(bytes: Buffer | undefined): number | null {
  const value = bytes === undefined ? null : parseInteger(bytes);
  return value === null ? null : Number(value);
}

/** BITCOUNT key [start end [BYTE|BIT]]; what is wrong with the range is said only where there is a string, as in Redis. */
export function parseBitcount(args: readonly Buffer[]): KeyedStep {
  const step = new BitReadStep(0, (value, length, pages) => {
    if (args.length === 2) return length === 0 ? 0 : countOnes(value, 0, length * 8, pages);
    if (args.length !== 4 && args.length !== 5) return SYNTAX_ERROR;
    const start = numberOf(args[2]);
    const end = numberOf(args[3]);
    if (start === null || end === null) return NOT_AN_INTEGER;
    if (start < 0 && end < 0 && start > end) return 0;
    const unit = unitBits(args[4]);
    if (unit === null) return SYNTAX_ERROR;
    const { from, to } = bitRange(start, end, unit, length);
    return from >= to ? 0 : countOnes(value, from, to, pages);
  });
  return { key: argument(args, 1), step };
}

/** BITPOS key bit [start [end [BYTE|BIT]]] */
export function parseBitpos(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const bit = parseInteger(argument(args, 2));
  if (bit === null) return NOT_AN_INTEGER;
  if (bit !== 0 && bit !== 1) return NO_BIT;
  const step = new BitReadStep(bit === 1 ? -1 : 0, (value, length, pages) => {
    if (args.length > 6) return SYNTAX_ERROR;
    const start = args.length > 3 ? numberOf(args[3]) : 0;
    if (start === null) return NOT_AN_INTEGER;
    const unit = unitBits(args[5]);
    if (unit === null) return SYNTAX_ERROR;
    const end = args.length > 4 ? numberOf(args[4]) : length - 1;
    if (end === null) return NOT_AN_INTEGER;
    const { from, to } = bitRange(start, end, unit, length);
    if (from >= to) return -1;
    const found = findBit(value, bit, from, to, pages);
    // Without an end, zeros follow the string.
    return found < 0 && bit === 0 && args.length <= 4 ? length * 8 : found;
  });
  return { key: argument(args, 1), step };
}

interface FieldOperation {
  readonly kind: 'get' | 'set' | 'incrby';
  readonly type: FieldType;
  readonly offset: number;
  readonly number: bigint;
  readonly overflow: Overflow;
}

const OVERFLOWS: ReadonlySet<string> = new Set(['wrap', 'sat', 'fail'] satisfies Overflow[]);

function isOverflow(word: string): word is Overflow {
  return OVERFLOWS.has(word);
}

/** `#n` is the nth field of that size. */
function fieldOffset(bytes: Buffer, bits: number): number | null {
  if (bytes[0] !== 0x23) return parseBitOffset(bytes);
  const index = parseInteger(bytes, 1);
  if (index === null) return null;
  const offset = BigInt(index) * BigInt(bits);
  return isInt64(offset) ? checkedBitOffset(offset) : null;
}

function parseOperations(args: readonly Buffer[]): FieldOperation[] | ErrorReply {
  const operations: FieldOperation[] = [];
  let overflow: Overflow = 'wrap';
  for (let i = 2; i < args.length; i++) {
    const left = args.length - i - 1;
    const kind = optionName(argument(args, i));
    if (kind === 'overflow' && left >= 1) {
      const word = optionName(argument(args, ++i));
      if (!isOverflow(word)) return BAD_OVERFLOW;
      overflow = word;
      continue;
    }
    const isGet = kind === 'get';
    if (!isGet && kind !== 'set' && kind !== 'incrby') return SYNTAX_ERROR;
    if (left < (isGet ? 2 : 3)) return SYNTAX_ERROR;
    const type = parseFieldType(argument(args, i + 1));
    if (type === null) return BAD_TYPE;
    const offset = fieldOffset(argument(args, i + 2), type.bits);
    if (offset === null) return BAD_OFFSET;
    const number = isGet ? 0 : parseInteger(argument(args, i + 3));
    if (number === null) return NOT_AN_INTEGER;
    operations.push({ kind, type, offset, number: BigInt(number), overflow });
    i += isGet ? 2 : 3;
  }
  return operations;
}

/** Null where the number does not fit. */
function runOperation(operation: FieldOperation, edit: BitEdit): bigint | null {
  const { kind, type, offset, number, overflow } = operation;
  const old = fromBits(type, edit.read(offset, type.bits));
  if (kind === 'get') return old;
  const next = fitted(type, kind === 'set' ? numberToSet(type, number) : old + number, overflow);
  if (next === null) return null;
  edit.write(offset, type.bits, next);
  return kind === 'set' ? old : next;
}

/** As in Redis a negative number is a very large one for an unsigned field, and for a signed one from which it is 2^63 away. */
function numberToSet({ isSigned, bits }: FieldType, number: bigint): bigint {
  const isFar = isSigned && bits < 64 && (1n << BigInt(bits - 1)) - 1n - number >= 1n << 63n;
  return isFar || !isSigned ? BigInt.asUintN(64, number) : number;
}

/** BITFIELD and BITFIELD_RO: key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET|INCRBY type offset number ...] */
export function parseBitfield(isReadOnly: boolean): (args: readonly Buffer[]) => KeyedStep | ErrorReply {
  return (args) => {
    const operations = parseOperations(args);
    if (operations instanceof ErrorReply) return operations;
    const key = argument(args, 1);
    const writes = operations.filter(({ kind }) => kind !== 'get');
    const ranges = operations.map(({ offset, type }): [number, number] => [
      Math.floor(offset / 8),
      Math.ceil((offset + type.bits) / 8),
    ]);
    const run = (edit: BitEdit): Reply => operations.map((operation) => runOperation(operation, edit));
    if (writes.length === 0) {
      const zeros = operations.map(() => 0);
      const step = new BitReadStep(zeros, (value, length, pages) => {
        needRanges(value, ranges, pages);
        return run(new BitEdit(value, length, pages));
      });
      return { key, step };
    }
    if (isReadOnly) return ONLY_GET;
    const length = writes.reduce((most, { offset, type }) => Math.max(most, Math.ceil((offset + type.bits) / 8)), 0);
    return { key, step: new BitWriteStep(length, ranges, run) };
  };
}
