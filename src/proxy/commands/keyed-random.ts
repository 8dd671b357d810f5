import { limits } from '../../base/limits.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import type { Session } from '../session.ts';
import type { KeyedElement } from '../values/keyed-elements.ts';
import { EMPTY_ARRAY, encodeElements, KeyedReadStep, type Kind, withValues } from '../values/keyed-steps.ts';
import type { KeyedReader } from '../values/keyed-view.ts';
import { RandomPicks } from '../values/random-picks.ts';
import { argument, optionName } from './keyed-row.ts';

const LONG_MAX = 9_223_372_036_854_775_807n;
const NOT_BETWEEN = new ErrorReply(`ERR value is out of range, value must between -${LONG_MAX} and ${LONG_MAX}`);
const OUT_OF_RANGE = new ErrorReply('ERR value is out of range');

/** A seed for what a command picks. Without a session, as in the simulator, it is always the same. */
export function seedOf(session: Session | undefined): number {
  return session?.proxy.random.below(2 ** 32) ?? 0;
}

/** The count of HRANDFIELD and the like: negative where an element may come several times. */
function parseCount(bytes: Buffer): number | ErrorReply {
  const count = parseInteger(bytes);
  if (count === null) return NOT_AN_INTEGER;
  if (BigInt(count) < -LONG_MAX) return NOT_BETWEEN;
  return Number(count);
}

/** Up to `count` different elements, or, of a negative count, so many that need not differ. */
function pick(view: KeyedReader, count: number, seed: number): KeyedElement[] | ErrorReply {
  const picks = new RandomPicks(seed);
  if (count >= 0) return view.at(picks.distinct(Math.min(count, view.count), view.count));
  if (-count > limits.randomPicks) return OUT_OF_RANGE;
  return view.at(Array.from({ length: -count }, () => picks.below(view.count)));
}

function pairs({ shown }: Kind, elements: readonly KeyedElement[]): Reply {
  return elements.map(({ name, value }) => [name, shown === undefined ? value : shown.reply(value)]);
}

/** HRANDFIELD key [count [WITHVALUES]], ZRANDMEMBER key [count [WITHSCORES]] and SRANDMEMBER key [count]. */
export function parseRandom(kind: Kind) {
  const most = kind.width === 2 ? 4 : 3;
  const token = kind.shown?.token ?? 'withvalues';
  return (args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply => {
    const key = argument(args, 1);
    const seed = seedOf(session);
    if (args.length > most && kind.width === 1) return SYNTAX_ERROR;
    if (args.length === 2) {
      const step = new KeyedReadStep(kind, null, (view) => {
        const [element] = view.at([new RandomPicks(seed).below(view.count)]);
        return element?.name ?? null;
      });
      return { key, step };
    }
    const count = parseCount(argument(args, 2));
    if (count instanceof ErrorReply) return count;
    const hasValues = args.length > 3;
    if (args.length > most || (hasValues && optionName(argument(args, 3)) !== token)) return SYNTAX_ERROR;
    if (hasValues && Math.abs(count) >= Number(LONG_MAX) / 2) return OUT_OF_RANGE;
    const nested = hasValues && session?.protocol === 3;
    const step = new KeyedReadStep(kind, EMPTY_ARRAY, (view) => {
      const elements = pick(view, count, seed);
      if (elements instanceof ErrorReply) return elements;
      if (nested) return pairs(kind, elements);
      const texts = kind.shown === undefined ? elements : withValues(elements, kind.shown.text);
      return encodeElements(texts, 'array', hasValues);
    });
    return { key, step };
  };
}
