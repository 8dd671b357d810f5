import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { type PageAccess, ValueType } from '../../record/value.ts';
import { BulkEncoder } from '../../resp/bulk-encoder.ts';
import { parseInteger } from '../../resp/integer.ts';
import {
  type BulkItems,
  ErrorReply,
  NOT_AN_INTEGER,
  NULL_ARRAY,
  OK,
  type Reply,
  SYNTAX_ERROR,
} from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import { defaultConfigValues } from '../config-values.ts';
import type { Session } from '../session.ts';
import {
  argumentsFrom,
  changesNothing,
  EMPTY_ARRAY,
  type KeyedChange,
  KeyedWriteStep,
  type Kind,
} from '../values/keyed-steps.ts';
import { ListEdit } from '../values/list-edit.ts';
import { ListView } from '../values/list-view.ts';
import { type Listing, listed } from '../values/paged-items.ts';
import { WRONG_TYPE } from '../values/string-value.ts';
import { argument, optionName } from './keyed-row.ts';

export const LIST: Kind = { type: ValueType.list, width: 1 };

const NOT_POSITIVE = new ErrorReply('ERR value is out of range, must be positive');
const NO_SUCH_KEY = new ErrorReply('ERR no such key');
const INDEX_OUT_OF_RANGE = new ErrorReply('ERR index out of range');
const LONG_MIN = -(2n ** 63n);
/** What a bulk string of a reply costs beside its bytes, about. */
const BULK_OVERHEAD_BYTES = 8;

export type End = 'head' | 'tail';

/** Reads a list. */
export class ListReadStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  readonly #missing: Reply;
  readonly #read: (view: ListView, record: LiveRecord, pages: PageAccess) => Reply;

  /** `missing`: the reply where there is no such key. */
  constructor(missing: Reply, read: (view: ListView, record: LiveRecord, pages: PageAccess) => Reply) {
    this.#missing = missing;
    this.#read = read;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record === null) return { reply: this.#missing, change: null };
    const { value } = record;
    if (value.type !== ValueType.list) return WRONG_TYPE;
    return { reply: this.#read(new ListView(value, pages), record, pages), change: null };
  }
}

export function fillOf(session: Session | undefined): number {
  return session?.proxy.config.listMaxListpackSize ?? defaultConfigValues().listMaxListpackSize;
}

/** An integer of 64 bits; beyond what is exact as a number it lies beyond the ends of any list. */
export function parseIndex(bytes: Buffer): number | null {
  const value = parseInteger(bytes);
  return value === null ? null : Number(value);
}

/** The elements from rank `from` up to, not including, `to`, the last one first if `isReversed`. */
export function rangeReply(
  view: ListView,
  from: number,
  to: number,
  isReversed: boolean,
  expectedBytes: number,
): BulkItems {
  const encoder = new BulkEncoder(expectedBytes + (to - from) * BULK_OVERHEAD_BYTES);
  if (isReversed) {
    const items: Buffer[] = [];
    view.visit(from, to, (bytes, start, end) => items.push(bytes.subarray(start, end)));
    for (const item of items.reverse()) encoder.add(item);
  } else {
    view.visit(from, to, (bytes, start, end) => encoder.add(bytes, start, end));
  }
  return encoder.finish('array');
}

/** The elements from `start` to `stop`, both included, negative ones from the tail: as ranks, `to` not included. */
function clipRange(start: number, stop: number, count: number): { readonly from: number; readonly to: number } {
  const from = Math.max(0, start < 0 ? count + start : start);
  const last = stop < 0 ? count + stop : stop;
  return from > last || from >= count ? { from: 0, to: 0 } : { from, to: Math.min(last, count - 1) + 1 };
}

/** LPUSH, RPUSH, LPUSHX and RPUSHX. */
export function parsePush(end: End, onlyIfThere: boolean): (args: readonly Buffer[], session?: Session) => KeyedStep {
  return (args, session) => {
    const fill = fillOf(session);
    const values = argumentsFrom(args, 2);
    const step = new KeyedWriteStep(LIST, (value, pages) => {
      if (value === null && onlyIfThere) return changesNothing(0);
      const edit = new ListEdit(value, pages, fill);
      if (end === 'head') edit.pushHead(values);
      else edit.pushTail(values);
      return { reply: edit.count, value: edit.finish() };
    });
    return { key: argument(args, 1), step };
  };
}

/** LPOP and RPOP: key [count] */
export function parsePop(end: End): (args: readonly Buffer[]) => KeyedStep | ErrorReply {
  const arity = new ErrorReply(`ERR wrong number of arguments for '${end === 'head' ? 'lpop' : 'rpop'}' command`);
  const popOne = popStep(end, null, null, (items) => items);
  return (args) => {
    if (args.length > 3) return arity;
    const key = argument(args, 1);
    if (args.length === 2) return { key, step: popOne };
    const count = parseIndex(argument(args, 2));
    if (count === null || count < 0) return NOT_POSITIVE;
    return { key, step: popStep(end, count, NULL_ARRAY, (items) => items) };
  };
}

/** Takes `count` elements from an end, the outermost first; `count` null: one, as itself and not in an array. */
export function popStep(
  end: End,
  count: number | null,
  missing: Reply,
  reply: (items: Reply) => Reply,
): KeyedWriteStep {
  return new KeyedWriteStep(LIST, (value, pages): KeyedChange => {
    if (value === null) return changesNothing(missing);
    if (count === 0) return changesNothing(EMPTY_ARRAY);
    const view = new ListView(value, pages);
    const taken = Math.min(count ?? 1, view.count);
    const from = end === 'head' ? 0 : view.count - taken;
    const items = count === null ? view.at(from) : rangeReply(view, from, from + taken, end === 'tail', 0);
    if (taken === view.count) return { reply: reply(items), value: null };
    const edit = new ListEdit(value, pages, null);
    if (end === 'head') edit.keep(taken, view.count);
    else edit.keep(0, from);
    return { reply: reply(items), value: edit.finish() };
  });
}

export function parseLindex(args: readonly Buffer[]): KeyedStep {
  const index = parseIndex(argument(args, 2));
  const step = new ListReadStep(null, (view) => {
    if (index === null) return NOT_AN_INTEGER;
    const rank = index < 0 ? view.count + index : index;
    return rank < 0 || rank >= view.count ? null : view.at(rank);
  });
  return { key: argument(args, 1), step };
}

export function parseLset(args: readonly Buffer[], session?: Session): KeyedStep {
  const fill = fillOf(session);
  const index = parseIndex(argument(args, 2));
  const element = argument(args, 3);
  const step = new KeyedWriteStep(LIST, (value, pages) => {
    if (value === null) return changesNothing(NO_SUCH_KEY);
    if (index === null) return changesNothing(NOT_AN_INTEGER);
    const edit = new ListEdit(value, pages, fill);
    const rank = index < 0 ? edit.count + index : index;
    if (rank < 0 || rank >= edit.count) return changesNothing(INDEX_OUT_OF_RANGE);
    edit.setAt(rank, element);
    return { reply: OK, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

/** LINSERT key BEFORE|AFTER pivot element */
export function parseLinsert(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  const fill = fillOf(session);
  const where = optionName(argument(args, 2));
  if (where !== 'before' && where !== 'after') return SYNTAX_ERROR;
  const pivot = argument(args, 3);
  const element = argument(args, 4);
  const step = new KeyedWriteStep(LIST, (value, pages) => {
    if (value === null) return changesNothing(0);
    const [rank] = new ListView(value, pages).find(pivot, false, Number.POSITIVE_INFINITY, 1);
    if (rank === undefined) return changesNothing(-1);
    const edit = new ListEdit(value, pages, fill);
    edit.insertAt(where === 'before' ? rank : rank + 1, element);
    return { reply: edit.count, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

export function parseLrange(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const start = parseIndex(argument(args, 2));
  const stop = parseIndex(argument(args, 3));
  if (start === null || stop === null) return NOT_AN_INTEGER;
  const stepThat = (mayStream: boolean): ListReadStep =>
    new ListReadStep(EMPTY_ARRAY, (view, record, pages) => {
      const { from, to } = clipRange(start, stop, view.count);
      if (from === to) return EMPTY_ARRAY;
      const averageBytes = Math.ceil(record.sizeBytes / view.count);
      const listing: Listing = {
        kind: 'array',
        elements: to - from,
        itemsEach: 1,
        elementBytes: averageBytes + BULK_OVERHEAD_BYTES,
        read: (first, end, access) =>
          rangeReply(view.through(access), from + first, from + end, false, (end - first) * averageBytes),
      };
      return listed(listing, pages, mayStream);
    });
  return { key: argument(args, 1), step: stepThat(false), streamed: stepThat(true) };
}

export function parseLtrim(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const start = parseIndex(argument(args, 2));
  const stop = parseIndex(argument(args, 3));
  if (start === null || stop === null) return NOT_AN_INTEGER;
  const step = new KeyedWriteStep(LIST, (value, pages) => {
    if (value === null) return changesNothing(OK);
    const edit = new ListEdit(value, pages, null);
    const { from, to } = clipRange(start, stop, edit.count);
    if (from === to) return { reply: OK, value: null };
    if (to - from === edit.count) return changesNothing(OK);
    edit.keep(from, to);
    return { reply: OK, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

/** LREM key count element: from the head, or from the tail if the count is negative; all of them if it is 0. */
export function parseLrem(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const count = parseIndex(argument(args, 2));
  if (count === null) return NOT_AN_INTEGER;
  const element = argument(args, 3);
  const step = new KeyedWriteStep(LIST, (value, pages) => {
    if (value === null) return changesNothing(0);
    const most = count === 0 ? Number.POSITIVE_INFINITY : Math.abs(count);
    const ranks = new ListView(value, pages).find(element, count < 0, Number.POSITIVE_INFINITY, most);
    if (ranks.length === 0) return changesNothing(0);
    if (count < 0) ranks.reverse();
    const edit = new ListEdit(value, pages, null);
    edit.deleteRanks(ranks);
    return { reply: ranks.length, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

const RANK_ZERO = new ErrorReply(
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
);
const COUNT_NEGATIVE = new ErrorReply("ERR COUNT can't be negative");
const MAXLEN_NEGATIVE = new ErrorReply("ERR MAXLEN can't be negative");

interface PositionOptions {
  rank: number;
  /** The rank is the integer that has no opposite: in Redis that finds all, from the tail. */
  isLongMin: boolean;
  /** Null: only the first match is asked for. */
  count: number | null;
  /** 0: the whole list is looked through. */
  among: number;
}

function parsePositionOptions(args: readonly Buffer[]): PositionOptions | ErrorReply {
  const options: PositionOptions = { rank: 1, isLongMin: false, count: null, among: 0 };
  for (let i = 3; i < args.length; i += 2) {
    const given = args[i + 1];
    if (given === undefined) return SYNTAX_ERROR;
    const number = parseIndex(given);
    switch (optionName(argument(args, i))) {
      case 'rank':
        if (number === null) return NOT_AN_INTEGER;
        if (number === 0) return RANK_ZERO;
        options.rank = number;
        options.isLongMin = parseInteger(given) === LONG_MIN;
        break;
      case 'count':
        if (number === null || number < 0) return COUNT_NEGATIVE;
        options.count = number;
        break;
      case 'maxlen':
        if (number === null || number < 0) return MAXLEN_NEGATIVE;
        options.among = number;
        break;
      default:
        return SYNTAX_ERROR;
    }
  }
  return options;
}

/** LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len] */
export function parseLpos(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const element = argument(args, 2);
  const options = parsePositionOptions(args);
  if (options instanceof ErrorReply) return options;
  const { rank, isLongMin, count, among } = options;
  const skipped = isLongMin ? 0 : Math.abs(rank) - 1;
  const most = count === 0 || (count !== null && isLongMin) ? Number.POSITIVE_INFINITY : skipped + (count ?? 1);
  const step = new ListReadStep(count === null ? null : EMPTY_ARRAY, (view) => {
    const found = view.find(element, rank < 0, among === 0 ? Number.POSITIVE_INFINITY : among, most);
    return count === null ? (found[skipped] ?? null) : found.slice(skipped);
  });
  return { key: argument(args, 1), step };
}

/** An element from one end of a list to an end of the same list. */
export function rotateStep(from: End, to: End): KeyedWriteStep {
  return new KeyedWriteStep(LIST, (value, pages) => {
    if (value === null) return changesNothing(null);
    const view = new ListView(value, pages);
    const last = view.count - 1;
    const element = view.at(from === 'head' ? 0 : last);
    if (from === to || last === 0) return changesNothing(element);
    const edit = new ListEdit(value, pages, null);
    if (from === 'head') edit.keep(1, last + 1);
    else edit.keep(0, last);
    if (to === 'head') edit.pushHead([element]);
    else edit.pushTail([element]);
    return { reply: element, value: edit.finish() };
  });
}

export function parseEnd(word: Buffer): End | null {
  const name = optionName(word);
  return name === 'left' ? 'head' : name === 'right' ? 'tail' : null;
}
