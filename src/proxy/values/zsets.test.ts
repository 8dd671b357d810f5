import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountedPages } from '../../record/testing/tree-check.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import { type CollectionValue, Encoding, type PageAccess, ValueType } from '../../record/value.ts';
import { SessionRunner, type ShownReply, shown } from '../testing/session-runner.ts';
import { hashOfName, treeKeyOf } from './keyed-elements.ts';
import { encodeScore } from './score.ts';
import { compareScored, scoredKeyOf, scoredValueOf } from './scored-elements.ts';
import { ZsetEdit } from './zset-edit.ts';
import { ZsetView } from './zset-view.ts';

async function reply(session: SessionRunner, ...list: readonly string[]): Promise<ShownReply> {
  return shown((await session.runArguments(list.map((word) => Buffer.from(word, 'latin1')))) ?? null);
}

function form(session: SessionRunner, key: string): 'inline' | 'trees' | 'none' {
  const record = session.proxy.cluster.record(0, key);
  return record === null ? 'none' : record.value.paged ? 'trees' : 'inline';
}

function sorted(model: ReadonlyMap<string, number>): string[] {
  const list = [...model].map(([member, score]) => ({ member: Buffer.from(member, 'latin1'), score }));
  return list.sort(compareScored).map(({ member }) => member.toString('latin1'));
}

describe('a sorted set', () => {
  it('goes into trees when it is large, and back when it is small', async () => {
    const session = new SessionRunner();
    const pairs = Array.from({ length: 1_000 }, (_, i) => [String(i % 10), `member-${i}`]).flat();
    await reply(session, 'ZADD', 'z', ...pairs.slice(0, 200));
    expect(form(session, 'z')).toBe('inline');
    expect(await reply(session, 'OBJECT', 'ENCODING', 'z')).toBe('listpack');
    await reply(session, 'ZADD', 'z', ...pairs);
    expect(form(session, 'z')).toBe('trees');
    expect(await reply(session, 'OBJECT', 'ENCODING', 'z')).toBe('skiplist');
    expect(await reply(session, 'ZCARD', 'z')).toBe(1_000);
    expect(await reply(session, 'ZREMRANGEBYSCORE', 'z', '1', '4')).toBe(400);
    expect(form(session, 'z')).toBe('trees');
    expect(await reply(session, 'ZREMRANGEBYRANK', 'z', '5', '-6')).toBe(590);
    expect(form(session, 'z')).toBe('inline');
    expect(await reply(session, 'ZRANGE', 'z', '3', '6')).toEqual([
      'member-110',
      'member-120',
      'member-969',
      'member-979',
    ]);
    expect(await reply(session, 'OBJECT', 'ENCODING', 'z')).toBe('skiplist');
  });

  it('is a map of any members and scores, in order', async () => {
    const member = fc.oneof(
      fc.nat(400).map((n) => `a-member-of-some-length-${n}`),
      fc.constantFrom('', 'x'.repeat(503), 'x'.repeat(504), 'y'.repeat(40_000)),
    );
    const score = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true }), fc.constantFrom(-0, 0));
    const bulk = fc.constantFrom(0, 250).map((first) => ({ kind: 'many' as const, first }));
    const step = fc.oneof(
      { weight: 2, arbitrary: bulk },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), member, score }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), member }) },
      fc.record({ kind: fc.constant('pop' as const), count: fc.nat(300) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const session = new SessionRunner();
        const model = new Map<string, number>();
        for (const one of steps) {
          const before = model.size;
          if (one.kind === 'add') {
            model.set(one.member, one.score);
            const text = Number.isFinite(one.score) ? String(one.score) : one.score > 0 ? 'inf' : '-inf';
            expect(await reply(session, 'ZADD', 'z', text, one.member)).toBe(model.size - before);
          } else if (one.kind === 'many') {
            const added = Array.from({ length: 250 }, (_, i) => `a-member-of-some-length-${one.first + i}`);
            for (const [i, name] of added.entries()) model.set(name, i % 7);
            await reply(session, 'ZADD', 'z', ...added.flatMap((name, i) => [String(i % 7), name]));
          } else if (one.kind === 'remove') {
            model.delete(one.member);
            expect(await reply(session, 'ZREM', 'z', one.member)).toBe(before - model.size);
          } else {
            const popped = sorted(model).slice(0, one.count);
            await reply(session, 'ZPOPMIN', 'z', String(one.count));
            for (const name of popped) model.delete(name);
          }
        }
        const inOrder = sorted(model);
        expect(await reply(session, 'ZRANGE', 'z', '0', '-1')).toEqual(inOrder);
        expect(await reply(session, 'ZREVRANGE', 'z', '0', '-1')).toEqual([...inOrder].reverse());
        for (const [rank, name] of inOrder.entries()) {
          if (rank % 50 !== 0) continue;
          expect(await reply(session, 'ZRANK', 'z', name)).toBe(rank);
          expect(Number(await reply(session, 'ZSCORE', 'z', name)) === model.get(name)).toBe(true);
        }
      }),
      { numRuns: 20 },
    );
  });
});

const COUNT = 1_000_000;

function member(i: number): Buffer {
  return Buffer.from(`member:${i}`);
}

/** Member i has the score i / 4. Sorted as numbers: sorting a million keys takes a while. */
function millionScored(pages: PageAccess): CollectionValue {
  const order = Float64Array.from({ length: COUNT }, (_, i) => (hashOfName(member(i)) >>> 1) * 2 ** 20 + i).sort();
  const byMember = Array.from(order, (packed) => packed % 2 ** 20);
  const hashAt = (place: number): number => Math.floor((order[place] ?? 0) / 2 ** 20);
  for (let place = 1; place < COUNT; place++) {
    for (let at = place; at > 0 && hashAt(at) === hashAt(at - 1); at--) {
      const [before = 0, after = 0] = byMember.slice(at - 1, at + 1);
      if (member(before).compare(member(after)) > 0) byMember.splice(at - 1, 2, after, before);
    }
  }
  const members = new TreeBuilder(pages);
  for (const i of byMember) members.add(treeKeyOf(member(i)), encodeScore(i / 4));
  const scores = new TreeBuilder(pages);
  for (let i = 0; i < COUNT; i++) scores.add(scoredKeyOf(member(i), i / 4), scoredValueOf(member(i), i / 4));
  const trees = [members.finish(), scores.finish()];
  return { type: ValueType.zset, paged: true, encoding: Encoding.skiplist, length: trees[0]?.bytes ?? 0, trees };
}

describe('a sorted set of 1,000,000 members', () => {
  it('touches at most 12 pages for one element', () => {
    const pages = new CountedPages();
    const value = millionScored(pages);
    const touched = (work: () => void): number => {
      pages.reset();
      work();
      return pages.touched;
    };
    const view = new ZsetView(value, pages);
    expect(view.count).toBe(COUNT);
    for (const look of [
      () => expect(view.scoreOf(member(4_000))).toBe(1_000),
      () => expect(view.rankOf(member(777_777), 777_777 / 4)).toBe(777_777),
      () =>
        expect(view.elements({ from: 500_000, to: 500_001 })).toEqual([{ member: member(500_000), score: 125_000 }]),
      () => {
        const bound = { score: 1_000, isExclusive: false };
        expect(view.inScoreRange({ min: bound, max: bound })).toEqual({ from: 4_000, to: 4_001 });
      },
    ]) {
      expect(touched(look)).toBeLessThanOrEqual(12);
    }
    const changed = (change: (edit: ZsetEdit) => void): CollectionValue | null => {
      const edit = new ZsetEdit(value, Encoding.listpack, 1, pages);
      change(edit);
      return edit.finish();
    };
    for (const change of [
      (edit: ZsetEdit) => edit.set(member(123_456), 200_000.5, edit.find(member(123_456))),
      (edit: ZsetEdit) => edit.set(member(654_321), -1, edit.find(member(654_321))),
      (edit: ZsetEdit) => edit.set(Buffer.from('new'), 99_999, null),
      (edit: ZsetEdit) => edit.delete(member(345_678)),
      (edit: ZsetEdit) => edit.delete(member(0)),
      (edit: ZsetEdit) => edit.delete(member(COUNT - 1)),
    ]) {
      expect(touched(() => changed(change))).toBeLessThanOrEqual(12);
    }
  });
});
