import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { createClusterMap, withRaisedGenerations } from './cluster-map.ts';
import { type ConfigStore, type StoreResult, updateClusterMap } from './config-store.ts';
import { FileConfigStore } from './file-config-store.ts';
import type { ClusterMap } from './map.ts';
import { MemoryConfigStore } from './memory-config-store.ts';

const clock = new SystemClock();
const random = new SystemRandom();
const first = createClusterMap({
  clusterId: 'c1',
  shards: 16,
  zones: [{ name: 'z1', nodes: [{ id: 1, host: '127.0.0.1', port: 7001 }] }],
});
const second = withRaisedGenerations(first, [0]);

let directory = '';
let path = '';
const opened: ConfigStore[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-config-'));
  path = join(directory, 'cluster-map.json');
});
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  rmSync(directory, { recursive: true, force: true });
});

function openFile(log: Log = silentLog): FileConfigStore {
  const store = new FileConfigStore({ path, clock, random, log });
  opened.push(store);
  return store;
}

async function value<T>(result: Promise<StoreResult<T>>): Promise<T> {
  const settled = await result;
  if (!settled.ok) throw new Error(settled.problem);
  return settled.value;
}

async function problem<T>(result: Promise<StoreResult<T>>): Promise<string> {
  const settled = await result;
  return settled.ok ? 'none' : settled.problem;
}

const kinds: [string, () => ConfigStore][] = [
  ['FileConfigStore', () => openFile()],
  ['MemoryConfigStore', () => new MemoryConfigStore()],
];

describe.each(kinds)('%s', (_, create) => {
  it('starts empty, and swaps only from the expected epoch', async () => {
    const store = create();
    expect(await value(store.read())).toBeNull();
    expect(await value(store.compareAndSet(1, second))).toEqual({ swapped: false, map: null });
    expect(await value(store.compareAndSet(0, first))).toEqual({ swapped: true, map: first });
    expect(await value(store.compareAndSet(0, first))).toEqual({ swapped: false, map: first });
    expect(await value(store.compareAndSet(1, second))).toEqual({ swapped: true, map: second });
    expect(await value(store.read())).toEqual(second);
  });

  it('tells watchers of every map above the epoch they know, until they stop', async () => {
    const store = create();
    await store.compareAndSet(0, first);
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      store.watch(0, (map) => {
        seen.push(map.epoch);
        resolve();
      });
    });
    const late: number[] = [];
    const lateWatch = store.watch(1, (map) => late.push(map.epoch));
    await store.compareAndSet(1, second);
    expect([seen, late]).toEqual([[1, 2], [2]]);
    lateWatch.stop();
    await store.compareAndSet(2, withRaisedGenerations(second, [1]));
    expect([seen, late]).toEqual([[1, 2, 3], [2]]);
    store.close();
  });

  it('gives every proposer id once', async () => {
    const store = create();
    const ids = await Promise.all(Array.from({ length: 20 }, () => value(store.nextProposerId())));
    expect(new Set(ids).size).toBe(20);
    expect(ids.every((id) => Number.isInteger(id) && id >= 1)).toBe(true);
  });

  it('updateClusterMap loses no change to a race', async () => {
    const store = create();
    await store.compareAndSet(0, first);
    const flush = () => value(updateClusterMap(store, (map) => withRaisedGenerations(map, [2])));
    await Promise.all(Array.from({ length: 10 }, flush));
    expect((await value(store.read()))?.namespaces[2]).toEqual({ generation: 11, epoch: 11 });
    expect(await value(updateClusterMap(store, () => null))).toEqual(await value(store.read()));
  });
});

describe('FileConfigStore', () => {
  it('keeps map and proposer ids apart and over instances', async () => {
    await openFile().compareAndSet(0, first);
    expect(await value(openFile().nextProposerId())).toBe(1);
    expect(await value(openFile().nextProposerId())).toBe(2);
    expect(await value(openFile().read())).toEqual(first);
  });

  it('sees what another instance writes', async () => {
    await openFile().compareAndSet(0, first);
    const epochs: number[] = [];
    const got = new Promise<void>((resolve) => {
      openFile().watch(0, (map) => {
        epochs.push(map.epoch);
        if (map.epoch === 2) resolve();
        else void openFile().compareAndSet(1, second);
      });
    });
    await got;
    expect(epochs).toEqual([1, 2]);
  });

  it('says what is wrong with a file and leaves it alone', async () => {
    for (const [text, words] of [
      ['{"', 'not JSON'],
      ['{}', 'is not a cluster-map file'],
      ['{"lastProposerId": -1, "map": null}', 'lastProposerId is not'],
      ['{"lastProposerId": 1, "map": {}}', 'formatVersion'],
    ] as const) {
      writeFileSync(path, text);
      expect(await problem(openFile().read())).toContain(words);
      expect(await problem(openFile().nextProposerId())).toContain(`cluster-map file ${path}: `);
      expect(await problem(openFile().compareAndSet(0, first))).toContain(words);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
    writeFileSync(path, '{"lastProposerId": 4294967295, "map": null}');
    expect(await problem(openFile().nextProposerId())).toContain('used up');
    rmSync(directory, { recursive: true });
    expect(await problem(openFile().nextProposerId())).toContain('cannot open the lock file');
  });

  it('a watch reports a broken file once and goes on when it is whole again', async () => {
    await openFile().compareAndSet(0, first);
    writeFileSync(path, 'broken');
    const errors: string[] = [];
    const maps: ClusterMap[] = [];
    const done = new Promise<void>((resolve) => {
      const error = (_fields: object, message: string): void => {
        errors.push(message);
        rmSync(path);
        void openFile().compareAndSet(0, first);
      };
      openFile({ ...silentLog, error }).watch(0, (map) => {
        maps.push(map);
        resolve();
      });
    });
    await done;
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('not JSON');
    expect(maps).toEqual([first]);
  });

  it('processes that race lose no change and share no proposer id', async () => {
    await openFile().compareAndSet(0, first);
    const href = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
    const script = `
      const { FileConfigStore } = await import(${href('./file-config-store.ts')});
      const { updateClusterMap } = await import(${href('./config-store.ts')});
      const { withRaisedGenerations } = await import(${href('./cluster-map.ts')});
      const { SystemClock } = await import(${href('../base/system-clock.ts')});
      const { SystemRandom } = await import(${href('../base/system-random.ts')});
      const { silentLog } = await import(${href('../base/log.ts')});
      const keepAlive = setInterval(() => {}, 1000);
      const store = new FileConfigStore({ path: ${JSON.stringify(path)}, clock: new SystemClock(), random: new SystemRandom(), log: silentLog });
      const ids = [];
      for (let i = 0; i < 10; i++) {
        ids.push((await store.nextProposerId()).value);
        const result = await updateClusterMap(store, (map) => withRaisedGenerations(map, [5]));
        if (!result.ok) throw new Error(result.problem);
      }
      console.log(JSON.stringify(ids));
      clearInterval(keepAlive);`;
    const run = async (): Promise<number[]> => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += String(chunk);
      });
      const [code] = await once(child, 'close');
      expect(code).toBe(0);
      return JSON.parse(text);
    };
    const ids = (await Promise.all([run(), run(), run()])).flat();
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect((await value(openFile().read()))?.namespaces[5]?.generation).toBe(31);
  });
});
