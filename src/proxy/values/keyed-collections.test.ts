import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SessionRunner, type ShownReply, shown } from '../testing/session-runner.ts';
import { hashOfName } from './keyed-elements.ts';
import { RandomPicks } from './random-picks.ts';

function words(...list: readonly string[]): Buffer[] {
  return list.map((word) => Buffer.from(word, 'latin1'));
}

async function reply(session: SessionRunner, ...list: readonly string[]): Promise<ShownReply> {
  return shown((await session.runArguments(words(...list))) ?? null);
}

function large(count: number, prefix = 'field-'): string[] {
  return Array.from({ length: count }, (_, i) => [`${prefix}${i}`, `value-of-${i}`]).flat();
}

function form(session: SessionRunner, key: string): 'inline' | 'tree' | 'none' {
  const record = session.proxy.cluster.record(0, key);
  return record === null ? 'none' : record.value.paged ? 'tree' : 'inline';
}

describe('the order of names', () => {
  it('is MurmurHash3: on disk, never to change', () => {
    const known: [string, number][] = [
      ['', 0],
      ['hello', 0x248bfa47],
      ['hello, world', 0x149bbb7f],
      ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
    ];
    for (const [name, hash] of known) expect(hashOfName(Buffer.from(name))).toBe(hash);
  });
});

describe('random picks', () => {
  it('are the same for the same seed, different each, and spread evenly', () => {
    expect(new RandomPicks(7).distinct(5, 100)).toEqual(new RandomPicks(7).distinct(5, 100));
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 4_000; seed++) {
      const picked = new RandomPicks(seed).distinct(3, 10);
      expect(new Set(picked).size).toBe(3);
      for (const pick of picked) counts[pick] = (counts[pick] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1_200)).toBeLessThan(150);
    expect(new RandomPicks(1).distinct(9, 4)).toEqual([0, 1, 2, 3]);
    expect(new RandomPicks(1).below(1)).toBe(0);
  });
});

describe('a hash', () => {
  it('goes into a tree when it is large, and back when it is small', async () => {
    const session = new SessionRunner();
    await reply(session, 'HSET', 'h', ...large(200));
    expect(form(session, 'h')).toBe('inline');
    await reply(session, 'HSET', 'h', ...large(1_000));
    expect(form(session, 'h')).toBe('tree');
    expect(await reply(session, 'HLEN', 'h')).toBe(1_000);
    expect(await reply(session, 'HDEL', 'h', ...Array.from({ length: 990 }, (_, i) => `field-${i}`))).toBe(990);
    expect(form(session, 'h')).toBe('inline');
    expect(Object.keys((await reply(session, 'HGETALL', 'h')) ?? {}).length).toBe(10);
    expect(await reply(session, 'OBJECT', 'ENCODING', 'h')).toBe('hashtable');
  });

  it('is a map of any fields and values', async () => {
    const name = fc.oneof(
      fc.nat(60).map((n) => `f${n}`),
      fc.constantFrom('', 'x'.repeat(509), 'y'.repeat(70_000)),
    );
    const value = fc.oneof(
      fc.string({ maxLength: 20, unit: 'binary-ascii' }),
      fc.nat(3_000).map((n) => 'v'.repeat(n)),
    );
    const step = fc.oneof(
      fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 6 }).map((pairs) => ({ kind: 'set' as const, pairs })),
      fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => ({ kind: 'delete' as const, names })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const session = new SessionRunner();
        const model = new Map<string, string>();
        for (const one of steps) {
          const before = model.size;
          if (one.kind === 'set') {
            for (const [field, text] of one.pairs) model.set(field, text);
            expect(await reply(session, 'HSET', 'h', ...one.pairs.flat())).toBe(model.size - before);
          } else {
            for (const field of one.names) model.delete(field);
            expect(await reply(session, 'HDEL', 'h', ...one.names)).toBe(before - model.size);
          }
        }
        expect(await reply(session, 'HLEN', 'h')).toBe(model.size);
        expect(await reply(session, 'HGETALL', 'h')).toEqual(Object.fromEntries(model));
        await reply(session, 'COPY', 'h', 'copy');
        await reply(session, 'DEL', 'h');
        expect(await reply(session, 'HGETALL', 'copy')).toEqual(Object.fromEntries(model));
        for (const [field, text] of model) expect(await reply(session, 'HGET', 'copy', field)).toBe(text);
      }),
      { numRuns: 25 },
    );
  });

  it('is scanned whole while it grows, shrinks and changes its form', async () => {
    const session = new SessionRunner();
    const kept = Array.from({ length: 300 }, (_, i) => `kept-${i}`);
    await reply(session, 'HSET', 'h', ...kept.flatMap((field) => [field, 'v']), ...large(3_000));
    const found = new Set<string>();
    let cursor = '0';
    let calls = 0;
    do {
      const answer = await reply(session, 'HSCAN', 'h', cursor, 'COUNT', '50');
      if (!Array.isArray(answer) || !Array.isArray(answer[1])) throw new Error('a cursor and elements');
      cursor = String(answer[0]);
      answer[1].forEach((item, i) => {
        if (i % 2 === 0) found.add(String(item));
      });
      const others = Array.from({ length: 200 }, (_, i) => `field-${calls * 200 + i}`);
      if (calls % 3 === 2) await reply(session, 'HSET', 'h', ...large(100, `new-${calls}-`));
      else await reply(session, 'HDEL', 'h', ...others);
      calls++;
    } while (cursor !== '0');
    expect(calls).toBeGreaterThan(10);
    expect(kept.filter((field) => !found.has(field))).toEqual([]);
  });
});

describe('a set', () => {
  it('is popped empty by one and by many, each member once', async () => {
    for (const count of [40, 3_000]) {
      const session = new SessionRunner();
      const members = Array.from({ length: count }, (_, i) => `member-${i}`);
      await reply(session, 'SADD', 's', ...members);
      expect(form(session, 's')).toBe(count > 1_000 ? 'tree' : 'inline');
      const popped: ShownReply[] = [await reply(session, 'SPOP', 's')];
      for (let size = 1; form(session, 's') !== 'none'; size *= 3) {
        const some = await reply(session, 'SPOP', 's', String(size));
        if (Array.isArray(some)) popped.push(...some);
      }
      expect(popped.map(String).sort()).toEqual([...members].sort());
    }
  });

  it('picks members of every part of a tree', async () => {
    const session = new SessionRunner();
    await reply(session, 'SADD', 's', ...Array.from({ length: 2_000 }, (_, i) => `member-${i}`));
    const some = await reply(session, 'SRANDMEMBER', 's', '500');
    const many = await reply(session, 'SRANDMEMBER', 's', '-5000');
    if (!Array.isArray(some) || !Array.isArray(many)) throw new Error('arrays');
    expect(new Set(some).size).toBe(500);
    expect(many.length).toBe(5_000);
    expect(new Set(many).size).toBeGreaterThan(1_700);
    expect(await reply(session, 'SRANDMEMBER', 's', '-1048577')).toBe('-ERR value is out of range');
  });
});
