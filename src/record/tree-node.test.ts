import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemCursor, packedCount, packedEncoding, packItems, spliceItems } from './packed-items.ts';
import { CountedPages } from './testing/tree-check.ts';
import { EMPTY_TREE } from './tree.ts';
import { TreeBuilder } from './tree-builder.ts';
import { TreeEditor } from './tree-editor.ts';
import {
  bigString,
  boundBetween,
  encodeInnerNode,
  InnerCursor,
  LeafCursor,
  varintLength,
  writeVarint,
} from './tree-node.ts';
import { Encoding } from './value.ts';

const text = (bytes: Buffer): string => bytes.toString('latin1');

describe('a tree node', () => {
  it('has pinned bytes as a leaf', () => {
    const editor = new TreeEditor(EMPTY_TREE, new CountedPages());
    editor.put(Buffer.from('b'), Buffer.from('two'));
    editor.put(Buffer.from('a'), Buffer.from(''));
    editor.put(Buffer.from('c'), Buffer.alloc(1_025, 'x'));
    expect(editor.finish().root.toString('hex')).toBe(
      [
        '016100', // 'a', nothing
        '016206' + '74776f', // 'b', three bytes
        '0163' + '35', // 'c', a big value described in 26 bytes
        `00000000000004010001${'30'.repeat(16)}`,
      ].join(''),
    );
  });

  it('has pinned bytes as an inner node', () => {
    const children = [
      { bound: Buffer.alloc(0), id: 'A'.repeat(16), count: 5, hasBig: false },
      { bound: Buffer.from('m'), id: 'B'.repeat(16), count: 300, hasBig: true },
    ];
    const bytes = encodeInnerNode(children);
    expect(bytes.toString('hex')).toBe(`${'41'.repeat(16)}0a00${'42'.repeat(16)}d904016d`);
    const cursor = new InnerCursor(bytes);
    const found = [];
    while (cursor.next()) {
      const { bound, id, count, hasBig } = cursor;
      found.push({ bound: Buffer.from(bound), id, count, hasBig });
    }
    expect(found).toEqual(children);
  });

  it('describes big values as strings in pages', () => {
    const pages = new CountedPages();
    const builder = new TreeBuilder(pages);
    builder.add(Buffer.from('k'), Buffer.alloc(200_000, 'v'));
    const tree = builder.finish();
    expect(tree).toMatchObject({ count: 1, bytes: 200_001, depth: 0 });
    const cursor = new LeafCursor(tree.root);
    expect(cursor.next()).toBe(true);
    expect(cursor.elementBytes).toBe(200_001);
    expect(bigString(cursor.stored)).toMatchObject({ length: 200_000, depth: 0 });
    expect(bigString(cursor.stored).root.length).toBe(4);
  });

  it('is split between keys by as few bytes as tell them apart', () => {
    const key = fc.uint8Array({ maxLength: 6, max: 3 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(key, key, (a, b) => {
        fc.pre(a.compare(b) < 0);
        const bound = boundBetween(a, b);
        expect(a.compare(bound)).toBeLessThan(0);
        expect(bound.compare(b)).toBeLessThanOrEqual(0);
        expect(a.compare(bound.subarray(0, -1))).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('writes whole numbers in as many bytes as announced', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = Buffer.alloc(8);
        expect(writeVarint(bytes, 0, value)).toBe(varintLength(value));
      }),
    );
  });
});

describe('packed items', () => {
  const items = ['', 'a', 'x'.repeat(300)].map((item) => Buffer.from(item));

  it('have pinned bytes', () => {
    const packed = packItems(Encoding.intset, 2, [Buffer.from('1'), Buffer.from('-20')]);
    expect(packed.toString('hex')).toBe('0300000002' + '0131' + '032d3230');
    expect([packedEncoding(packed), packedCount(packed)]).toEqual([Encoding.intset, 2]);
  });

  it('are read again, and replaced in place', () => {
    const packed = packItems(Encoding.listpack, 3, items);
    const cursor = new ItemCursor(packed);
    const found: string[] = [];
    let middle = [0, 0];
    while (cursor.next()) {
      if (cursor.is(Buffer.from('a'))) middle = [cursor.start, cursor.end];
      found.push(text(cursor.item));
    }
    expect(found).toEqual(items.map(text));
    const replaced = spliceItems(packed, middle[0] ?? 0, middle[1] ?? 0, [Buffer.from('bb'), Buffer.from('c')], 4);
    const [first = Buffer.alloc(0), , last = Buffer.alloc(0)] = items;
    expect(replaced).toEqual(packItems(Encoding.listpack, 4, [first, Buffer.from('bb'), Buffer.from('c'), last]));
  });
});
