import { assert } from '../../base/assert.ts';
import { ValueType } from '../../record/value.ts';
import { ErrorReply, NULL_ARRAY, SYNTAX_ERROR, WRONGTYPE } from '../../resp/reply.ts';
import type { AtomicKey, AtomicStep } from '../command.ts';
import type { Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';
import { type End, parseEnd, parseIndex, parsePop, parsePush, popStep, rotateStep } from './list-steps.ts';

const NO_BYTES = Buffer.alloc(0);
const NO_KEY_COUNT = new ErrorReply('ERR numkeys should be greater than 0');
const NO_COUNT = new ErrorReply('ERR count should be greater than 0');

/** An element from one end of a list to an end of another, or of the same. */
function move(args: readonly Buffer[], from: End, to: End, session: Session | undefined): AtomicStep {
  const source = argument(args, 1);
  const destination = argument(args, 2);
  const rotate = source.equals(destination) ? rotateStep(from, to) : null;
  const pop = parsePop(from)([NO_BYTES, source]);
  assert(!(pop instanceof ErrorReply), 'one element is popped');
  return {
    keys: [{ key: source }, { key: destination }],
    access: 'write',
    needs: 'value',
    run: (view) => {
      if (rotate !== null) return view.apply(0, rotate);
      const there = view.live(0);
      if (there === null) return null;
      const target = view.live(1);
      if (there.value.type !== ValueType.list) return WRONGTYPE;
      if (target !== null && target.value.type !== ValueType.list) return WRONGTYPE;
      const element = view.apply(0, pop.step);
      assert(Buffer.isBuffer(element), 'a list that is there has an element');
      view.apply(1, parsePush(to, false)([NO_BYTES, destination, element], session).step);
      return element;
    },
  };
}

/** LMOVE source destination LEFT|RIGHT LEFT|RIGHT */
export function parseLmove(args: readonly Buffer[], session?: Session): AtomicStep | ErrorReply {
  const from = parseEnd(argument(args, 3));
  const to = parseEnd(argument(args, 4));
  return from === null || to === null ? SYNTAX_ERROR : move(args, from, to, session);
}

export function parseRpoplpush(args: readonly Buffer[], session?: Session): AtomicStep {
  return move(args, 'tail', 'head', session);
}

/** LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count] */
export function parseLmpop(args: readonly Buffer[]): AtomicStep | ErrorReply {
  const keyCount = parseIndex(argument(args, 1));
  if (keyCount === null || keyCount < 1) return NO_KEY_COUNT;
  const where = args[keyCount + 2];
  const end = where === undefined ? null : parseEnd(where);
  if (end === null) return SYNTAX_ERROR;
  let count = 1;
  const [option, given, more] = args.slice(keyCount + 3);
  if (option !== undefined) {
    if (given === undefined || optionName(option) !== 'count') return SYNTAX_ERROR;
    const number = parseIndex(given);
    if (number === null || number < 1) return NO_COUNT;
    if (more !== undefined) return SYNTAX_ERROR;
    count = number;
  }
  const keys = args.slice(2, keyCount + 2).map((key): AtomicKey => ({ key }));
  return {
    keys,
    access: 'write',
    needs: 'value',
    run: (view) => {
      const at = keys.findIndex((_, i) => view.live(i) !== null);
      const key = keys[at]?.key;
      return key === undefined
        ? NULL_ARRAY
        : view.apply(
            at,
            popStep(end, count, NULL_ARRAY, (items) => [key, items]),
          );
    },
  };
}
