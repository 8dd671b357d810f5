import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountedPages } from '../../record/testing/tree-check.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import { type CollectionValue, Encoding, type PagedCollection, ValueType } from '../../record/value.ts';
import { SessionRunner, type ShownReply, shown } from '../testing/session-runner.ts';
import { isSmallList, ListEdit } from './list-edit.ts';
import { ListView } from './list-view.ts';

async function reply(session: SessionRunner, ...words: readonly string[]): Promise<ShownReply> {
  return shown((await session.runArguments(words.map((word) => Buffer.from(word, 'latin1')))) ?? null);
}

function form(session: SessionRunner, key: string): 'inline' | 'tree' | 'none' {
  const record = session.proxy.cluster.record(0, key);
  return record === null ? 'none' : record.value.paged ? 'tree' : 'inline';
}

function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `element-${from + i}`);
}

type Model = string[];
interface Action {
  readonly words: readonly string[];
  readonly run: (model: Model) => ShownReply;
}

const text = fc.oneof(
  { weight: 8, arbitrary: fc.nat(9).map((n) => `n${n}`) },
  { weight: 2, arbitrary: fc.constantFrom('', 'x'.repeat(1_100), 'y'.repeat(1_100), 'z'.repeat(70_000)) },
);
const many = fc.oneof(
  { weight: 6, arbitrary: fc.array(text, { minLength: 1, maxLength: 5 }) },
  { weight: 1, arbitrary: fc.nat(1_200).map((n) => numbered(n + 1)) },
);
const index = fc.oneof(fc.integer({ min: -12, max: 12 }), fc.integer({ min: -3_000, max: 3_000 }));

function rankOf(model: Model, at: number): number {
  return at < 0 ? model.length + at : at;
}

function slice(model: Model, start: number, stop: number): { from: number; to: number } {
  const from = Math.max(0, rankOf(model, start));
  return { from, to: Math.max(from, rankOf(model, stop) + 1) };
}

/** The ranks of `element`, from either end. */
function ranksOf(model: Model, element: string, isFromTail: boolean): number[] {
  const ranks = model.flatMap((one, rank) => (one === element ? [rank] : []));
  return isFromTail ? ranks.reverse() : ranks;
}

function removeAll(model: Model, ranks: readonly number[]): number {
  const gone = new Set(ranks);
  const kept = model.filter((_, rank) => !gone.has(rank));
  model.splice(0, model.length, ...kept);
  return gone.size;
}

const action: fc.Arbitrary<Action> = fc.oneof(
  many.map((values) => ({
    words: ['RPUSH', 'l', ...values],
    run: (model: Model): ShownReply => model.push(...values),
  })),
  many.map((values) => ({
    words: ['LPUSH', 'l', ...values],
    run: (model: Model): ShownReply => model.unshift(...values.toReversed()),
  })),
  fc.constant<Action>({ words: ['LPOP', 'l'], run: (model: Model): ShownReply => model.shift() ?? null }),
  fc.constant<Action>({ words: ['RPOP', 'l'], run: (model: Model): ShownReply => model.pop() ?? null }),
  fc.integer({ min: 1, max: 900 }).map((n) => ({
    words: ['RPOP', 'l', String(n)],
    run: (model: Model): ShownReply =>
      model.length === 0 ? null : model.splice(Math.max(0, model.length - n)).reverse(),
  })),
  fc.tuple(index, text).map(([at, value]) => ({
    words: ['LSET', 'l', String(at), value],
    run: (model: Model): ShownReply => {
      if (model.length === 0) return '-ERR no such key';
      const rank = rankOf(model, at);
      if (rank < 0 || rank >= model.length) return '-ERR index out of range';
      model[rank] = value;
      return '+OK';
    },
  })),
  index.map((at) => ({
    words: ['LINDEX', 'l', String(at)],
    run: (model: Model): ShownReply => model[rankOf(model, at)] ?? null,
  })),
  fc.tuple(index, index).map(([start, stop]) => ({
    words: ['LRANGE', 'l', String(start), String(stop)],
    run: (model: Model): ShownReply => {
      const { from, to } = slice(model, start, stop);
      return model.slice(from, to);
    },
  })),
  fc.tuple(index, index).map(([start, stop]) => ({
    words: ['LTRIM', 'l', String(start), String(stop)],
    run: (model: Model): ShownReply => {
      const { from, to } = slice(model, start, stop);
      model.splice(0, model.length, ...model.slice(from, to));
      return '+OK';
    },
  })),
  fc.tuple(fc.integer({ min: -3, max: 3 }), text).map(([count, value]) => ({
    words: ['LREM', 'l', String(count), value],
    run: (model: Model): ShownReply =>
      removeAll(model, ranksOf(model, value, count < 0).slice(0, count === 0 ? undefined : Math.abs(count))),
  })),
  fc.tuple(fc.boolean(), text, text).map(([before, pivot, value]) => ({
    words: ['LINSERT', 'l', before ? 'BEFORE' : 'AFTER', pivot, value],
    run: (model: Model): ShownReply => {
      if (model.length === 0) return 0;
      const rank = model.indexOf(pivot);
      if (rank < 0) return -1;
      model.splice(before ? rank : rank + 1, 0, value);
      return model.length;
    },
  })),
  fc.tuple(fc.boolean(), text).map(([isFromTail, value]) => ({
    words: ['LPOS', 'l', value, 'RANK', isFromTail ? '-1' : '1', 'COUNT', '0', 'MAXLEN', '1000'],
    run: (model: Model): ShownReply =>
      ranksOf(model, value, isFromTail).filter((rank) => (isFromTail ? rank >= model.length - 1_000 : rank < 1_000)),
  })),
  fc.constant<Action>({
    words: ['LMOVE', 'l', 'l', 'LEFT', 'RIGHT'],
    run: (model: Model): ShownReply => {
      const value = model.shift();
      if (value !== undefined) model.push(value);
      return value ?? null;
    },
  }),
);

describe('a list', () => {
  it('goes into a tree when it is large, and back when it is small', async () => {
    const session = new SessionRunner();
    await reply(session, 'RPUSH', 'l', ...numbered(500));
    expect(form(session, 'l')).toBe('inline');
    await reply(session, 'LPUSH', 'l', ...numbered(500));
    expect(form(session, 'l')).toBe('tree');
    expect(await reply(session, 'OBJECT', 'ENCODING', 'l')).toBe('quicklist');
    expect(await reply(session, 'LTRIM', 'l', '490', '509')).toBe('+OK');
    expect(form(session, 'l')).toBe('inline');
    expect(await reply(session, 'LRANGE', 'l', '8', '11')).toEqual([
      'element-1',
      'element-0',
      'element-0',
      'element-1',
    ]);
    expect(await reply(session, 'LPOP', 'l', '20')).toHaveLength(20);
    expect(form(session, 'l')).toBe('none');
  });

  it('is small by list-max-listpack-size', async () => {
    expect([-1, -2, -3, -4, -5, -9].map((fill) => isSmallList(9, 16_000, fill))).toEqual([
      ...[false, false, true, true, true, true],
    ]);
    expect([0, 1, 2, 3].map((fill) => isSmallList(2, 10, fill))).toEqual([false, false, true, true]);
    expect(isSmallList(2, 9_000, 5)).toBe(false);
    const session = new SessionRunner();
    await reply(session, 'CONFIG', 'SET', 'list-max-listpack-size', '-5');
    await reply(session, 'RPUSH', 'l', ...numbered(3_000));
    expect(form(session, 'l')).toBe('inline');
    await reply(session, 'CONFIG', 'SET', 'list-max-listpack-size', '-2');
    await reply(session, 'LPOP', 'l');
    expect(form(session, 'l')).toBe('inline');
    await reply(session, 'LSET', 'l', '0', 'other');
    expect(form(session, 'l')).toBe('tree');
  });

  it('is an array of any elements', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 40 }), async (actions) => {
        const session = new SessionRunner();
        const model: Model = [];
        for (const { words, run } of actions) {
          const expected = run(model);
          expect(await reply(session, ...words), words.slice(0, 6).join(' ').slice(0, 80)).toEqual(expected);
        }
        expect(await reply(session, 'LLEN', 'l')).toBe(model.length);
        await reply(session, 'COPY', 'l', 'copy');
        await reply(session, 'DEL', 'l');
        expect(await reply(session, 'LRANGE', 'copy', '0', '-1')).toEqual(model);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a list of 1,000,000 elements', () => {
  const COUNT = 1_000_000;

  it('touches at most 12 pages for one element, and does not read what it trims', () => {
    const pages = new CountedPages();
    const builder = new TreeBuilder(pages);
    const nothing = Buffer.alloc(0);
    for (let i = 0; i < COUNT; i++) builder.add(nothing, Buffer.from(`element:${i}`));
    const tree = builder.finish();
    const value: PagedCollection = {
      type: ValueType.list,
      paged: true,
      encoding: Encoding.quicklist,
      length: tree.bytes,
      trees: [tree],
    };
    const touched = (work: (edit: ListEdit, view: ListView) => void): number => {
      pages.reset();
      const edit = new ListEdit(value, pages, null);
      work(edit, new ListView(value, pages));
      edit.finish();
      return pages.touched;
    };
    const one = Buffer.from('one');
    for (const work of [
      (edit: ListEdit): void => edit.pushHead([one]),
      (edit: ListEdit): void => edit.pushTail([one]),
      (edit: ListEdit): void => edit.setAt(345_678, one),
      (edit: ListEdit): void => edit.insertAt(345_678, one),
      (edit: ListEdit): void => edit.deleteRanks([345_678]),
      (edit: ListEdit): void => edit.keep(1, COUNT),
      (edit: ListEdit): void => edit.keep(0, COUNT - 1),
      (_: ListEdit, view: ListView): void => expect(view.at(777_777).toString()).toBe('element:777777'),
      (_: ListEdit, view: ListView): void =>
        view.visit(500_000, 500_001, (bytes) => expect(bytes.length).toBeGreaterThan(0)),
    ]) {
      expect(touched(work)).toBeLessThanOrEqual(12);
    }
    let trimmed: CollectionValue | null = null;
    pages.reset();
    const edit = new ListEdit(value, pages, null);
    edit.keep(400_000, 600_000);
    trimmed = edit.finish();
    expect(pages.touched).toBeLessThan(30);
    if (trimmed === null) throw new Error('200,000 elements are left');
    const view = new ListView(trimmed, pages);
    expect(view.count).toBe(200_000);
    expect([0, 100_000, 199_999].map((rank) => view.at(rank).toString())).toEqual([
      ...['element:400000', 'element:500000', 'element:599999'],
    ]);
  });
});
