import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageWorld } from './testing/page-world.ts';
import { checkedElements } from './testing/tree-check.ts';
import { TreeBuilder } from './tree-builder.ts';
import { TreeEditor } from './tree-editor.ts';
import type { TreeLayout } from './tree-node.ts';
import type { Tree } from './value.ts';

const tiny: TreeLayout = { treeLeafBytes: 120, treePageBytes: 120, treeRootBytes: 90, treeBigValueBytes: 12 };
const NO_BYTES = Buffer.alloc(0);

/** Values of one length, but for those that are `odd`. */
function built(world: PageWorld, count: number, odd: ReadonlySet<number>): { tree: Tree; model: string[] } {
  const model = Array.from({ length: count }, (_, i) => `${i}`.padStart(odd.has(i) ? 20 : 6, '.'));
  const { result } = world.run((pages) => {
    const builder = new TreeBuilder(pages, tiny);
    for (const text of model) builder.add(NO_BYTES, Buffer.from(text));
    return builder.finish();
  });
  return { tree: result, model };
}

function textsOf(world: PageWorld, tree: Tree): string[] {
  return world.run((pages) => checkedElements(tree, tiny, pages)).result.map(([, text]) => text);
}

describe('removing many elements', () => {
  it('keeps a range, and reads no node that goes whole', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.nat(600), fc.nat(600), (count, a, b) => {
        const from = Math.min(a, b, count);
        const to = Math.min(Math.max(a, b), count);
        const world = new PageWorld(false);
        // Of one length, so that what is reckoned is exact.
        const { tree, model } = built(world, count, new Set());
        const run = world.run((pages) => {
          const editor = new TreeEditor(tree, pages, tiny);
          editor.keep(from, to);
          return editor.finish();
        });
        expect(textsOf(world, run.result)).toEqual(model.slice(from, to));
        expect(run.read.size).toBeLessThanOrEqual(4 * (tree.depth + 1));
      }),
      { numRuns: 60 },
    );
  });

  it('reckons the bytes of what it does not read, and is exact again when all is in the root', () => {
    const world = new PageWorld(false);
    const odd = new Set(Array.from({ length: 200 }, (_, i) => i));
    const { tree } = built(world, 400, odd);
    const keep = (from: number, to: number): Tree =>
      world.run((pages) => {
        const editor = new TreeEditor(tree, pages, tiny);
        editor.keep(from, to);
        return editor.finish();
      }).result;
    const half = keep(200, 400);
    expect(half.bytes).toBeGreaterThan(0);
    expect(half.count).toBe(200);
    expect(keep(395, 400)).toMatchObject({ depth: 0, bytes: 30, count: 5 });
    expect(keep(7, 7)).toMatchObject({ depth: 0, bytes: 0, count: 0 });
  });

  it('removes any ranks', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.array(fc.nat(499)), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(cases, ([count, some, every]) => {
        const world = new PageWorld(false);
        const { tree, model } = built(world, count, new Set(some));
        const gone = new Set(some.filter((rank) => rank < count));
        for (let rank = 0; rank < count; rank += every) gone.add(rank);
        const ranks = [...gone].sort((a, b) => a - b);
        const { result } = world.run((pages) => {
          const editor = new TreeEditor(tree, pages, tiny);
          editor.deleteRanks(ranks);
          return editor.finish();
        });
        expect(textsOf(world, result)).toEqual(model.filter((_, rank) => !gone.has(rank)));
      }),
      { numRuns: 60 },
    );
  });
});
