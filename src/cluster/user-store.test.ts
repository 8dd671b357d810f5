import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Log, silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { answerOf, problemOf } from './config-store-conformance.ts';
import { KeptUserStore } from './kept-user-store.ts';
import { MemoryUserCell } from './testing/memory-user-cell.ts';
import { FileUserCell } from './user-cells.ts';
import { decodeUserList, encodeUserList } from './user-list.ts';
import { CellUserStore } from './user-store.ts';
import { storedUser } from './user-store-conformance.ts';

const random = new SystemRandom();
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-users-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function storeOn(cell: MemoryUserCell, clock = new ManualClock(), log: Log = silentLog): CellUserStore {
  return new CellUserStore({ cell, clock, random, log });
}

describe('a list of users', () => {
  it('is JSON with a format, and what is no list is refused in words', () => {
    const list = { revision: 3, users: [storedUser('a', { namespace: 'n', access: 'write' })] };
    const text = encodeUserList(list, 'stamp');
    expect(decodeUserList(text)).toEqual({ ok: true, list, stamp: 'stamp' });
    const problem = (broken: string): string => {
      const decoded = decodeUserList(broken);
      return decoded.ok ? 'none' : decoded.problem;
    };
    expect(problem('{')).toBe('not JSON');
    expect(problem('[]')).toBe('not a JSON object');
    expect(problem(text.replace('"formatVersion": 1', '"formatVersion": 2'))).toContain('format 2, this program reads');
    expect(problem(text.replace('"revision": 3', '"revision": 0'))).toContain('revision and users');
    expect(problem(text.replace('"write"', '"all"'))).toBe('user 1: access must be read, write or admin');
  });

  it('was stored although the answer was lost', async () => {
    const cell = new MemoryUserCell();
    const store = storeOn(cell);
    cell.losesAnswers = true;
    const users = [storedUser('a')];
    expect(await answerOf(store.compareAndSet(0, users))).toMatchObject({ swapped: true, list: { users } });
  });

  it('that is older than before, or damaged, is told once and not used', async () => {
    const cell = new MemoryUserCell();
    const clock = new ManualClock();
    const warnings: object[] = [];
    const store = storeOn(cell, clock, { ...silentLog, warn: (fields) => warnings.push(fields) });
    const seen: number[] = [];
    const watch = store.watch(4, (list) => seen.push(list.revision));
    const turns = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        clock.advance(limits.userPollMs);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    cell.text = encodeUserList({ revision: 3, users: [] }, '');
    await turns(3);
    expect(warnings).toEqual([
      { problem: 'the list of users in memory holds an older list than before; it is not used' },
    ]);
    cell.text = '{';
    await turns(3);
    expect(warnings).toHaveLength(2);
    cell.text = encodeUserList({ revision: 5, users: [] }, '');
    await turns(3);
    expect(seen).toEqual([5]);
    watch.stop();
    cell.text = encodeUserList({ revision: 6, users: [] }, '');
    await turns(3);
    expect(seen).toEqual([5]);
  });
});

describe('users in a file', () => {
  it('can be read by its owner alone, and lie beside the map', async () => {
    const path = join(directory, 'cluster-map.json');
    const clock = new SystemClock();
    const store = new CellUserStore({ cell: new FileUserCell(path, clock, random), clock, random, log: silentLog });
    await answerOf(store.compareAndSet(0, [storedUser('a')]));
    expect(statSync(`${path}.users`).mode & 0o777).toBe(0o600);
    writeFileSync(`${path}.users`, 'rubbish');
    expect(await problemOf(store.read())).toBe(`the file of users ${path}.users cannot be used: not JSON`);
    expect(await problemOf(store.compareAndSet(0, []))).toContain('cannot be used');
    expect(readFileSync(`${path}.users`, 'utf8')).toBe('rubbish');
  });
});

describe('users of a store that may be away', () => {
  it('are kept, for their owner alone, and so is that there are none', async () => {
    const cell = new MemoryUserCell();
    const path = join(directory, 'users');
    const open = (): KeptUserStore => new KeptUserStore(storeOn(cell), path, silentLog);
    cell.isAway = true;
    const fresh = open();
    expect(await problemOf(fresh.read())).toBe('away');
    expect(fresh.lastList()).toBeNull();
    cell.isAway = false;
    await answerOf(open().read());
    expect(open().lastList()).toEqual({ revision: 0, users: [] });
    const { list } = await answerOf(open().compareAndSet(0, [storedUser('a')]));
    cell.isAway = true;
    const again = open();
    expect(again.lastList()).toEqual(list);
    expect(await problemOf(again.read())).toBe('away');
    expect(readdirSync(path)).toEqual(['users.json']);
    expect(statSync(join(path, 'users.json')).mode & 0o777).toBe(0o600);
    writeFileSync(join(path, 'users.json'), 'rubbish');
    expect(open().lastList()).toBeNull();
  });
});
