import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HistoryOp } from '../sim/checker.ts';
import { SimRandom } from '../sim/sim-random.ts';
import { Judge } from './judge.ts';
import { type ChaosKey, KeyPool } from './key-pool.ts';

let ids = 0;

function get(key: ChaosKey, reply: string | null, atUs: number): void {
  const op: HistoryOp = {
    id: ++ids,
    client: 'c',
    key: key.name,
    op: { kind: 'get' },
    invokedUs: atUs,
    returnedUs: atUs + 1,
    lowestWallMs: 1,
    highestWallMs: 1,
    outcome: { kind: 'reply', reply },
  };
  key.history.push(op);
}

describe('the keys in use', () => {
  it('are handed on whole, once their last operation has ended', () => {
    const done: (readonly HistoryOp[])[] = [];
    const pool = new KeyPool(new SimRandom(1, 'test'), (history) => done.push(history));
    const slow = pool.take();
    for (let i = 0; i < 10_000; i++) {
      const key = pool.take();
      get(key, null, i);
      pool.release(key);
    }
    expect(done.length).toBeGreaterThan(50);
    expect(done).not.toContain(slow.history);
    pool.finish();
    expect(done).not.toContain(slow.history);
    pool.release(slow);
    expect(done).toContain(slow.history);
    expect(done.reduce((sum, history) => sum + history.length, 0)).toBe(10_000);
  });
});

describe('the judge', () => {
  it('finds a history that has no explanation among others', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'junokv-judge-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const judge = new Judge(directory);
    const key = (name: string): ChaosKey => ({ name, history: [], underWay: 0 });
    const good = key('good');
    get(good, null, 1);
    const bad = key('bad');
    get(bad, 'from nowhere', 1);
    judge.submit(good.history);
    judge.submit(bad.history);
    await judge.finish();
    expect(judge.histories).toBe(2);
    expect(judge.violations).toHaveLength(1);
    expect(judge.violations[0]).toMatch(/^bad: /);
  });
});
