import { limits } from '../../base/limits.ts';
import { PACKED_HEADER_BYTES, packedItemLength, packItems } from '../../record/packed-items.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import {
  type CollectionValue,
  Encoding,
  type FieldTimes,
  type PageAccess,
  type Tree,
  ValueType,
} from '../../record/value.ts';
import { encodeTime, type TimedField, timedKeyOf, timedValueOf } from './hash-times.ts';
import { toTree } from './keyed-edit.ts';
import { treeKeyOf, treeValueOf } from './keyed-elements.ts';

/** A hash of these fields, which differ, in their order but that those that expire come first; null of none. */
export function hashOfFields(
  fields: readonly TimedField[],
  encoding: Encoding,
  pages: PageAccess,
): CollectionValue | null {
  if (fields.length === 0) return null;
  const timed = fields.filter(({ timeMs }) => timeMs !== 0).sort((a, b) => a.timeMs - b.timeMs);
  const plain = fields.filter(({ timeMs }) => timeMs === 0);
  const items: Buffer[] = [];
  for (const { name, value, timeMs } of timed) items.push(name, value, encodeTime(timeMs));
  for (const { name, value } of plain) {
    items.push(name, value);
    if (timed.length > 0) items.push(encodeTime(0));
  }
  let bytes = PACKED_HEADER_BYTES;
  for (const item of items) bytes += packedItemLength(item);
  const isTable = encoding === Encoding.hashtable;
  const isLarge = bytes > (isTable ? limits.inlineTableBytes : limits.inlineListBytes);
  const [first] = timed;
  if (first === undefined) {
    if (isLarge) return toTree(ValueType.hash, plain, pages);
    return { type: ValueType.hash, paged: false, bytes: packItems(encoding, fields.length, items) };
  }
  const vanishesAtMs = plain.length > 0 ? 0 : (timed.at(-1)?.timeMs ?? 0);
  const fieldTimes = { soonestMs: first.timeMs, vanishesAtMs };
  if (isLarge) return hashInTrees(treesOfFields(timed, plain, pages), fieldTimes);
  return { type: ValueType.hash, paged: false, bytes: packItems(encoding, fields.length, items), fieldTimes };
}

/** The trees of a hash some of whose fields expire: those that do not, the times by field, the values by time. */
export type HashTrees = readonly [plain: Tree, fields: Tree, times: Tree];

export function hashInTrees(trees: HashTrees, fieldTimes: FieldTimes): CollectionValue {
  const [plain, , times] = trees;
  const length = plain.bytes + times.bytes;
  return { type: ValueType.hash, paged: true, encoding: Encoding.hashtable, length, trees, fieldTimes };
}

function treesOfFields(timed: readonly TimedField[], plain: readonly TimedField[], pages: PageAccess): HashTrees {
  return [
    treeOf(
      plain.map(({ name, value }) => ({ key: treeKeyOf(name), value: treeValueOf(name, value) })),
      pages,
    ),
    treeOf(
      timed.map(({ name, timeMs }) => ({ key: treeKeyOf(name), value: treeValueOf(name, encodeTime(timeMs)) })),
      pages,
    ),
    treeOf(
      timed.map(({ name, value, timeMs }) => ({ key: timedKeyOf(name, timeMs), value: timedValueOf(name, value) })),
      pages,
    ),
  ];
}

function treeOf(elements: { readonly key: Buffer; readonly value: Buffer }[], pages: PageAccess): Tree {
  const builder = new TreeBuilder(pages);
  for (const { key, value } of elements.sort((a, b) => a.key.compare(b.key))) builder.add(key, value);
  return builder.finish();
}
