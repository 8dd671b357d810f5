import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { KeptTasks } from './kept-tasks.ts';
import { RecentWrites } from './recent-writes.ts';

interface FakeTask {
  readonly name: string;
  idle: boolean;
  lastWriteMs: number;
}

function task(name: string, lastWriteMs: number): FakeTask {
  return { name, idle: true, lastWriteMs };
}

describe('kept tasks', () => {
  function kit(capacity = 3) {
    const gone: string[] = [];
    return { gone, kept: new KeptTasks<FakeTask>(capacity, 1_000, ({ name }) => void gone.push(name)) };
  }

  it('are let go when their time is over, oldest first', () => {
    const { gone, kept } = kit();
    kept.keep(task('a', 0));
    kept.keep(task('b', 500));
    kept.sweep(999);
    expect(gone).toEqual([]);
    kept.sweep(1_000);
    expect([gone, kept.size]).toEqual([['a'], 1]);
    kept.sweep(1_500);
    expect([gone, kept.size]).toEqual([['a', 'b'], 0]);
  });

  it('are bounded: the oldest goes', () => {
    const { gone, kept } = kit();
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) kept.keep(task(name, i));
    expect([gone, kept.size]).toEqual([['a'], 3]);
  });

  it('stay when they were written again, or are at work', () => {
    const { gone, kept } = kit();
    const written = task('written', 0);
    const working = task('working', 0);
    kept.keep(written);
    kept.keep(working);
    written.lastWriteMs = 900;
    working.idle = false;
    kept.keep(written);
    kept.sweep(1_100);
    expect(gone).toEqual([]);
    kept.sweep(1_900);
    expect(gone).toEqual(['written']);
  });

  it('leave nothing behind after very many', () => {
    const { gone, kept } = kit(10);
    for (let i = 0; i < 10_000; i++) kept.keep(task(`t${i}`, i));
    expect([gone.length, kept.size, gone.at(-1)]).toEqual([9_990, 10, 't9989']);
    kept.sweep(100_000);
    expect([gone.length, kept.size]).toEqual([10_000, 0]);
  });
});

describe('recent writes', () => {
  it('are remembered for about a second', () => {
    const recent = new RecentWrites();
    expect(recent.lastWriteMs('a')).toBe(Number.NEGATIVE_INFINITY);
    recent.note('a', 100);
    expect(recent.lastWriteMs('a')).toBe(100);
    recent.note('b', 100 + limits.chainLifeMs);
    expect(recent.lastWriteMs('a')).toBe(100);
    recent.note('c', 100 + 2 * limits.chainLifeMs);
    expect(recent.lastWriteMs('a')).toBe(Number.NEGATIVE_INFINITY);
  });

  it('are bounded', () => {
    const recent = new RecentWrites();
    for (let i = 0; i < 2 * limits.recentRecords; i++) recent.note(`r${i}`, 100);
    expect(recent.lastWriteMs('r0')).toBe(Number.NEGATIVE_INFINITY);
    expect(recent.lastWriteMs(`r${2 * limits.recentRecords - 1}`)).toBe(100);
  });
});
