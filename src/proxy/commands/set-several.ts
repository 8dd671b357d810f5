import type { Step } from '../../quorum/operation.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { AtomicKey, AtomicStep, CommandRow, KeysView } from '../command.ts';
import type { Session } from '../session.ts';
import { EMPTY_SET, encodeElements, SET } from '../values/keyed-steps.ts';
import { KeyedView } from '../values/keyed-view.ts';
import { WRONG_TYPE } from '../values/string-value.ts';
import { argument, KEY, MANY_KEYS, optionName } from './keyed-row.ts';
import { DELETE_STEP } from './put-step.ts';
import { addMember, editSet, maxIntsetOf, parseSadd, parseSrem } from './set-steps.ts';

type Algebra = 'inter' | 'union' | 'diff';

const NO_BYTES = Buffer.alloc(0);
const NO_KEY_COUNT = new ErrorReply('ERR numkeys should be greater than 0');
const TOO_FEW_KEYS = new ErrorReply("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT = new ErrorReply("ERR LIMIT can't be negative");
/** Members are looked up in other sets so many at a time: their pages are asked for together. */
const LOOKUP_BATCH = 1_024;
const IN_MEMORY = 'The pages of all sets that are gone through are in memory meanwhile.';

/** The sets at these places of the view, null where there is none; or that one is something else. */
function operands(view: KeysView, from: number, to: number): (KeyedView | null)[] | ErrorReply {
  const sets: (KeyedView | null)[] = [];
  let isWrong = false;
  for (let i = from; i < to; i++) {
    const value = view.live(i)?.value;
    if (value === undefined) sets.push(null);
    else if (value.type === SET.type) sets.push(new KeyedView(value, SET.width, view.pages(i)));
    else isWrong = true;
  }
  return isWrong ? wrongType() : sets;
}

function wrongType(): ErrorReply {
  return WRONG_TYPE.reply as ErrorReply;
}

/** Members of all sets, smallest set first; stops at `atMost`. */
function intersection(sets: readonly (KeyedView | null)[], atMost: number): Buffer[] {
  const [first, ...others] = sets.filter((set) => set !== null).sort((a, b) => a.count - b.count);
  if (first === undefined || sets.includes(null)) return [];
  const found: Buffer[] = [];
  for (let from = 0; from < first.count && found.length < atMost; from += LOOKUP_BATCH) {
    let names: Buffer[] = [];
    first.visit((name) => names.push(name), from, Math.min(first.count, from + LOOKUP_BATCH));
    for (const other of others) {
      other.need(names);
      names = names.filter((name) => other.has(name));
    }
    for (const name of names) if (found.length < atMost) found.push(name);
  }
  return found;
}

function union(sets: readonly (KeyedView | null)[]): Buffer[] {
  const found = new Map<string, Buffer>();
  for (const set of sets) set?.visit((name) => found.set(name.toString('latin1'), name));
  return [...found.values()];
}

/** What is in the first and in none of the others. */
function difference([first, ...others]: readonly (KeyedView | null)[]): Buffer[] {
  if (first === undefined || first === null) return [];
  const found: Buffer[] = [];
  for (let from = 0; from < first.count; from += LOOKUP_BATCH) {
    let names: Buffer[] = [];
    first.visit((name) => names.push(name), from, Math.min(first.count, from + LOOKUP_BATCH));
    for (const other of others) {
      if (other === null) continue;
      other.need(names);
      names = names.filter((name) => !other.has(name));
    }
    found.push(...names);
  }
  return found;
}

function combined(algebra: Algebra, sets: readonly (KeyedView | null)[], atMost: number): Buffer[] {
  if (algebra === 'inter') return intersection(sets, atMost);
  return algebra === 'union' ? union(sets) : difference(sets);
}

/** SINTER, SUNION, SDIFF key [key ...] */
function parseAlgebra(algebra: Algebra): (args: readonly Buffer[]) => AtomicStep {
  return (args) => {
    const keys = args.slice(1).map((key): AtomicKey => ({ key }));
    return {
      keys,
      access: 'read',
      needs: 'value',
      run: (view) => {
        const sets = operands(view, 0, keys.length);
        if (sets instanceof ErrorReply) return sets;
        const members = combined(algebra, sets, Number.POSITIVE_INFINITY);
        if (members.length === 0) return EMPTY_SET;
        return encodeElements(
          members.map((name) => ({ name, value: NO_BYTES })),
          'set',
          false,
        );
      },
    };
  };
}

/** A set of these members in the place of whatever is there; none: nothing. */
function storeStep(members: readonly Buffer[], maxIntset: number): Step<Reply> {
  if (members.length === 0) return DELETE_STEP;
  return {
    access: 'write',
    needs: 'meta',
    run: (_record, { pages }) => {
      const edit = editSet(null, members.length, pages);
      for (const member of members) addMember(edit, member, maxIntset);
      const value = edit.finish();
      return { reply: null, change: value === null ? null : { kind: 'put', value, expiresAtMs: 0 } };
    },
  };
}

/** SINTERSTORE, SUNIONSTORE, SDIFFSTORE destination key [key ...] */
function parseStore(algebra: Algebra): (args: readonly Buffer[], session?: Session) => AtomicStep {
  return (args, session) => {
    const keys = args.slice(1).map((key): AtomicKey => ({ key }));
    const maxIntset = maxIntsetOf(session);
    return {
      keys,
      access: 'write',
      needs: 'value',
      run: (view) => {
        const sets = operands(view, 1, keys.length);
        if (sets instanceof ErrorReply) return sets;
        const members = combined(algebra, sets, Number.POSITIVE_INFINITY);
        view.apply(0, storeStep(members, maxIntset));
        return members.length;
      },
    };
  };
}

/** SINTERCARD numkeys key [key ...] [LIMIT limit] */
function parseSintercard(args: readonly Buffer[]): AtomicStep | ErrorReply {
  const count = parseInteger(argument(args, 1));
  if (count === null || count < 1) return NO_KEY_COUNT;
  if (count > args.length - 2) return TOO_FEW_KEYS;
  const end = 2 + Number(count);
  let atMost = Number.POSITIVE_INFINITY;
  for (let i = end; i < args.length; i += 2) {
    const given = args[i + 1];
    if (optionName(argument(args, i)) !== 'limit' || given === undefined) return SYNTAX_ERROR;
    const limit = parseInteger(given);
    if (limit === null || limit < 0) return NEGATIVE_LIMIT;
    atMost = Number(limit) === 0 ? Number.POSITIVE_INFINITY : Number(limit);
  }
  const keys = args.slice(2, end).map((key): AtomicKey => ({ key }));
  return {
    keys,
    access: 'read',
    needs: 'value',
    run: (view) => {
      const sets = operands(view, 0, keys.length);
      return sets instanceof ErrorReply ? sets : intersection(sets, atMost).length;
    },
  };
}

/** SMOVE source destination member */
function parseSmove(args: readonly Buffer[], session?: Session): AtomicStep {
  const source = argument(args, 1);
  const destination = argument(args, 2);
  const member = argument(args, 3);
  const isSame = source.equals(destination);
  const removal = parseSrem([NO_BYTES, source, member]).step;
  const addition = parseSadd([NO_BYTES, destination, member], session).step;
  return {
    keys: [{ key: source }, { key: destination }],
    access: 'write',
    needs: 'value',
    run: (view) => {
      if (view.live(0) === null) return 0;
      const sets = operands(view, 0, 2);
      if (sets instanceof ErrorReply) return sets;
      if (isSame) return sets[0]?.has(member) === true ? 1 : 0;
      if (view.apply(0, removal) !== 1) return 0;
      view.apply(1, addition);
      return 1;
    },
  };
}

const ALGEBRA = {
  group: 'set',
  since: '1.0.0',
  arity: -2,
  flags: ['readonly'],
  categories: ['@read', '@set', '@slow'],
  keys: MANY_KEYS,
  docArguments: [{ ...KEY, multiple: true }],
  difference: IN_MEMORY,
} as const;

const STORE = {
  group: 'set',
  since: '1.0.0',
  arity: -3,
  flags: ['write', 'denyoom'],
  categories: ['@write', '@set', '@slow'],
  keys: MANY_KEYS,
  docArguments: [
    { name: 'destination', type: 'key', keySpecIndex: 0 },
    { name: 'key', type: 'key', keySpecIndex: 1, multiple: true },
  ],
  difference: IN_MEMORY,
} as const;

const OF_SMALLEST = 'O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.';
const OF_ALL = 'O(N) where N is the total number of elements in all given sets.';

/** Redis's set commands over several keys. */
export const severalSetsCommands: readonly CommandRow[] = [
  {
    ...ALGEBRA,
    name: 'sinter',
    summary: 'Intersect multiple sets',
    complexity: OF_SMALLEST,
    handler: { kind: 'atomic', parse: parseAlgebra('inter') },
  },
  {
    ...ALGEBRA,
    name: 'sunion',
    summary: 'Add multiple sets',
    complexity: OF_ALL,
    handler: { kind: 'atomic', parse: parseAlgebra('union') },
  },
  {
    ...ALGEBRA,
    name: 'sdiff',
    summary: 'Subtract multiple sets',
    complexity: OF_ALL,
    handler: { kind: 'atomic', parse: parseAlgebra('diff') },
  },
  {
    ...ALGEBRA,
    name: 'sintercard',
    summary: 'Intersect multiple sets and return the cardinality of the result',
    since: '7.0.0',
    complexity: OF_SMALLEST,
    arity: -3,
    flags: ['readonly', 'movablekeys'],
    keys: null,
    docArguments: [
      { name: 'numkeys', type: 'integer' },
      { ...KEY, multiple: true },
      { name: 'limit', type: 'integer', token: 'LIMIT', optional: true },
    ],
    handler: { kind: 'atomic', parse: parseSintercard },
  },
  {
    ...STORE,
    name: 'sinterstore',
    summary: 'Intersect multiple sets and store the resulting set in a key',
    complexity: OF_SMALLEST,
    handler: { kind: 'atomic', parse: parseStore('inter') },
  },
  {
    ...STORE,
    name: 'sunionstore',
    summary: 'Add multiple sets and store the resulting set in a key',
    complexity: OF_ALL,
    handler: { kind: 'atomic', parse: parseStore('union') },
  },
  {
    ...STORE,
    name: 'sdiffstore',
    summary: 'Subtract multiple sets and store the resulting set in a key',
    complexity: OF_ALL,
    handler: { kind: 'atomic', parse: parseStore('diff') },
  },
  {
    name: 'smove',
    group: 'set',
    summary: 'Move a member from one set to another',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'fast'],
    categories: ['@write', '@set', '@fast'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: [
      { name: 'source', type: 'key', keySpecIndex: 0 },
      { name: 'destination', type: 'key', keySpecIndex: 1 },
      { name: 'member', type: 'string' },
    ],
    handler: { kind: 'atomic', parse: parseSmove },
  },
];
