import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { appendPiece, pieceCount, readPiece } from './element-pieces.ts';
import { PageWorld } from './testing/page-world.ts';
import { EMPTY_TREE } from './tree.ts';
import { encodeElement } from './tree-node.ts';
import type { Tree } from './value.ts';

function piece(count: number, hasKeys: boolean): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) =>
      encodeElement(
        Buffer.from(hasKeys ? String(i).padStart(5, '0') : ''),
        Buffer.alloc(i % 90 === 7 ? 200_000 : i % 30, i),
        false,
      ),
    ),
  );
}

describe.each([true, false])('a piece (keys: %s)', (hasKeys) => {
  it('gives back what was put into a tree', () => {
    const whole = piece(2_000, hasKeys);
    expect(pieceCount(whole)).toBe(2_000);
    const world = new PageWorld(false);
    const put = (tree: Tree, bytes: Buffer, skipped: number): Tree =>
      world.run((pages) => appendPiece(tree, bytes, skipped, pages)).result;
    const read = (tree: Tree, to: number): Buffer => world.run((pages) => readPiece(tree, 0, to, pages)).result;
    const tree = put(EMPTY_TREE, whole, 0);
    expect(tree).toMatchObject({ count: 2_000, depth: 1 });
    expect(read(tree, 2_000).equals(whole)).toBe(true);
    const start = read(tree, 500);
    expect(start.equals(whole.subarray(0, start.length))).toBe(true);
    expect(read(put(put(EMPTY_TREE, start, 0), whole, 500), 2_000).equals(whole)).toBe(true);
  });
});

describe('the count of a piece', () => {
  it('is none where the bytes are something else', () => {
    const two = piece(2, true);
    expect(pieceCount(Buffer.alloc(0))).toBe(0);
    for (let length = 1; length < two.length; length++) {
      expect(pieceCount(two.subarray(0, length))).toBe(length === piece(1, true).length ? 1 : null);
    }
    expect(pieceCount(encodeElement(Buffer.from('k'), Buffer.alloc(26), true))).toBeNull();
    expect(pieceCount(encodeElement(Buffer.alloc(limits.treeKeyBytes + 1), Buffer.alloc(0), false))).toBeNull();
    expect(pieceCount(Buffer.alloc(20, 255))).toBeNull();
  });
});
