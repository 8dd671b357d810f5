import { describe, expect, it, onTestFinished } from 'vitest';
import { createClusterMap, withRaisedGenerations } from './cluster-map.ts';
import { type ConfigStore, type StoreResult, updateClusterMap } from './config-store.ts';

/** A cluster's first map, at epoch 1, and one of epoch 2. */
export const firstMap = createClusterMap({
  clusterId: 'c1',
  shards: 16,
  zones: [{ name: 'z1', nodes: [{ id: 1, host: '127.0.0.1', port: 7001 }] }],
});
export const secondMap = withRaisedGenerations(firstMap, [0]);

/** What a store answered; throws where it could not. */
export async function answerOf<T>(result: Promise<StoreResult<T>>): Promise<T> {
  const settled = await result;
  if (!settled.ok) throw new Error(settled.problem);
  return settled.value;
}

/** Why a store could not; 'none' where it could. */
export async function problemOf<T>(result: Promise<StoreResult<T>>): Promise<string> {
  const settled = await result;
  return settled.ok ? 'none' : settled.problem;
}

/**
 * What every config store must do. `create` opens a store on an empty place; `another` opens one more on the same place, where
 * processes can share it.
 */
export function configStoreConformance(
  name: string,
  create: () => Promise<ConfigStore>,
  another: (() => Promise<ConfigStore>) | null,
): void {
  const open = async (): Promise<ConfigStore> => closedInTheEnd(await create());
  const openAnother = async (): Promise<ConfigStore> => closedInTheEnd(await (another ?? create)());

  describe(name, () => {
    it('starts empty, and swaps only from the expected epoch', async () => {
      const store = await open();
      expect(await answerOf(store.read())).toBeNull();
      expect(await answerOf(store.compareAndSet(1, secondMap))).toEqual({ swapped: false, map: null });
      expect(await answerOf(store.compareAndSet(0, firstMap))).toEqual({ swapped: true, map: firstMap });
      expect(await answerOf(store.compareAndSet(0, firstMap))).toEqual({ swapped: false, map: firstMap });
      expect(await answerOf(store.compareAndSet(1, secondMap))).toEqual({ swapped: true, map: secondMap });
      expect(await answerOf(store.read())).toEqual(secondMap);
    });

    it('tells watchers of every map above the epoch they know, until they stop', async () => {
      const store = await open();
      await store.compareAndSet(0, firstMap);
      const seen: number[] = [];
      await new Promise<void>((resolve) => {
        store.watch(0, (map) => {
          seen.push(map.epoch);
          resolve();
        });
      });
      const late: number[] = [];
      const lateWatch = store.watch(1, (map) => late.push(map.epoch));
      await store.compareAndSet(1, secondMap);
      expect([seen, late]).toEqual([[1, 2], [2]]);
      lateWatch.stop();
      await store.compareAndSet(2, withRaisedGenerations(secondMap, [1]));
      expect([seen, late]).toEqual([[1, 2, 3], [2]]);
      store.close();
    });

    it('gives every proposer id once', async () => {
      const store = await open();
      const ids = await Promise.all(Array.from({ length: 20 }, () => answerOf(store.nextProposerId())));
      expect(new Set(ids).size).toBe(20);
      expect(ids.every((id) => Number.isInteger(id) && id >= 1)).toBe(true);
    });

    it('loses no change of updateClusterMap to a race', async () => {
      const store = await open();
      await store.compareAndSet(0, firstMap);
      const flush = () => answerOf(updateClusterMap(store, (map) => withRaisedGenerations(map, [2])));
      await Promise.all(Array.from({ length: 10 }, flush));
      expect((await answerOf(store.read()))?.namespaces[2]).toEqual({ generation: 11, epoch: 11 });
      expect(await answerOf(updateClusterMap(store, () => null))).toEqual(await answerOf(store.read()));
    });
  });

  if (another === null) return;
  describe(`${name}, with more instances on one place,`, () => {
    it('keeps map and proposer ids apart and over instances', async () => {
      await (await open()).compareAndSet(0, firstMap);
      expect(await answerOf((await openAnother()).nextProposerId())).toBe(1);
      expect(await answerOf((await openAnother()).nextProposerId())).toBe(2);
      expect(await answerOf((await openAnother()).read())).toEqual(firstMap);
    });

    it('sees what another instance writes', async () => {
      await (await open()).compareAndSet(0, firstMap);
      const writer = await openAnother();
      const watching = await openAnother();
      const epochs: number[] = [];
      await new Promise<void>((resolve) => {
        watching.watch(0, (map) => {
          epochs.push(map.epoch);
          if (map.epoch === 2) resolve();
          else void writer.compareAndSet(1, secondMap);
        });
      });
      expect(epochs).toEqual([1, 2]);
    });

    it('lets instances that race lose no change and share no proposer id', async () => {
      const stores = [await open(), await openAnother(), await openAnother()];
      await stores[0]?.compareAndSet(0, firstMap);
      const run = async (store: ConfigStore): Promise<number[]> => {
        const ids: number[] = [];
        for (let i = 0; i < 5; i++) {
          ids.push(await answerOf(store.nextProposerId()));
          await answerOf(updateClusterMap(store, (map) => withRaisedGenerations(map, [5])));
        }
        return ids;
      };
      const ids = (await Promise.all(stores.map(run))).flat();
      expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
      expect((await answerOf((await openAnother()).read()))?.namespaces[5]?.generation).toBe(16);
    });
  });
}

function closedInTheEnd(store: ConfigStore): ConfigStore {
  onTestFinished(() => store.close());
  return store;
}
