import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { append, readAll, readRange, stringFromBytes, stringLength, writeRange } from './paged-string.ts';
import type { StringLayout } from './string-tree.ts';
import { layoutCapacityBytes } from './string-tree.ts';
import { PageWorld } from './testing/page-world.ts';
import type { PageAccess, StringValue } from './value.ts';
import { NeedPages, ValueType } from './value.ts';
import { diffPages, listPages, pagesOfBallot } from './value-pages.ts';

const tiny: StringLayout = { inlineValueBytes: 10, pageBytes: 8, pageFanout: 4, rootFanout: 3 };
const wideRoot: StringLayout = { inlineValueBytes: 20, pageBytes: 4, pageFanout: 3, rootFanout: 8 };
const noInline: StringLayout = { inlineValueBytes: 0, pageBytes: 1, pageFanout: 5, rootFanout: 6 };

/** Nothing in memory, nothing may be written. */
const empty: PageAccess = {
  read(id) {
    throw new NeedPages([id]);
  },
  write() {
    throw new Error('writes a page');
  },
};

function modelWrite(model: Buffer, offset: number, bytes: Buffer): Buffer {
  if (bytes.length === 0) return model;
  const result = Buffer.alloc(Math.max(model.length, offset + bytes.length));
  model.copy(result);
  bytes.copy(result, offset);
  return result;
}

function readBack(world: PageWorld, value: StringValue, layout: StringLayout): Buffer {
  return Buffer.concat(world.run((pages) => readAll(value, pages, layout)).result);
}

type Step =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'append'; readonly bytes: Buffer }
  | { readonly kind: 'set'; readonly bytes: Buffer };

function stepsArbitrary(layout: StringLayout): fc.Arbitrary<Step[]> {
  const capacity = layoutCapacityBytes(layout);
  const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));
  const at = fc.nat(capacity - 1);
  return fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('write' as const), at, bytes: bytes(20) }),
      fc.record({ kind: fc.constant('append' as const), bytes: bytes(12) }),
      fc.record({ kind: fc.constant('set' as const), bytes: bytes(capacity) }),
    ),
    { maxLength: 12 },
  );
}

/** Runs a step, cut to what fits, and checks everything that must hold after it. */
function checkedStep(world: PageWorld, layout: StringLayout, value: StringValue | null, model: Buffer, step: Step) {
  const capacity = layoutCapacityBytes(layout);
  const offset = step.kind === 'write' ? step.at : step.kind === 'append' ? model.length : 0;
  const bytes = step.bytes.subarray(0, capacity - offset);
  const run = world.run((pages) => {
    if (step.kind === 'set') return stringFromBytes(bytes, pages, layout);
    if (step.kind === 'append') return append(value, bytes, pages, layout);
    return writeRange(value, offset, bytes, pages, layout);
  });
  const expected = step.kind === 'set' ? bytes : modelWrite(model, offset, bytes);
  expect(run.loads).toBeLessThanOrEqual(2);
  expect(stringLength(run.result)).toBe(expected.length);
  if (!run.result.paged) expect(expected.length).toBeLessThanOrEqual(layout.inlineValueBytes);
  expect(readBack(world, run.result, layout).equals(expected)).toBe(true);

  const before = value === null ? [] : world.run((pages) => listPages(value, pages, layout)).result;
  const after = world.run((pages) => listPages(run.result, pages, layout)).result;
  expect(new Set(after).size).toBe(after.length);
  const added = after.filter((id) => !before.includes(id)).sort();
  expect(run.written.toSorted()).toEqual(added);
  const ofBallot = world.run((pages) => pagesOfBallot(run.result, run.ballot, pages, layout)).result.ids;
  expect(ofBallot.toSorted()).toEqual(added);
  const difference = world.run((pages) => diffPages(value, run.result, pages, layout));
  expect(difference.loads).toBeLessThanOrEqual(1);
  expect(difference.result.added.toSorted()).toEqual(added);
  expect(difference.result.dropped.toSorted()).toEqual(before.filter((id) => !after.includes(id)).sort());
  return { value: run.result, model: expected };
}

describe.each([
  ['tiny', tiny],
  ['with a root wider than a page', wideRoot],
  ['with pages of one byte', noInline],
])('strings against a plain buffer, layout %s', (_name, layout) => {
  it('read and write the same, share pages, and leave older values as they were', () => {
    fc.assert(
      fc.property(stepsArbitrary(layout), fc.nat(120), fc.nat(120), (steps, a, b) => {
        const world = new PageWorld();
        let value: StringValue | null = null;
        let model: Buffer = Buffer.alloc(0);
        const history: { value: StringValue; model: Buffer }[] = [];
        for (const step of steps) {
          const next = checkedStep(world, layout, value, model, step);
          ({ value, model } = next);
          history.push(next);
          const range = world.run((pages) => readRange(next.value, a - 10, b, pages, layout));
          expect(Buffer.concat(range.result).equals(model.subarray(Math.max(0, a - 10), Math.max(0, b)))).toBe(true);
          expect(range.result.every((piece) => piece.length > 0)).toBe(true);
          expect(range.loads).toBeLessThanOrEqual(2);
        }
        for (const old of history) expect(readBack(world, old.value, layout).equals(old.model)).toBe(true);
      }),
      { numRuns: 120 },
    );
  });
});

describe('what a change costs', () => {
  /** 102,400 bytes in 1,600 leaves below 25 inner pages of 64: the shape of 100 MB. */
  const layout: StringLayout = { inlineValueBytes: 32, pageBytes: 64, pageFanout: 64, rootFanout: 64 };
  const world = new PageWorld();
  const content = Buffer.alloc(102_400 - 10, 0x61);
  const big = world.run((pages) => stringFromBytes(content, pages, layout)).result;

  it('the shape is as said', () => {
    expect(big.paged && big.depth).toBe(1);
    expect(world.disk.size).toBe(1_600 + 25);
  });

  it('an append within a leaf: that leaf and the inner page above it', () => {
    const run = world.run((pages) => append(big, Buffer.from('tail'), pages, layout));
    expect(run.written).toHaveLength(2);
    expect(run.read.size).toBe(2);
    expect(run.loads).toBe(2);
    const difference = world.run((pages) => diffPages(big, run.result, pages, layout));
    expect(difference.result.added).toHaveLength(2);
    expect(difference.result.dropped).toHaveLength(2);
    expect(difference.read.size).toBe(2);
  });

  it('an append at the end of a full leaf: a new leaf, and no leaf read', () => {
    const full = world.run((pages) => append(big, Buffer.alloc(10), pages, layout)).result;
    const run = world.run((pages) => append(full, Buffer.from('x'), pages, layout));
    expect(run.written).toHaveLength(2);
    expect(run.read.size).toBe(0);
  });

  it('a whole leaf written over: not read', () => {
    const run = world.run((pages) => writeRange(big, 640, Buffer.alloc(64, 1), pages, layout));
    expect(run.written).toHaveLength(2);
    expect(run.read.size).toBe(1);
  });

  it('one byte in the middle: one leaf and one inner page', () => {
    const run = world.run((pages) => writeRange(big, 50_000, Buffer.from('!'), pages, layout));
    expect(run.written).toHaveLength(2);
    expect(run.read.size).toBe(2);
    const expected = Buffer.from(content);
    expected[50_000] = 0x21;
    expect(readBack(world, run.result, layout).equals(expected)).toBe(true);
  });

  it('a small range: one leaf, found in two loads; everything: in two loads as well', () => {
    const small = world.run((pages) => readRange(big, 50_000, 50_002, pages, layout));
    expect(small.read.size).toBe(2);
    expect(small.loads).toBe(2);
    const all = world.run((pages) => readAll(big, pages, layout));
    expect(all.loads).toBe(2);
    expect(all.read.size).toBe(1_625);
  });

  it('a gap: holes, not pages', () => {
    const run = world.run((pages) => writeRange(null, 200_000, Buffer.from('end'), pages, layout));
    expect(run.written).toHaveLength(2);
    const all = readBack(world, run.result, layout);
    expect(all.length).toBe(200_003);
    expect(all.subarray(0, 200_000).equals(Buffer.alloc(200_000))).toBe(true);
    const zeros = world.run((pages) => readRange(run.result, 0, 100_000, pages, layout));
    expect(zeros.read.size).toBe(0);
  });

  it('a short string that grows far: its own leaf, the new one, and their inner pages', () => {
    const run = world.run((pages) =>
      writeRange(stringFromBytes(Buffer.from('start'), pages, layout), 200_000, Buffer.from('end'), pages, layout),
    );
    expect(run.written).toHaveLength(4);
    expect(readBack(world, run.result, layout).toString('latin1', 0, 6)).toBe('start\0');
  });
});

describe('the real layout', () => {
  it('holds the longest string', () => {
    expect(layoutCapacityBytes(limits)).toBeGreaterThanOrEqual(limits.maxStringBytes);
    const run = new PageWorld().run((pages) => writeRange(null, limits.maxStringBytes - 1, Buffer.from('x'), pages));
    expect(stringLength(run.result)).toBe(limits.maxStringBytes);
    expect(run.written).toHaveLength(2);
  });

  it('keeps short strings inline and puts longer ones into pages', () => {
    const world = new PageWorld();
    const short = Buffer.alloc(limits.inlineValueBytes, 1);
    expect(stringFromBytes(short, empty)).toEqual({ type: ValueType.string, paged: false, bytes: short });
    const grown = world.run((pages) => append(stringFromBytes(short, pages), Buffer.from('x'), pages));
    expect(grown.result.paged).toBe(true);
    expect(grown.written).toHaveLength(1);
    expect(readBack(world, grown.result, limits).equals(Buffer.concat([short, Buffer.from('x')]))).toBe(true);
  });
});

describe('edges', () => {
  it('nothing written changes nothing', () => {
    const value = stringFromBytes(Buffer.from('abc'), empty);
    expect(writeRange(value, 100, Buffer.alloc(0), empty)).toBe(value);
    expect(stringLength(append(null, Buffer.alloc(0), empty))).toBe(0);
  });

  it('empty and outside ranges are empty', () => {
    const value = stringFromBytes(Buffer.from('abc'), empty);
    expect(readRange(value, 3, 9, empty)).toEqual([]);
    expect(readRange(value, 2, 2, empty)).toEqual([]);
    expect(readRange(value, 2, 1, empty)).toEqual([]);
    expect(Buffer.concat(readRange(value, -5, 99, empty)).toString()).toBe('abc');
  });

  it('a value of which only the metadata is here is refused', () => {
    const unloaded: StringValue = { type: ValueType.string, paged: false, bytes: null };
    expect(() => stringLength(unloaded)).toThrow('only the metadata');
    expect(() => readAll(unloaded, empty)).toThrow('only the metadata');
    expect(() => append(unloaded, Buffer.from('x'), empty)).toThrow('only the metadata');
  });

  it('what does not fit is refused', () => {
    const capacity = layoutCapacityBytes(tiny);
    expect(() => writeRange(null, capacity, Buffer.from('x'), empty, tiny)).toThrow('does not fit');
    expect(() => writeRange(null, -20, Buffer.alloc(40), empty, tiny)).toThrow('does not fit');
  });

  it('a malformed inner page is a broken invariant', () => {
    const world = new PageWorld();
    const { result, written } = world.run((pages) => stringFromBytes(Buffer.alloc(90, 1), pages, tiny));
    for (const bytes of [Buffer.alloc(15), Buffer.alloc(16 * (tiny.pageFanout + 1))]) {
      for (const id of written.slice(-3)) world.disk.set(id, bytes);
      expect(() => readBack(world, result, tiny)).toThrow('an inner page lists whole page ids');
    }
  });

  it('other errors of the page access pass through', () => {
    const world = new PageWorld();
    const { result } = world.run((pages) => stringFromBytes(Buffer.alloc(90, 1), pages, tiny));
    const failing: PageAccess = {
      ...empty,
      read() {
        throw new Error('no disk');
      },
    };
    expect(() => readAll(result, failing, tiny)).toThrow('no disk');
  });
});
