import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { type CollectionValue, Encoding, type PageAccess, ValueType } from '../../record/value.ts';
import { BulkEncoder } from '../../resp/bulk-encoder.ts';
import { formatDouble } from '../../resp/float.ts';
import { type BulkItems, DoubleReply, ErrorReply, NULL_ARRAY, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import type { Session } from '../session.ts';
import { argumentsFrom, changesNothing, KeyedWriteStep, type Kind } from '../values/keyed-steps.ts';
import { type Listing, listed } from '../values/paged-items.ts';
import { decodeScore } from '../values/score.ts';
import { WRONG_TYPE } from '../values/string-value.ts';
import { ZsetEdit } from '../values/zset-edit.ts';
import type { RankRange } from '../values/zset-ranges.ts';
import { ZsetView } from '../values/zset-view.ts';
import { argument, optionName } from './keyed-row.ts';

/** As a KeyedView sees it, by member: an element's value is its score. */
export const ZSET: Kind = {
  type: ValueType.zset,
  width: 2,
  shown: {
    token: 'withscores',
    text: (value) => scoreText(decodeScore(value)),
    scanText: (value, encoding) => scanText(decodeScore(value), encoding),
    reply: (value) => new DoubleReply(decodeScore(value)),
  },
};

/** What an element costs in a reply beside its member, about: a score, and the lengths of both. */
const ELEMENT_OVERHEAD_BYTES = 48;

/** ... and without a score. */
const LENGTH_BYTES = 8;
/** Before each element where it is an array of its own. */
const PAIR = Buffer.from('*2\r\n');

const LISTPACK_INTEGERS = 2 ** 62;

/** Reads a sorted set. */
export class ZsetReadStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  readonly #missing: Reply;
  readonly #read: (view: ZsetView, pages: PageAccess) => Reply;

  /** `missing`: the reply where there is no such key. */
  constructor(missing: Reply, read: (view: ZsetView, pages: PageAccess) => Reply) {
    this.#missing = missing;
    this.#read = read;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record === null) return { reply: this.#missing, change: null };
    const { value } = record;
    if (value.type !== ValueType.zset) return WRONG_TYPE;
    return { reply: this.#read(new ZsetView(value, pages), pages), change: null };
  }
}

export function editZset(value: CollectionValue | null, changes: number, pages: PageAccess): ZsetEdit {
  return new ZsetEdit(value, Encoding.listpack, changes, pages);
}

export function scoreReply(score: number | null): Reply {
  return score === null ? null : new DoubleReply(score);
}

/** A score as a bulk string. */
export function scoreText(score: number): Buffer {
  return Buffer.from(formatDouble(score), 'latin1');
}

/** In a listpack whole numbers are integers, and ZSCAN shows them as such. */
function scanText(score: number, encoding: Encoding): Buffer {
  const isInteger = encoding === Encoding.listpack && Number.isInteger(score) && Math.abs(score) < LISTPACK_INTEGERS;
  return isInteger ? Buffer.from(BigInt(score).toString(), 'latin1') : scoreText(score);
}

/** How a list of elements is answered. */
export interface ListForm {
  readonly isReverse: boolean;
  readonly withScores: boolean;
  /** Each element an array of its own, with the score as a double: RESP3's form of `withScores`. */
  readonly isNested: boolean;
}

export function listRange(view: ZsetView, range: RankRange, { isReverse, withScores, isNested }: ListForm): Reply {
  if (withScores && isNested) {
    const items: Reply[] = [];
    view.visit(range, isReverse, (member, score) => items.push([member, new DoubleReply(score)]));
    return items;
  }
  return encodeRange(view, range, { isReverse, withScores, isNested });
}

/** The same as an answer; a long one may be PagedItems if `mayStream`. */
export function answerRange(
  view: ZsetView,
  range: RankRange,
  form: ListForm,
  pages: PageAccess,
  mayStream: boolean,
): Reply {
  const { from, to } = range;
  const { isReverse, withScores, isNested } = form;
  const listing: Listing = {
    kind: 'array',
    elements: to - from,
    itemsEach: withScores && !isNested ? 2 : 1,
    elementBytes: view.elementBytes + (withScores ? ELEMENT_OVERHEAD_BYTES : LENGTH_BYTES),
    read: (first, end, access) => {
      const part = isReverse ? { from: to - end, to: to - first } : { from: from + first, to: from + end };
      return encodeRange(view.through(access), part, form);
    },
  };
  return mayStream ? listed(listing, pages, true) : listRange(view, range, form);
}

function encodeRange(view: ZsetView, range: RankRange, { isReverse, withScores, isNested }: ListForm): BulkItems {
  const encoder = new BulkEncoder((range.to - range.from) * ELEMENT_OVERHEAD_BYTES);
  view.visit(range, isReverse, (member, score) => {
    if (withScores && isNested) encoder.addRaw(PAIR);
    encoder.add(member);
    if (withScores && isNested) encoder.addRaw(Buffer.from(`,${formatDouble(score)}\r\n`, 'latin1'));
    else if (withScores) encoder.add(scoreText(score));
  });
  return encoder.finish('array');
}

export function parseZscore(args: readonly Buffer[]): KeyedStep {
  const member = argument(args, 2);
  const step = new ZsetReadStep(null, (view) => scoreReply(view.scoreOf(member)));
  return { key: argument(args, 1), step };
}

export function parseZmscore(args: readonly Buffer[]): KeyedStep {
  const members = argumentsFrom(args, 2);
  const step = new ZsetReadStep(
    members.map(() => null),
    (view) => {
      view.byMember.need(members);
      return members.map((member) => scoreReply(view.scoreOf(member)));
    },
  );
  return { key: argument(args, 1), step };
}

/** ZRANK and ZREVRANK: key member [WITHSCORE]. */
export function parseZrank(command: 'zrank' | 'zrevrank') {
  const wrongArity = new ErrorReply(`ERR wrong number of arguments for '${command}' command`);
  return (args: readonly Buffer[]): KeyedStep | ErrorReply => {
    if (args.length > 4) return wrongArity;
    const withScore = args.length === 4;
    if (withScore && optionName(argument(args, 3)) !== 'withscore') return SYNTAX_ERROR;
    const member = argument(args, 2);
    const missing = withScore ? NULL_ARRAY : null;
    const step = new ZsetReadStep(missing, (view) => {
      const score = view.scoreOf(member);
      if (score === null) return missing;
      const forwards = view.rankOf(member, score);
      const rank = command === 'zrank' ? forwards : view.count - 1 - forwards;
      return withScore ? [rank, new DoubleReply(score)] : rank;
    });
    return { key: argument(args, 1), step };
  };
}

export function parseZrem(args: readonly Buffer[]): KeyedStep {
  const members = argumentsFrom(args, 2);
  const step = new KeyedWriteStep(ZSET, (value, pages) => {
    if (value === null) return changesNothing(0);
    const edit = editZset(value, members.length, pages);
    edit.need(members);
    let removed = 0;
    for (const member of members) if (edit.delete(member)) removed++;
    return removed === 0 ? changesNothing(0) : { reply: removed, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

export function isResp3(session: Session | undefined): boolean {
  return session?.protocol === 3;
}
