import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { type CollectionValue, type PageAccess, ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR, WRONGTYPE } from '../../resp/reply.ts';
import type { ArgumentDoc, CommandRow, KeyedStep } from '../command.ts';
import type { Session } from '../session.ts';
import { EMPTY_ARRAY } from '../values/keyed-steps.ts';
import { KeyedView } from '../values/keyed-view.ts';
import { ListView } from '../values/list-view.ts';
import {
  keepsOrder,
  limitedRanks,
  lookupOf,
  type SortLookup,
  type SortOptions,
  sortElements,
  sortedItems,
} from '../values/sorting.ts';
import { ZsetView } from '../values/zset-view.ts';
import { argument, KEY, ONE_KEY, optionName } from './keyed-row.ts';

const BY_IN_CLUSTER = new ErrorReply('ERR BY option of SORT denied in Cluster mode.');
const GET_IN_CLUSTER = new ErrorReply('ERR GET option of SORT denied in Cluster mode.');
const NO_OTHER_KEYS = new ErrorReply('ERR SORT with BY or GET of other keys, or with STORE, is not supported yet');
const STAR = Buffer.from('*');

/** The options of SORT and, without STORE, of SORT_RO. */
export function parseSortOptions(
  command: 'sort' | 'sort_ro',
  args: readonly Buffer[],
  session?: Session,
): SortOptions | ErrorReply {
  const options = {
    isDescending: false,
    isAlpha: false,
    offset: 0,
    limit: -1,
    by: null as Buffer | null,
    destination: null as Buffer | null,
  };
  const get: Buffer[] = [];
  for (let i = 2; i < args.length; i++) {
    const left = args.length - i - 1;
    const name = optionName(argument(args, i));
    if (name === 'asc' || name === 'desc') {
      options.isDescending = name === 'desc';
    } else if (name === 'alpha') {
      options.isAlpha = true;
    } else if (name === 'limit' && left >= 2) {
      const [offset, limit] = [parseInteger(argument(args, i + 1)), parseInteger(argument(args, i + 2))];
      if (offset === null || limit === null) return NOT_AN_INTEGER;
      options.offset = Number(offset);
      options.limit = Number(limit);
      i += 2;
    } else if (name === 'store' && left >= 1 && command === 'sort') {
      options.destination = argument(args, ++i);
    } else if (name === 'by' && left >= 1) {
      options.by = argument(args, ++i);
      if (session?.clusterEnabled && options.by.includes(STAR)) return BY_IN_CLUSTER;
    } else if (name === 'get' && left >= 1) {
      if (session?.clusterEnabled) return GET_IN_CLUSTER;
      get.push(argument(args, ++i));
    } else {
      return SYNTAX_ERROR;
    }
  }
  return { ...options, get };
}

/**
 * The elements of a collection in their own order; where they stay in it, only those that LIMIT leaves, and of lists and sorted
 * sets those from the end where the order is descending. May throw NeedPages.
 */
export function elementsToSort(value: CollectionValue, options: SortOptions, pages: PageAccess): readonly Buffer[] {
  const found: Buffer[] = [];
  const stays = keepsOrder(options);
  if (value.type === ValueType.set) {
    new KeyedView(value, 1, pages).visit((name) => found.push(name));
    if (!stays) return found;
    const { from, to } = limitedRanks(found.length, options);
    return found.slice(from, to);
  }
  const view = value.type === ValueType.list ? new ListView(value, pages) : new ZsetView(value, pages);
  const { from, to } = stays ? limitedRanks(view.count, options) : { from: 0, to: view.count };
  const isReverse = stays && options.isDescending;
  const range = isReverse ? { from: view.count - to, to: view.count - from } : { from, to };
  if (view instanceof ZsetView) {
    view.visit(range, isReverse, (member) => found.push(member));
    return found;
  }
  view.visit(range.from, range.to, (bytes, start, end) => found.push(bytes.subarray(start, end)));
  return isReverse ? found.reverse() : found;
}

/**
 * What SORT answers, or keeps, of a record. `lookUp` has the value of other keys, null where there is none or of another type; it may
 * throw to be called again.
 */
export function sortRecord(
  record: LiveRecord | null,
  asked: SortOptions,
  pages: PageAccess,
  lookUp: (lookup: SortLookup) => Buffer | null,
): readonly (Buffer | null)[] | ErrorReply {
  if (record === null) return [];
  const { value } = record;
  if (value.type === ValueType.string || value.type === ValueType.hash) return WRONGTYPE;
  // What is kept of a set must not depend on the order in which that happens to be.
  const isForced = value.type === ValueType.set && asked.destination !== null && keepsOrder(asked);
  const options = isForced ? { ...asked, by: null, isAlpha: true } : asked;
  const elements = elementsToSort(value, options, pages);
  const sorted = sortElements(elements, options, (element) => {
    const lookup = options.by === null ? null : lookupOf(options.by, element);
    return lookup === null || lookup === 'element' ? null : lookUp(lookup);
  });
  if (sorted instanceof ErrorReply) return sorted;
  const { from, to } = keepsOrder(options) ? { from: 0, to: sorted.length } : limitedRanks(sorted.length, options);
  return sortedItems(sorted.slice(from, to), options, lookUp);
}

/** Whether SORT needs its own key only. */
export function sortsAlone(options: SortOptions): boolean {
  const namesKeys = [...(options.by === null ? [] : [options.by]), ...options.get].some((one) => one.includes(STAR));
  return !namesKeys && options.destination === null;
}

class SortStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  readonly #options: SortOptions;

  constructor(options: SortOptions) {
    this.#options = options;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    const items = sortRecord(record, this.#options, pages, () => null);
    return { reply: items instanceof ErrorReply || items.length > 0 ? items : EMPTY_ARRAY, change: null };
  }
}

function parseSort(command: 'sort' | 'sort_ro') {
  return (args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply => {
    const options = parseSortOptions(command, args, session);
    if (options instanceof ErrorReply) return options;
    return sortsAlone(options) ? { key: argument(args, 1), step: new SortStep(options) } : NO_OTHER_KEYS;
  };
}

const DIFFERENCE =
  'BY and GET of other keys, and STORE, are not supported yet. ALPHA compares bytes, as Redis does in the C locale. A sorted set keeps its encoding.';

const ARGUMENTS: readonly ArgumentDoc[] = [
  KEY,
  { name: 'pattern', type: 'pattern', keySpecIndex: 1, token: 'BY', optional: true },
  {
    name: 'offset_count',
    type: 'block',
    token: 'LIMIT',
    optional: true,
    arguments: [
      { name: 'offset', type: 'integer' },
      { name: 'count', type: 'integer' },
    ],
  },
  {
    name: 'pattern',
    type: 'pattern',
    keySpecIndex: 1,
    token: 'GET',
    optional: true,
    multiple: true,
    multipleToken: true,
  },
  {
    name: 'order',
    type: 'oneof',
    optional: true,
    arguments: [
      { name: 'asc', type: 'pure-token', token: 'ASC' },
      { name: 'desc', type: 'pure-token', token: 'DESC' },
    ],
  },
  { name: 'sorting', type: 'pure-token', token: 'ALPHA', optional: true },
];

/** SORT and SORT_RO. */
export const sortCommands: readonly CommandRow[] = [
  {
    name: 'sort',
    group: 'generic',
    summary: 'Sort the elements in a list, set or sorted set',
    since: '1.0.0',
    complexity:
      'O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).',
    arity: -2,
    flags: ['write', 'denyoom', 'movablekeys'],
    categories: ['@write', '@set', '@sortedset', '@list', '@slow', '@dangerous'],
    keys: ONE_KEY,
    docArguments: [...ARGUMENTS, { name: 'destination', type: 'key', keySpecIndex: 2, token: 'STORE', optional: true }],
    handler: { kind: 'record', parse: parseSort('sort') },
    difference: DIFFERENCE,
  },
  {
    name: 'sort_ro',
    group: 'generic',
    summary: 'Sort the elements in a list, set or sorted set. Read-only variant of SORT.',
    since: '7.0.0',
    complexity:
      'O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).',
    arity: -2,
    flags: ['readonly', 'movablekeys'],
    categories: ['@read', '@set', '@sortedset', '@list', '@slow', '@dangerous'],
    keys: ONE_KEY,
    docArguments: ARGUMENTS,
    handler: { kind: 'record', parse: parseSort('sort_ro') },
    difference: DIFFERENCE,
  },
];
