import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import type { Session } from '../session.ts';
import { EMPTY_ARRAY } from '../values/keyed-steps.ts';
import { parseScoreBound } from '../values/score.ts';
import { type LexBound, NO_RANKS, type RankRange } from '../values/zset-ranges.ts';
import type { ZsetView } from '../values/zset-view.ts';
import { argument, optionName } from './keyed-row.ts';
import { answerRange, isResp3, ZsetReadStep } from './zset-steps.ts';

const NOT_SCORES = new ErrorReply('ERR min or max is not a float');
const NOT_LEX = new ErrorReply('ERR min or max not valid string range item');
const LIMIT_OF_RANKS = new ErrorReply(
  'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
);
const SCORES_OF_LEX = new ErrorReply('ERR syntax error, WITHSCORES not supported in combination with BYLEX');

const PLUS = 0x2b;
const MINUS = 0x2d;
const OPENING = 0x28;
const BRACKET = 0x5b;

export type RangeKind = 'rank' | 'score' | 'lex';

/** Which elements a command means, once there is a set to look into. */
export type Finder = (view: ZsetView, isReverse: boolean) => RankRange;

/** Redis's way of reading the two ends of a range. */
export function parseRange(kind: RangeKind, first: Buffer, last: Buffer): Finder | ErrorReply {
  if (kind === 'rank') {
    const [start, stop] = [parseInteger(first), parseInteger(last)];
    if (start === null || stop === null) return NOT_AN_INTEGER;
    return (view, isReverse) => byRank(view.count, Number(start), Number(stop), isReverse);
  }
  if (kind === 'score') {
    const [min, max] = [parseScoreBound(first), parseScoreBound(last)];
    return min === null || max === null ? NOT_SCORES : (view) => view.inScoreRange({ min, max });
  }
  const [min, max] = [parseLexBound(first), parseLexBound(last)];
  return min === null || max === null ? NOT_LEX : (view, isReverse) => view.inLexRange({ min, max }, isReverse);
}

function parseLexBound(bytes: Buffer): LexBound | null {
  const isAlone = bytes.length === 1 || bytes[1] === 0;
  switch (bytes[0]) {
    case PLUS:
      return isAlone ? { kind: 'highest' } : null;
    case MINUS:
      return isAlone ? { kind: 'lowest' } : null;
    case OPENING:
      return { kind: 'member', member: bytes.subarray(1), isExclusive: true };
    case BRACKET:
      return { kind: 'member', member: bytes.subarray(1), isExclusive: false };
    default:
      return null;
  }
}

/** Negative ranks are from the end; with `isReverse` rank 0 is the last element. */
function byRank(count: number, start: number, stop: number, isReverse: boolean): RankRange {
  const from = Math.max(0, start < 0 ? start + count : start);
  const end = Math.min(count, (stop < 0 ? stop + count : stop) + 1);
  if (from >= end) return NO_RANKS;
  return isReverse ? { from: count - end, to: count - from } : { from, to: end };
}

/** What ZRANGE and its older forms are asked for. */
interface RangeOptions {
  kind: RangeKind;
  isReverse: boolean;
  withScores: boolean;
  offset: number;
  /** Negative: all. */
  limit: number;
}

/** What the name of a command decides; null where its options do. */
export interface RangeForm {
  readonly kind: RangeKind | null;
  readonly isReverse: boolean | null;
  /** ZRANGESTORE: WITHSCORES is no option of it. */
  readonly stores?: boolean;
}

/** Which elements a range command means, in which order and form. */
export interface AskedRange {
  readonly kind: RangeKind;
  readonly find: (view: ZsetView) => RankRange;
  readonly isReverse: boolean;
  readonly withScores: boolean;
}

/** args: command key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] */
export function parseAsked(args: readonly Buffer[], form: RangeForm): AskedRange | ErrorReply {
  const options = parseOptions(args, form);
  if (options instanceof ErrorReply) return options;
  const { kind, isReverse, withScores } = options;
  if (options.limit !== -1 && kind === 'rank') return LIMIT_OF_RANKS;
  if (withScores && kind === 'lex') return SCORES_OF_LEX;
  const isSwapped = isReverse && kind !== 'rank';
  const find = parseRange(kind, argument(args, isSwapped ? 3 : 2), argument(args, isSwapped ? 2 : 3));
  if (find instanceof ErrorReply) return find;
  return {
    kind,
    isReverse,
    withScores,
    find: (view) => (kind === 'rank' ? find(view, isReverse) : limited(find(view, isReverse), options)),
  };
}

/** ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES], and the older commands. */
export function parseZrange(form: RangeForm) {
  return (args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply => {
    const asked = parseAsked(args, form);
    if (asked instanceof ErrorReply) return asked;
    const { find, isReverse, withScores } = asked;
    const listForm = { isReverse, withScores, isNested: isResp3(session) };
    const stepThat = (mayStream: boolean): ZsetReadStep =>
      new ZsetReadStep(EMPTY_ARRAY, (view, pages): Reply => answerRange(view, find(view), listForm, pages, mayStream));
    return { key: argument(args, 1), step: stepThat(false), streamed: stepThat(true) };
  };
}

function limited({ from, to }: RankRange, { offset, limit, isReverse }: RangeOptions): RankRange {
  if (offset < 0 || offset >= to - from) return NO_RANKS;
  const count = limit < 0 ? to - from - offset : Math.min(limit, to - from - offset);
  return isReverse
    ? { from: to - offset - count, to: to - offset }
    : { from: from + offset, to: from + offset + count };
}

function parseOptions(args: readonly Buffer[], form: RangeForm): RangeOptions | ErrorReply {
  const options = { kind: form.kind, isReverse: form.isReverse, withScores: false, offset: 0, limit: -1 };
  for (let i = 4; i < args.length; i++) {
    const name = optionName(argument(args, i));
    if (name === 'withscores' && form.stores !== true) {
      options.withScores = true;
    } else if (name === 'limit' && args.length - i > 2) {
      const [offset, limit] = [parseInteger(argument(args, i + 1)), parseInteger(argument(args, i + 2))];
      if (offset === null || limit === null) return NOT_AN_INTEGER;
      options.offset = Number(offset);
      options.limit = Number(limit);
      i += 2;
    } else if (name === 'rev' && options.isReverse === null) {
      options.isReverse = true;
    } else if ((name === 'bylex' || name === 'byscore') && options.kind === null) {
      options.kind = name === 'bylex' ? 'lex' : 'score';
    } else {
      return SYNTAX_ERROR;
    }
  }
  return { ...options, kind: options.kind ?? 'rank', isReverse: options.isReverse ?? false };
}

/** ZCOUNT and ZLEXCOUNT: key min max. */
export function parseZcount(kind: RangeKind) {
  return (args: readonly Buffer[]): KeyedStep | ErrorReply => {
    const find = parseRange(kind, argument(args, 2), argument(args, 3));
    if (find instanceof ErrorReply) return find;
    const step = new ZsetReadStep(0, (view) => {
      const { from, to } = find(view, false);
      return to - from;
    });
    return { key: argument(args, 1), step };
  };
}
