import { type CollectionValue, Encoding, type PageAccess } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { DoubleReply, ErrorReply, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import type { Session } from '../session.ts';
import { encodingOfCollection } from '../values/collection-value.ts';
import { changesNothing, EMPTY_ARRAY, type KeyedChange, KeyedWriteStep } from '../values/keyed-steps.ts';
import { ZsetEdit, zsetOf } from '../values/zset-edit.ts';
import type { RankRange } from '../values/zset-ranges.ts';
import { ZsetView } from '../values/zset-view.ts';
import { argument } from './keyed-row.ts';
import { parseRange, type RangeKind } from './zset-range.ts';
import { isResp3, listRange, ZSET } from './zset-steps.ts';

const NOT_POSITIVE = new ErrorReply('ERR value is out of range, must be positive');

/** ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX: key min max. */
export function parseZremrange(kind: RangeKind) {
  return (args: readonly Buffer[]): KeyedStep | ErrorReply => {
    const find = parseRange(kind, argument(args, 2), argument(args, 3));
    if (find instanceof ErrorReply) return find;
    const step = new KeyedWriteStep(ZSET, (value, pages) => {
      if (value === null) return changesNothing(0);
      const view = new ZsetView(value, pages);
      const range = find(view, false);
      const removed = range.to - range.from;
      return removed === 0 ? changesNothing(0) : { reply: removed, value: without(value, view, range, pages) };
    });
    return { key: argument(args, 1), step };
  };
}

/** ZPOPMIN and ZPOPMAX: key [count]. */
export function parseZpop(isReverse: boolean) {
  return (args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply => {
    if (args.length > 3) return SYNTAX_ERROR;
    const hasCount = args.length === 3;
    const count = hasCount ? parseInteger(argument(args, 2)) : 1;
    if (count === null || count < 0) return NOT_POSITIVE;
    const form = { isReverse, withScores: true, isNested: hasCount && isResp3(session) };
    const reply = (view: ZsetView, range: RankRange): Reply =>
      hasCount ? listRange(view, range, form) : onlyOne(view, range);
    return { key: argument(args, 1), step: popStep(isReverse, Number(count), EMPTY_ARRAY, reply) };
  };
}

/** Takes `count` elements from the lowest on, or from the highest; `missing`: the reply where nothing is taken. */
export function popStep(
  isReverse: boolean,
  count: number,
  missing: Reply,
  reply: (view: ZsetView, range: RankRange) => Reply,
): KeyedWriteStep {
  return new KeyedWriteStep(ZSET, (value, pages): KeyedChange => {
    if (value === null || count === 0) return changesNothing(missing);
    const view = new ZsetView(value, pages);
    const taken = Math.min(count, view.count);
    const range = isReverse ? { from: view.count - taken, to: view.count } : { from: 0, to: taken };
    return { reply: reply(view, range), value: without(value, view, range, pages) };
  });
}

/** Without a count the score is a double, but in the same array. */
function onlyOne(view: ZsetView, range: RankRange): Reply {
  return view.elements(range).flatMap(({ member, score }): Reply[] => [member, new DoubleReply(score)]);
}

/** What is left without the elements of these ranks. */
function without(value: CollectionValue, view: ZsetView, range: RankRange, pages: PageAccess): CollectionValue | null {
  const removed = range.to - range.from;
  const kept = view.count - removed;
  if (kept === 0) return null;
  if (value.paged && removed > kept) {
    const first = view.elements({ from: 0, to: range.from });
    const last = view.elements({ from: range.to, to: view.count });
    return zsetOf([...first, ...last], encodingOfCollection(value), pages);
  }
  const members = view.elements(range).map(({ member }) => member);
  const edit = new ZsetEdit(value, Encoding.listpack, removed, pages);
  edit.deleteRange(range, members);
  return edit.finish();
}
