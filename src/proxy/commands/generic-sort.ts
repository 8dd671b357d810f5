import { upToZero } from '../../base/c-text.ts';
import { limits } from '../../base/limits.ts';
import type { Step } from '../../quorum/operation.ts';
import { readAll } from '../../record/paged-string.ts';
import type { LiveRecord } from '../../record/state.ts';
import { type CollectionValue, type PageAccess, ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR, WRONGTYPE } from '../../resp/reply.ts';
import type { ArgumentDoc, AtomicStep, CommandRow, KeysView } from '../command.ts';
import type { Session } from '../session.ts';
import { EMPTY_ARRAY, HASH, viewOf } from '../values/keyed-steps.ts';
import { KeyedView } from '../values/keyed-view.ts';
import { ListEdit } from '../values/list-edit.ts';
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
import { fillOf } from './list-steps.ts';
import { DELETE_STEP } from './put-step.ts';

const BY_IN_CLUSTER = new ErrorReply('ERR BY option of SORT denied in Cluster mode.');
const GET_IN_CLUSTER = new ErrorReply('ERR GET option of SORT denied in Cluster mode.');
const NO_BYTES = Buffer.alloc(0);
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
      if (session?.clusterEnabled && upToZero(options.by).includes(STAR)) return BY_IN_CLUSTER;
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

/** All values elsewhere that are named for these elements. */
function lookupsOf({ by, get }: SortOptions, elements: readonly Buffer[]): SortLookup[] {
  const patterns = by === null ? get : [by, ...get];
  return patterns.flatMap((pattern) =>
    elements.flatMap((element) => {
      const lookup = lookupOf(pattern, element);
      return lookup === null || lookup === 'element' ? [] : [lookup];
    }),
  );
}

/** The values behind the lookups; takes their keys into the transaction first. */
function lookedUp(view: KeysView, lookups: readonly SortLookup[]): (lookup: SortLookup) => Buffer | null {
  const names = [...new Set(lookups.map(({ key }) => key.toString('latin1')))];
  const places = view.others(names.map((name) => Buffer.from(name, 'latin1')));
  const placeOf = new Map(names.map((name, i) => [name, places[i] ?? -1]));
  return ({ key, field }) => {
    const place = placeOf.get(key.toString('latin1'));
    const record = place === undefined ? null : view.live(place);
    if (place === undefined || record === null) return null;
    const { value } = record;
    const pages = view.pages(place);
    if (field !== null) {
      return value.type === ValueType.hash ? viewOf(HASH, value, view.nowMs, pages).find(field) : null;
    }
    return value.type === ValueType.string ? Buffer.concat(readAll(value, pages), record.sizeBytes) : null;
  };
}

/** A list of these elements in the place of whatever is there; none: nothing. What was not found is kept as empty. */
function storeList(items: readonly (Buffer | null)[], session: Session | undefined): Step<Reply> {
  if (items.length === 0) return DELETE_STEP;
  const fill = fillOf(session);
  return {
    access: 'write',
    needs: 'meta',
    run: (_record, { pages }) => {
      const edit = new ListEdit(null, pages, fill);
      edit.pushTail(items.map((item) => item ?? NO_BYTES));
      const value = edit.finish();
      return { reply: items.length, change: value === null ? null : { kind: 'put', value, expiresAtMs: 0 } };
    },
  };
}

function parseSort(command: 'sort' | 'sort_ro') {
  return (args: readonly Buffer[], session?: Session): AtomicStep | ErrorReply => {
    const options = parseSortOptions(command, args, session);
    if (options instanceof ErrorReply) return options;
    const { destination } = options;
    const key = argument(args, 1);
    return {
      keys: destination === null ? [{ key }] : [{ key }, { key: destination }],
      access: destination === null ? 'read' : 'write',
      needs: 'value',
      run: (view) => {
        const record = view.live(0);
        const type = record?.value.type;
        const isSortable = type === ValueType.list || type === ValueType.set || type === ValueType.zset;
        if (record !== null && !isSortable) return WRONGTYPE;
        const items = sortedOf(view, record, options);
        if (items instanceof ErrorReply) return items;
        if (destination === null) return items.length > 0 ? items : EMPTY_ARRAY;
        view.apply(1, storeList(items, session));
        return items.length;
      },
    };
  };
}

/** Other keys are taken in all at once, and not one by one as they are come upon. */
function sortedOf(
  view: KeysView,
  record: LiveRecord | null,
  options: SortOptions,
): readonly (Buffer | null)[] | ErrorReply {
  const pages = view.pages(0);
  const namesKeys = [...(options.by === null ? [] : [options.by]), ...options.get].some((one) => one.includes(STAR));
  if (record === null || !namesKeys) return sortRecord(record, options, pages, () => null);
  const { value } = record;
  if (value.type === ValueType.string || value.type === ValueType.hash) return WRONGTYPE;
  const lookUp = lookedUp(view, lookupsOf(options, elementsToSort(value, options, pages)));
  return sortRecord(record, options, pages, lookUp);
}

const DIFFERENCE = `BY and GET may name ${limits.transactionRecords} keys in all. ALPHA compares bytes, as Redis does in the C locale. A sorted set keeps its encoding.`;

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
    handler: { kind: 'atomic', parse: parseSort('sort') },
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
    handler: { kind: 'atomic', parse: parseSort('sort_ro') },
    difference: DIFFERENCE,
  },
];
