import { type CollectionValue, Encoding, type PageAccess } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { KeyedStep } from '../command.ts';
import { defaultConfigValues } from '../config-values.ts';
import type { Session } from '../session.ts';
import { KeyedEdit } from '../values/keyed-edit.ts';
import {
  argumentsFrom,
  changesNothing,
  EMPTY_SET,
  encodeElements,
  type KeyedChange,
  KeyedReadStep,
  KeyedWriteStep,
  SET,
} from '../values/keyed-steps.ts';
import { KeyedView } from '../values/keyed-view.ts';
import { RandomPicks } from '../values/random-picks.ts';
import { seedOf } from './keyed-random.ts';
import { argument } from './keyed-row.ts';

const NOT_POSITIVE = new ErrorReply('ERR value is out of range, must be positive');
const NO_BYTES = Buffer.alloc(0);
/** Redis makes a new set of what remains where it is less than a fifth of what is taken. */
const MOVE_RATIO = 5;

export function editSet(value: CollectionValue | null, changes: number, pages: PageAccess): KeyedEdit {
  return new KeyedEdit(SET.type, SET.width, value, Encoding.intset, changes, pages);
}

/** Adds a member: an intset ends with the first that is no integer, or with one too many. */
export function addMember(edit: KeyedEdit, member: Buffer, maxIntset: number): boolean {
  if (edit.encoding === Encoding.intset && parseInteger(member) === null) edit.encoding = Encoding.hashtable;
  const isNew = edit.set(member, NO_BYTES);
  if (edit.encoding === Encoding.intset && edit.count > maxIntset) edit.encoding = Encoding.hashtable;
  return isNew;
}

export function maxIntsetOf(session: Session | undefined): number {
  return session?.proxy.config.setMaxIntsetEntries ?? defaultConfigValues().setMaxIntsetEntries;
}

export function parseSadd(args: readonly Buffer[], session?: Session): KeyedStep {
  const maxIntset = maxIntsetOf(session);
  const step = new KeyedWriteStep(SET, (value, pages) => {
    const edit = editSet(value, args.length - 2, pages);
    const members = argumentsFrom(args, 2);
    edit.need(members);
    let added = 0;
    for (const member of members) if (addMember(edit, member, maxIntset)) added++;
    return added === 0 ? changesNothing(0) : { reply: added, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

export function parseSrem(args: readonly Buffer[]): KeyedStep {
  const step = new KeyedWriteStep(SET, (value, pages) => {
    if (value === null) return changesNothing(0);
    const edit = editSet(value, args.length - 2, pages);
    const members = argumentsFrom(args, 2);
    edit.need(members);
    let removed = 0;
    for (const member of members) if (edit.delete(member)) removed++;
    return removed === 0 ? changesNothing(0) : { reply: removed, value: edit.finish() };
  });
  return { key: argument(args, 1), step };
}

export function parseSismember(args: readonly Buffer[]): KeyedStep {
  const member = argument(args, 2);
  return { key: argument(args, 1), step: new KeyedReadStep(SET, 0, (view) => (view.has(member) ? 1 : 0)) };
}

export function parseSmismember(args: readonly Buffer[]): KeyedStep {
  const members = argumentsFrom(args, 2);
  const step = new KeyedReadStep(
    SET,
    members.map(() => 0),
    (view) => {
      view.need(members);
      return members.map((member) => (view.has(member) ? 1 : 0));
    },
  );
  return { key: argument(args, 1), step };
}

/** SPOP key [count] */
export function parseSpop(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  if (args.length > 3) return SYNTAX_ERROR;
  const key = argument(args, 1);
  const seed = seedOf(session);
  if (args.length === 2) {
    const step = new KeyedWriteStep(SET, (value, pages) =>
      value === null ? changesNothing(null) : popOne(value, seed, pages),
    );
    return { key, step };
  }
  const count = parseInteger(argument(args, 2));
  if (count === null || count < 0) return NOT_POSITIVE;
  const maxIntset = maxIntsetOf(session);
  const step = new KeyedWriteStep(SET, (value, pages) =>
    value === null || Number(count) === 0
      ? changesNothing(EMPTY_SET)
      : popMany(value, Number(count), seed, maxIntset, pages),
  );
  return { key, step };
}

function popOne(value: CollectionValue, seed: number, pages: PageAccess): KeyedChange {
  const view = new KeyedView(value, SET.width, pages);
  const [element] = view.at([new RandomPicks(seed).below(view.count)]);
  if (element === undefined) return changesNothing(null);
  const edit = editSet(value, 1, pages);
  edit.delete(element.name);
  return { reply: element.name, value: edit.finish() };
}

function popMany(
  value: CollectionValue,
  count: number,
  seed: number,
  maxIntset: number,
  pages: PageAccess,
): KeyedChange {
  const view = new KeyedView(value, SET.width, pages);
  const ranks = new RandomPicks(seed).distinct(Math.min(count, view.count), view.count);
  const elements = view.at(ranks);
  const reply = encodeElements(elements, 'set', false);
  const remaining = view.count - elements.length;
  if (remaining === 0) return { reply, value: null };
  if (remaining * MOVE_RATIO > count) {
    const edit = editSet(value, elements.length, pages);
    edit.need(elements.map(({ name }) => name));
    for (const { name } of elements) edit.delete(name);
    return { reply, value: edit.finish() };
  }
  const taken = new Set(elements.map(({ name }) => name.toString('latin1')));
  const edit = editSet(null, remaining, pages);
  view.visit((name) => {
    if (!taken.has(name.toString('latin1'))) addMember(edit, name, maxIntset);
  });
  return { reply, value: edit.finish() };
}
