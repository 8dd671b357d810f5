import type { Step } from '../../quorum/operation.ts';
import { Encoding, ValueType } from '../../record/value.ts';
import { BulkEncoder } from '../../resp/bulk-encoder.ts';
import { parseInteger } from '../../resp/integer.ts';
import {
  DoubleReply,
  ErrorReply,
  NOT_AN_INTEGER,
  NULL_ARRAY,
  type Reply,
  SYNTAX_ERROR,
  WRONGTYPE,
} from '../../resp/reply.ts';
import type { AtomicKey, AtomicStep } from '../command.ts';
import type { Session } from '../session.ts';
import { parseScore } from '../values/score.ts';
import type { Scored } from '../values/scored-elements.ts';
import { type Aggregate, type Algebra, combine, countIntersection, operandsOf } from '../values/zset-algebra.ts';
import { zsetOf } from '../values/zset-edit.ts';
import { ZsetView } from '../values/zset-view.ts';
import { argument, optionName } from './keyed-row.ts';
import { DELETE_STEP } from './put-step.ts';
import { DEFAULT_LIMITS, type ZsetLimits } from './zset-add.ts';
import { type AskedRange, parseAsked } from './zset-range.ts';
import { popStep } from './zset-remove.ts';
import { isResp3, scoreText } from './zset-steps.ts';

const NOT_A_WEIGHT = new ErrorReply('ERR weight value is not a float');
const NEGATIVE_LIMIT = new ErrorReply("ERR LIMIT can't be negative");
const NO_KEY_COUNT = new ErrorReply('ERR numkeys should be greater than 0');
const NO_COUNT = new ErrorReply('ERR count should be greater than 0');

/** A sorted set of these elements, which are in order, in the place of whatever is there; none: nothing. */
export function storeScored(elements: readonly Scored[], session: Session | undefined): Step<Reply> {
  if (elements.length === 0) return DELETE_STEP;
  const limits: ZsetLimits = session?.proxy.config ?? DEFAULT_LIMITS;
  const isSmall =
    elements.length <= limits.zsetMaxListpackEntries &&
    elements.every(({ member }) => member.length <= limits.zsetMaxListpackValue);
  const encoding = isSmall ? Encoding.listpack : Encoding.skiplist;
  return {
    access: 'write',
    needs: 'meta',
    run: (_record, { pages }) => ({
      reply: elements.length,
      change: { kind: 'put', value: zsetOf(elements, encoding, pages), expiresAtMs: 0 },
    }),
  };
}

/** What stands behind the keys. */
interface AlgebraOptions {
  readonly weights: readonly number[];
  readonly aggregate: Aggregate;
  readonly withScores: boolean;
  readonly limit: number;
}

/** Which options a command has. */
interface AlgebraForm {
  readonly command: string;
  readonly algebra: Algebra;
  readonly stores: boolean;
  readonly counts: boolean;
}

function parseOptions(
  args: readonly Buffer[],
  from: number,
  keys: number,
  form: AlgebraForm,
): AlgebraOptions | ErrorReply {
  const weights: number[] = [];
  let aggregate: Aggregate = 'sum';
  let withScores = false;
  let limit = Number.POSITIVE_INFINITY;
  for (let i = from; i < args.length; i++) {
    const name = optionName(argument(args, i));
    const left = args.length - i - 1;
    if (form.algebra !== 'diff' && !form.counts && name === 'weights' && left >= keys) {
      weights.length = 0;
      for (let k = 0; k < keys; k++) {
        const weight = parseScore(argument(args, ++i));
        if (weight === null) return NOT_A_WEIGHT;
        weights.push(weight);
      }
    } else if (form.algebra !== 'diff' && !form.counts && name === 'aggregate' && left >= 1) {
      const how = optionName(argument(args, ++i));
      if (how !== 'sum' && how !== 'min' && how !== 'max') return SYNTAX_ERROR;
      aggregate = how;
    } else if (!form.stores && !form.counts && name === 'withscores') {
      withScores = true;
    } else if (form.counts && name === 'limit' && left >= 1) {
      const given = parseInteger(argument(args, ++i));
      if (given === null || given < 0) return NEGATIVE_LIMIT;
      limit = Number(given) === 0 ? Number.POSITIVE_INFINITY : Number(given);
    } else {
      return SYNTAX_ERROR;
    }
  }
  return { weights, aggregate, withScores, limit };
}

/** ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD: [destination] numkeys key [key ...] [options]. */
export function parseZsetAlgebra(form: AlgebraForm) {
  const noKeys = new ErrorReply(`ERR at least 1 input key is needed for '${form.command}' command`);
  const countAt = form.stores ? 2 : 1;
  return (args: readonly Buffer[], session?: Session): AtomicStep | ErrorReply => {
    const given = parseInteger(argument(args, countAt));
    if (given === null) return NOT_AN_INTEGER;
    if (given < 1) return noKeys;
    if (given > args.length - countAt - 1) return SYNTAX_ERROR;
    const count = Number(given);
    const options = parseOptions(args, countAt + 1 + count, count, form);
    const operandKeys = args.slice(countAt + 1, countAt + 1 + count).map((key): AtomicKey => ({ key }));
    const first = form.stores ? 1 : 0;
    const weights = options instanceof ErrorReply ? [] : options.weights;
    return {
      keys: form.stores ? [{ key: argument(args, 1) }, ...operandKeys] : operandKeys,
      access: form.stores ? 'write' : 'read',
      needs: 'value',
      run: (view) => {
        const operands = operandsOf(view, first, count, weights);
        // As in Redis the keys are looked at before the options.
        if (operands instanceof ErrorReply) return operands;
        if (options instanceof ErrorReply) return options;
        if (form.counts) return countIntersection(operands, options.limit);
        const elements = combine(form.algebra, operands, options.aggregate);
        if (!form.stores) return scoredReply(elements, options.withScores, isResp3(session));
        view.apply(0, storeScored(elements, session));
        return elements.length;
      },
    };
  };
}

function scoredReply(elements: readonly Scored[], withScores: boolean, isNested: boolean): Reply {
  if (withScores && isNested) return elements.map(({ member, score }): Reply => [member, new DoubleReply(score)]);
  const encoder = new BulkEncoder(elements.length * 32);
  for (const { member, score } of elements) {
    encoder.add(member);
    if (withScores) encoder.add(scoreText(score));
  }
  return encoder.finish('array');
}

/** ZRANGESTORE destination source min max [BYSCORE | BYLEX] [REV] [LIMIT offset count] */
export function parseZrangestore(args: readonly Buffer[], session?: Session): AtomicStep | ErrorReply {
  const asked = parseAsked(args.slice(1), { kind: null, isReverse: null, stores: true });
  if (asked instanceof ErrorReply) return asked;
  return {
    keys: [{ key: argument(args, 1) }, { key: argument(args, 2) }],
    access: 'write',
    needs: 'value',
    run: (view) => {
      const value = view.live(1)?.value;
      if (value !== undefined && value.type !== ValueType.zset) return WRONGTYPE;
      const source = value === undefined ? null : new ZsetView(value, view.pages(1));
      const found = source === null ? [] : source.elements(asked.find(source));
      const elements = asAddedInTurn(found, asked, session?.proxy.config ?? DEFAULT_LIMITS);
      view.apply(0, storeScored(elements, session));
      return elements.length;
    },
  };
}

/**
 * ZRANGESTORE adds one element after the other in the order of the range, to a listpack for as long as they fit into one (from
 * the start, if their number is known only then): those lose the sign of a zero, whatever the result becomes.
 */
function asAddedInTurn(elements: readonly Scored[], asked: AskedRange, limits: ZsetLimits): readonly Scored[] {
  const { zsetMaxListpackEntries: mostEntries, zsetMaxListpackValue: longest } = limits;
  if (asked.kind === 'rank' && elements.length > mostEntries) return elements;
  const inTurn = asked.isReverse ? elements.toReversed() : elements;
  const outgrown = inTurn.findIndex(({ member }, i) => i >= mostEntries || member.length > longest);
  const listed = outgrown < 0 ? inTurn.length : outgrown;
  const stored = inTurn.map((one, i) => (i < listed ? { member: one.member, score: one.score + 0 } : one));
  return asked.isReverse ? stored.reverse() : stored;
}

/** ZMPOP numkeys key [key ...] MIN|MAX [COUNT count] */
export function parseZmpop(args: readonly Buffer[]): AtomicStep | ErrorReply {
  const given = parseInteger(argument(args, 1));
  if (given === null || given < 1) return NO_KEY_COUNT;
  const end = 2 + Number(given);
  const where = args[end];
  const name = where === undefined ? '' : optionName(where);
  if (name !== 'min' && name !== 'max') return SYNTAX_ERROR;
  let count = 1;
  const [option, number, more] = args.slice(end + 1);
  if (option !== undefined) {
    if (number === undefined || optionName(option) !== 'count') return SYNTAX_ERROR;
    const parsed = parseInteger(number);
    if (parsed === null || parsed < 1) return NO_COUNT;
    if (more !== undefined) return SYNTAX_ERROR;
    count = Number(parsed);
  }
  const keys = args.slice(2, end).map((key): AtomicKey => ({ key }));
  const isReverse = name === 'max';
  return {
    keys,
    access: 'write',
    needs: 'value',
    run: (view) => {
      const at = keys.findIndex((_, i) => view.live(i) !== null);
      const key = keys[at]?.key;
      if (key === undefined) return NULL_ARRAY;
      const reply = (zset: ZsetView, range: Parameters<ZsetView['elements']>[0]): Reply => [
        key,
        zset.elements(range, isReverse).map(({ member, score }): Reply => [member, new DoubleReply(score)]),
      ];
      return view.apply(at, popStep(isReverse, count, NULL_ARRAY, reply));
    },
  };
}
