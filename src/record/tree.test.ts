import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { PageWorld } from './testing/page-world.ts';
import { CountedPages, checkedElements } from './testing/tree-check.ts';
import { EMPTY_TREE, elementAt, findInTree, needKeys, placeInTree, visitTree, visitTreeBackwards } from './tree.ts';
import { TreeBuilder } from './tree-builder.ts';
import { TreeEditor } from './tree-editor.ts';
import { readBig, type TreeLayout } from './tree-node.ts';
import { Encoding, type Tree, type Value, ValueType } from './value.ts';
import { diffPages, knownDropped, listPages, pagesOfBallot, rootPageIds } from './value-pages.ts';

const tiny: TreeLayout = { treeLeafBytes: 120, treePageBytes: 120, treeRootBytes: 90, treeBigValueBytes: 12 };

type Op = { readonly put: boolean; readonly key: string; readonly value: string };

const opArbitrary: fc.Arbitrary<Op> = fc.record({
  put: fc.boolean(),
  key: fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.nat(400).map(String),
    fc.nat(3000).map((n) => `same-prefix-${n}`),
  ),
  value: fc.oneof(
    { weight: 9, arbitrary: fc.string({ maxLength: 8 }) },
    { weight: 1, arbitrary: fc.string({ maxLength: 40 }) },
  ),
});

function asValue(tree: Tree): Value {
  return { type: ValueType.hash, paged: true, encoding: Encoding.hashtable, length: tree.bytes, trees: [tree] };
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function sorted(model: ReadonlyMap<string, string>): (readonly [string, string])[] {
  return [...model].sort(([a], [b]) => bytesOf(a).compare(bytesOf(b)));
}

/** Applies a batch in one attempt; checks tree, pages and differences. */
function applyBatch(world: PageWorld, tree: Tree, model: Map<string, string>, batch: readonly Op[]): Tree {
  const run = world.run((pages) => {
    needKeys(
      tree,
      batch.map(({ key }) => bytesOf(key)),
      pages,
    );
    const editor = new TreeEditor(tree, pages, tiny);
    const answers = batch.map(({ put, key, value }) =>
      put ? editor.put(bytesOf(key), bytesOf(value)) : editor.delete(bytesOf(key)),
    );
    return { answers, tree: editor.finish() };
  });
  const expected = batch.map(({ put, key, value }) => {
    const had = model.has(key);
    if (put) model.set(key, value);
    else model.delete(key);
    return put ? !had : had;
  });
  expect(run.result.answers).toEqual(expected);
  const next = run.result.tree;
  expect(world.run((pages) => checkedElements(next, tiny, pages)).result).toEqual(sorted(model));
  const before = new Set(world.run((pages) => listPages(asValue(tree), pages)).result);
  const after = new Set(world.run((pages) => listPages(asValue(next), pages)).result);
  const difference = world.run((pages) => diffPages(asValue(tree), asValue(next), pages)).result;
  expect(new Set(difference.added)).toEqual(new Set([...after].filter((id) => !before.has(id))));
  expect(new Set(difference.dropped)).toEqual(new Set([...before].filter((id) => !after.has(id))));
  // With some of the old pages in memory only.
  for (const part of [2, 3, 5]) {
    const isThere = (id: string): boolean => difference.added.includes(id) || id.charCodeAt(7) % part !== 0;
    const known = knownDropped(asValue(tree), asValue(next), world.some(isThere));
    expect(difference.dropped).toEqual(expect.arrayContaining(known));
  }
  const shipped = world.run((pages) => pagesOfBallot(asValue(next), run.ballot, pages)).result;
  expect(new Set(shipped.ids)).toEqual(new Set(difference.added));
  expect(shipped.restsOnOthers).toBe([...after].some((id) => !difference.added.includes(id)));
  for (const id of rootPageIds(asValue(next))) expect(after.has(id)).toBe(true);
  return next;
}

describe('a tree by keys', () => {
  it('is a sorted map, batch after batch', () => {
    fc.assert(
      fc.property(fc.array(fc.array(opArbitrary, { minLength: 1, maxLength: 25 }), { maxLength: 12 }), (batches) => {
        const world = new PageWorld(false);
        const model = new Map<string, string>();
        let tree = EMPTY_TREE;
        for (const batch of batches) tree = applyBatch(world, tree, model, batch);
        const all = sorted(model);
        expect(tree.count).toBe(all.length);
        for (const [rank, [key, value]] of all.entries()) {
          const found = world.run((pages) => {
            const element = findInTree(tree, bytesOf(key), pages);
            if (element === null) return null;
            return element.isBig ? readBig(element.stored, pages) : element.stored;
          }).result;
          expect(found?.toString('latin1')).toBe(value);
          expect(world.run((pages) => placeInTree(tree, bytesOf(key), pages)).result).toEqual({ rank, isThere: true });
          expect(world.run((pages) => elementAt(tree, rank, pages).key.toString('latin1')).result).toBe(key);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('finds the place of keys that are not there', () => {
    const world = new PageWorld(false);
    const model = new Map<string, string>();
    let tree = EMPTY_TREE;
    for (let from = 0; from < 300; from += 50) {
      const batch = Array.from({ length: 50 }, (_, i) => ({ put: true, key: `k${(from + i) * 2}`, value: 'v' }));
      tree = applyBatch(world, tree, model, batch);
    }
    const keys = sorted(model).map(([key]) => key);
    for (const probe of ['', 'a', 'k', 'k1', 'k333', 'k99', 'z']) {
      const rank = keys.filter((key) => bytesOf(key).compare(bytesOf(probe)) < 0).length;
      const place = world.run((pages) => placeInTree(tree, bytesOf(probe), pages)).result;
      expect(place, probe).toEqual({ rank, isThere: keys.includes(probe) });
    }
  });

  it('visits ranges both ways, asking for pages once a level', () => {
    const world = new PageWorld(false);
    const built = world.run((pages) => {
      const builder = new TreeBuilder(pages, tiny);
      for (let i = 0; i < 500; i++) builder.add(bytesOf(String(i).padStart(4, '0')), bytesOf(String(i)));
      return builder.finish();
    });
    const tree = built.result;
    expect(tree.depth).toBeGreaterThan(1);
    for (const [from, to] of [
      [0, 500],
      [17, 18],
      [250, 333],
      [499, 500],
      [7, 7],
      [0, 9999],
    ] as const) {
      const expected = Array.from({ length: 500 }, (_, i) => i).slice(from, to);
      const forwards: number[] = [];
      const run = world.run((pages) => {
        forwards.length = 0;
        visitTree(tree, from, to, pages, (element, rank) => {
          expect(Number(element.stored.toString())).toBe(rank);
          forwards.push(rank);
        });
      });
      expect(forwards).toEqual(expected);
      expect(run.loads).toBeLessThanOrEqual(tree.depth);
      const backwards: number[] = [];
      world.run((pages) => {
        backwards.length = 0;
        visitTreeBackwards(tree, from, to, pages, (_, rank) => backwards.push(rank));
      });
      expect(backwards).toEqual([...expected].reverse());
    }
  });

  it('becomes small again when nearly everything is deleted', () => {
    const world = new PageWorld(false);
    const keys = Array.from({ length: 400 }, (_, i) => `key-${i}`);
    let tree = applyBatch(
      world,
      EMPTY_TREE,
      new Map(),
      keys.map((key) => ({ put: true, key, value: 'v' })),
    );
    const model = new Map(keys.map((key) => [key, 'v']));
    const wide = world.run((pages) => listPages(asValue(tree), pages)).result.length;
    for (let from = 0; from < 396; from += 36) {
      tree = applyBatch(
        world,
        tree,
        model,
        keys.slice(from, from + 36).map((key) => ({ put: false, key, value: '' })),
      );
    }
    expect(wide).toBeGreaterThan(30);
    expect(tree).toMatchObject({ count: 4, depth: 0 });
  });
});

describe('what a change of a tree drops', () => {
  /** Makes a change with nothing in memory but what it asks for; what is known then, and what is so. */
  function dropsOf(world: PageWorld, tree: Tree, layout: TreeLayout, change: (editor: TreeEditor) => void) {
    const { result } = world.run((pages) => {
      const editor = new TreeEditor(tree, pages, layout);
      change(editor);
      const next = editor.finish();
      return { next, known: knownDropped(asValue(tree), asValue(next), pages) };
    });
    const { dropped } = world.run((pages) => diffPages(asValue(tree), asValue(result.next), pages)).result;
    return { known: new Set(result.known), dropped: new Set(dropped) };
  }

  function treeOf(world: PageWorld, count: number, layout: TreeLayout, makeValue: (i: number) => Buffer): Tree {
    return world.run((pages) => {
      const editor = new TreeEditor(EMPTY_TREE, pages, layout);
      for (let i = 0; i < count; i++) editor.put(bytesOf(`k${String(i).padStart(4, '0')}`), makeValue(i));
      return editor.finish();
    }).result;
  }

  it('is known beside a value that has inner pages, without those', () => {
    const world = new PageWorld(false);
    const isLong = (i: number): boolean => i === 50;
    const tree = treeOf(world, 100, limits, (i) => Buffer.alloc(isLong(i) ? 5_000_000 : 60, i));
    const { known, dropped } = dropsOf(world, tree, limits, (editor) => editor.put(bytesOf('k0051'), bytesOf('other')));
    expect(known.size).toBeGreaterThan(0);
    expect(known).toEqual(dropped);
    const replaced = dropsOf(world, tree, limits, (editor) => editor.put(bytesOf('k0050'), Buffer.alloc(60)));
    expect(replaced.known.size).toBeGreaterThan(known.size);
    expect([...replaced.known].every((id) => replaced.dropped.has(id))).toBe(true);
  });

  it('is known but for what is below nodes that go unread', () => {
    const world = new PageWorld(false);
    const tree = treeOf(world, 500, tiny, () => Buffer.alloc(20));
    expect(tree.depth).toBeGreaterThan(2);
    const { known, dropped } = dropsOf(world, tree, tiny, (editor) => editor.keep(100, 500));
    expect(known.size).toBeGreaterThan(tree.depth);
    expect([...known].every((id) => dropped.has(id))).toBe(true);
  });
});

describe('pages of larger leaves, made before', () => {
  const larger: TreeLayout = { ...tiny, treeLeafBytes: 2 * tiny.treeLeafBytes };
  const edit = fc.record({ kind: fc.constantFrom('put', 'put', 'delete', 'cut'), at: fc.nat(999), value: fc.nat(30) });

  it('are changed like any other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.array(fc.array(edit, { maxLength: 30 })), (count, batches) => {
        const world = new PageWorld(false);
        const keyOf = (i: number): string => `k${String(i).padStart(3, '0')}`;
        let model = new Map(Array.from({ length: count }, (_, i) => [keyOf(i * 3), 'v'.repeat(i % 9)]));
        let tree = world.run((pages) => {
          const builder = new TreeBuilder(pages, larger);
          for (const [key, value] of sorted(model)) builder.add(bytesOf(key), bytesOf(value));
          return builder.finish();
        }).result;
        for (const batch of batches) {
          const start = model;
          const run = world.run((pages) => {
            model = new Map(start);
            const editor = new TreeEditor(tree, pages, tiny);
            for (const { kind, at, value } of batch) {
              if (kind === 'put') {
                editor.put(bytesOf(keyOf(at)), bytesOf('x'.repeat(value)));
                model.set(keyOf(at), 'x'.repeat(value));
              } else if (kind === 'delete') {
                expect(editor.delete(bytesOf(keyOf(at)))).toBe(model.delete(keyOf(at)));
              } else {
                const ranks = Array.from({ length: model.size }, (_, i) => i).filter((i) => i % 40 === at % 40);
                const keys = sorted(model).map(([key]) => key);
                editor.deleteRanks(ranks);
                for (const rank of ranks) model.delete(keys[rank] ?? '');
              }
            }
            return editor.finish();
          });
          tree = run.result;
          expect(world.run((pages) => checkedElements(tree, larger, pages)).result).toEqual(sorted(model));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a tree by positions', () => {
  it('is an array', () => {
    const step = fc.record({
      kind: fc.constantFrom('insert', 'insert', 'set', 'delete'),
      at: fc.nat(1000),
      value: fc.string({ maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const world = new PageWorld(false);
        const model: string[] = [];
        let tree = EMPTY_TREE;
        for (let from = 0; from < steps.length; from += 10) {
          const start = [...model];
          tree = world.run((pages) => {
            model.splice(0, model.length, ...start);
            const editor = new TreeEditor(tree, pages, tiny);
            for (const { kind, at, value } of steps.slice(from, from + 10)) {
              const rank = at % (model.length + 1);
              if (kind === 'insert') {
                editor.insertAt(rank, bytesOf(value));
                model.splice(rank, 0, value);
              } else if (rank < model.length && kind === 'set') {
                editor.setAt(rank, bytesOf(value));
                model[rank] = value;
              } else if (rank < model.length) {
                editor.deleteAt(rank);
                model.splice(rank, 1);
              }
            }
            return editor.finish();
          }).result;
          const found = world.run((pages) => checkedElements(tree, tiny, pages)).result;
          expect(found.map(([, value]) => value)).toEqual(model);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps full pages where it grows at its end', () => {
    const pages = new CountedPages();
    const editor = new TreeEditor(EMPTY_TREE, pages);
    for (let i = 0; i < 20_000; i++) editor.insertAt(i, bytesOf('0123456789'));
    const tree = editor.finish();
    expect(pages.written).toBeLessThan((20_000 * 12 * 1.1) / limits.treeLeafBytes + 2);
    expect(tree.count).toBe(20_000);
  });
});

describe('a tree of 1,000,000 elements', () => {
  const COUNT = 1_000_000;
  const key = (i: number): Buffer => bytesOf(`member:${String(i * 2).padStart(8, '0')}`);

  it('touches at most 12 pages for one element', () => {
    const pages = new CountedPages();
    const builder = new TreeBuilder(pages);
    for (let i = 0; i < COUNT; i++) builder.add(key(i), bytesOf('value'));
    const tree = builder.finish();
    expect(tree.count).toBe(COUNT);
    expect(tree.depth).toBeLessThanOrEqual(3);
    const middle = key(123_456);
    const between = Buffer.concat([middle, bytesOf('x')]);
    const touched = (work: (editor: TreeEditor) => void): number => {
      pages.reset();
      const editor = new TreeEditor(tree, pages);
      work(editor);
      editor.finish();
      return pages.touched;
    };
    expect(touched((editor) => editor.put(middle, bytesOf('other')))).toBeLessThanOrEqual(12);
    expect(touched((editor) => editor.put(between, bytesOf('new')))).toBeLessThanOrEqual(12);
    expect(touched((editor) => editor.delete(middle))).toBeLessThanOrEqual(12);
    expect(touched((editor) => editor.deleteAt(777_777))).toBeLessThanOrEqual(12);
    expect(touched((editor) => editor.insertAt(COUNT, bytesOf('v')))).toBeLessThanOrEqual(12);
    for (const look of [
      () => expect(findInTree(tree, middle, pages)?.stored.toString()).toBe('value'),
      () => expect(placeInTree(tree, between, pages)).toEqual({ rank: 123_457, isThere: false }),
      () => expect(elementAt(tree, 999_999, pages).key).toEqual(key(999_999)),
    ]) {
      pages.reset();
      look();
      expect(pages.touched).toBeLessThanOrEqual(12);
    }
  });
});
