import { describe, expect, it, onTestFinished } from 'vitest';
import { answerOf, problemOf } from './config-store-conformance.ts';
import type { StoredUser } from './user-list.ts';
import { type UserStore, updateUsers } from './user-store.ts';

export function storedUser(name: string, changes: Partial<StoredUser> = {}): StoredUser {
  return { name, passwordHash: `sha256:${'ab'.repeat(32)}`, namespace: null, access: 'read', ...changes };
}

const ANN = storedUser('ann');
const BOB = storedUser('bob', { namespace: 'orders', access: 'admin' });

/** What every store of users must do. `create` opens one on an empty place, `another` one more on the same place. */
export function userStoreConformance(
  name: string,
  create: () => Promise<UserStore>,
  another: () => Promise<UserStore>,
): void {
  describe(name, () => {
    it('starts empty, and swaps only from the expected revision', async () => {
      const store = await create();
      const none = { revision: 0, users: [] };
      const first = { revision: 1, users: [ANN] };
      const second = { revision: 2, users: [ANN, BOB] };
      expect(await answerOf(store.read())).toEqual(none);
      expect(await answerOf(store.compareAndSet(1, [ANN]))).toEqual({ swapped: false, list: none });
      expect(await answerOf(store.compareAndSet(0, [ANN]))).toEqual({ swapped: true, list: first });
      expect(await answerOf(store.compareAndSet(0, [BOB]))).toEqual({ swapped: false, list: first });
      expect(await answerOf((await another()).compareAndSet(1, [ANN, BOB]))).toEqual({ swapped: true, list: second });
      expect(await answerOf(store.read())).toEqual(second);
      expect(await answerOf(store.compareAndSet(2, []))).toEqual({ swapped: true, list: { revision: 3, users: [] } });
      expect(await answerOf((await another()).read())).toEqual({ revision: 3, users: [] });
    });

    it('tells who watches of what another instance has stored, until it stops', async () => {
      const store = await create();
      await answerOf(store.compareAndSet(0, [ANN]));
      const watching = await another();
      const seen: (readonly [number, number])[] = [];
      const watch = watching.watch(0, (list) => seen.push([list.revision, list.users.length]));
      onTestFinished(() => watch.stop());
      const none: number[] = [];
      watching.watch(0, (list) => none.push(list.revision)).stop();
      await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(1);
      await answerOf(store.compareAndSet(1, [ANN, BOB]));
      await expect
        .poll(() => seen, { timeout: 10_000 })
        .toEqual([
          [1, 1],
          [2, 2],
        ]);
      expect(none).toEqual([]);
    });

    it('loses no change of updateUsers to a race', async () => {
      const stores = [await create(), await another(), await another()];
      const names = Array.from({ length: 12 }, (_, i) => `user${i}`);
      const add = (user: string, i: number) => {
        const store = stores[i % stores.length] ?? expect.fail('there are stores');
        return answerOf(updateUsers(store, (users) => [...users, storedUser(user)]));
      };
      await Promise.all(names.map(add));
      const { revision, users } = await answerOf((await another()).read());
      expect([revision, users.map((user) => user.name).sort()]).toEqual([12, [...names].sort()]);
    });

    it('takes no list that is too long, and says why there is no change', async () => {
      const store = await create();
      const many = Array.from({ length: 10_000 }, (_, i) => storedUser(`user${i}`));
      expect(await problemOf(store.compareAndSet(0, many))).toContain('all users together have more than');
      expect(await problemOf(updateUsers(store, () => 'there is a reason'))).toBe('there is a reason');
      expect(await answerOf(store.read())).toEqual({ revision: 0, users: [] });
    });
  });
}
