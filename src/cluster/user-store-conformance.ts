import { describe, expect, it, onTestFinished } from 'vitest';
import { answerOf, problemOf } from './config-store-conformance.ts';
import type { StoredUser, UserList } from './user-list.ts';
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
      expect(await answerOf(store.read())).toEqual(none);
      expect(await answerOf(store.compareAndSet(1, [ANN]))).toEqual({ swapped: false, list: none });
      const first = await answerOf(store.compareAndSet(0, [ANN]));
      expect(first).toMatchObject({ swapped: true, list: { users: [ANN] } });
      expect(await answerOf(store.compareAndSet(0, [BOB]))).toEqual({ swapped: false, list: first.list });
      const second = await answerOf((await another()).compareAndSet(first.list.revision, [ANN, BOB]));
      expect(second).toMatchObject({ swapped: true, list: { users: [ANN, BOB] } });
      expect(second.list.revision).toBeGreaterThan(first.list.revision);
      expect(await answerOf(store.read())).toEqual(second.list);
      const third = await answerOf(store.compareAndSet(second.list.revision, []));
      expect(third).toMatchObject({ swapped: true, list: { users: [] } });
      expect(await answerOf((await another()).read())).toEqual(third.list);
    });

    it('tells who watches of what another instance has stored, until it stops', async () => {
      const store = await create();
      const { list: first } = await answerOf(store.compareAndSet(0, [ANN]));
      const watching = await another();
      const seen: UserList[] = [];
      const watch = watching.watch(0, (list) => seen.push(list));
      onTestFinished(() => watch.stop());
      const none: number[] = [];
      watching.watch(0, (list) => none.push(list.revision)).stop();
      await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(1);
      const { list: second } = await answerOf(store.compareAndSet(first.revision, [ANN, BOB]));
      await expect.poll(() => seen, { timeout: 10_000 }).toEqual([first, second]);
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
      const { users } = await answerOf((await another()).read());
      expect(users.map((user) => user.name).sort()).toEqual([...names].sort());
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
