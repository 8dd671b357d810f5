import { type CollectionValue, Encoding, type PageAccess } from '../../record/value.ts';
import { DoubleReply, ErrorReply, NOT_A_FLOAT, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import { defaultConfigValues } from '../config-values.ts';
import type { Session } from '../session.ts';
import { argumentsFrom, changesNothing, type KeyedChange, KeyedWriteStep } from '../values/keyed-steps.ts';
import { parseScore } from '../values/score.ts';
import { ZsetEdit } from '../values/zset-edit.ts';
import { argument, optionName } from './keyed-row.ts';
import { ZSET } from './zset-steps.ts';

const NX_AND_XX = new ErrorReply('ERR XX and NX options at the same time are not compatible');
const GT_AND_LT = new ErrorReply('ERR GT, LT, and/or NX options at the same time are not compatible');
const ONE_PAIR = new ErrorReply('ERR INCR option supports a single increment-element pair');
const NOT_A_NUMBER = new ErrorReply('ERR resulting score is not a number (NaN)');

/** When a sorted set is no listpack any more. */
export interface ZsetLimits {
  readonly zsetMaxListpackEntries: number;
  readonly zsetMaxListpackValue: number;
}

export const DEFAULT_LIMITS: ZsetLimits = defaultConfigValues();

const OPTIONS = ['nx', 'xx', 'gt', 'lt', 'ch', 'incr'] as const;
type Option = (typeof OPTIONS)[number];
type Options = ReadonlySet<Option>;

interface Addition {
  readonly options: Options;
  readonly members: readonly Buffer[];
  readonly scores: readonly number[];
}

/** What became of one member; `score` is the one that it has then. */
interface Added {
  readonly kind: 'added' | 'updated' | 'same' | 'nothing' | 'not-a-number';
  readonly score: number;
}

/** ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]. */
export function parseZadd(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  return parse(args, new Set(), session);
}

/** ZINCRBY key increment member: as in Redis a ZADD that has its option INCR already. */
export function parseZincrby(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  return parse(args, new Set(['incr']), session);
}

function parse(args: readonly Buffer[], options: Set<Option>, session?: Session): KeyedStep | ErrorReply {
  let first = 2;
  for (; first < args.length; first++) {
    const name = optionName(argument(args, first));
    const option = OPTIONS.find((one) => one === name);
    if (option === undefined) break;
    options.add(option);
  }
  const members = argumentsFrom(args, first + 1, 2);
  if (members.length === 0 || (args.length - first) % 2 === 1) return SYNTAX_ERROR;
  if (options.has('nx') && options.has('xx')) return NX_AND_XX;
  if ((options.has('gt') && options.has('lt')) || (options.has('nx') && (options.has('gt') || options.has('lt')))) {
    return GT_AND_LT;
  }
  if (options.has('incr') && members.length > 1) return ONE_PAIR;
  const scores: number[] = [];
  for (let i = first; i < args.length; i += 2) {
    const score = parseScore(argument(args, i));
    if (score === null) return NOT_A_FLOAT;
    scores.push(score);
  }
  const limits = session?.proxy.config ?? DEFAULT_LIMITS;
  const addition = { options, members, scores };
  const step = new KeyedWriteStep(ZSET, (value, pages) => addAll(value, addition, limits, pages));
  return { key: argument(args, 1), step };
}

function addAll(
  value: CollectionValue | null,
  { options, members, scores }: Addition,
  limits: ZsetLimits,
  pages: PageAccess,
): KeyedChange {
  const isIncrement = options.has('incr');
  if (value === null && options.has('xx')) return changesNothing(isIncrement ? null : 0);
  const isLong = limits.zsetMaxListpackEntries === 0 || (members[0]?.length ?? 0) > limits.zsetMaxListpackValue;
  const encoding = isLong ? Encoding.skiplist : Encoding.listpack;
  const edit = new ZsetEdit(value, encoding, members.length, pages);
  edit.need(members, isIncrement ? [] : scores);
  let added = 0;
  let updated = 0;
  let last: Added = { kind: 'nothing', score: 0 };
  for (const [i, member] of members.entries()) {
    last = addOne(edit, member, scores[i] ?? 0, options, limits);
    if (last.kind === 'not-a-number') return changesNothing(NOT_A_NUMBER);
    if (last.kind === 'added') added++;
    else if (last.kind === 'updated') updated++;
  }
  const count = options.has('ch') ? added + updated : added;
  const score = last.kind === 'nothing' ? null : new DoubleReply(last.score);
  const reply = isIncrement ? score : count;
  return added + updated === 0 ? changesNothing(reply) : { reply, value: edit.finish() };
}

/** Adds one member, as Redis chooses the encoding: before the member that is too long or one too many is put in. */
function addOne(edit: ZsetEdit, member: Buffer, given: number, options: Options, limits: ZsetLimits): Added {
  const old = edit.find(member);
  if (old !== null) {
    if (options.has('nx')) return { kind: 'nothing', score: old };
    const score = options.has('incr') ? old + given : given;
    if (Number.isNaN(score)) return { kind: 'not-a-number', score };
    if ((options.has('lt') && score >= old) || (options.has('gt') && score <= old))
      return { kind: 'nothing', score: old };
    if (score === old) return { kind: 'same', score };
    edit.set(member, stored(edit, score), old);
    return { kind: 'updated', score };
  }
  if (options.has('xx')) return { kind: 'nothing', score: given };
  if (
    edit.encoding === Encoding.listpack &&
    (edit.count + 1 > limits.zsetMaxListpackEntries || member.length > limits.zsetMaxListpackValue)
  ) {
    edit.encoding = Encoding.skiplist;
  }
  edit.set(member, stored(edit, given), null);
  return { kind: 'added', score: given };
}

/** A listpack knows no -0. */
function stored(edit: ZsetEdit, score: number): number {
  return score === 0 && edit.encoding === Encoding.listpack ? 0 : score;
}
