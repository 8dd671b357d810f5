import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import type { ConfigStore } from './config-store.ts';
import { answerOf, configStoreConformance, firstMap, problemOf } from './config-store-conformance.ts';
import { FileConfigStore } from './file-config-store.ts';
import type { ClusterMap } from './map.ts';
import { MemoryConfigStore } from './memory-config-store.ts';
import { userStoreConformance } from './user-store-conformance.ts';

const clock = new SystemClock();
const random = new SystemRandom();
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

configStoreConformance(
  'FileConfigStore',
  async () => openFile(),
  async () => openFile(),
);
userStoreConformance(
  'the users of a FileConfigStore',
  async () => openFile().users,
  async () => openFile().users,
);
configStoreConformance('MemoryConfigStore', async () => new MemoryConfigStore(), null);

describe('FileConfigStore, beside what every store does,', () => {
  it('says what is wrong with a file and leaves it alone', async () => {
    for (const [text, words] of [
      ['{"', 'not JSON'],
      ['{}', 'is not a cluster-map file'],
      ['{"lastProposerId": -1, "map": null}', 'lastProposerId is not'],
      ['{"lastProposerId": 1, "map": {}}', 'formatVersion'],
    ] as const) {
      writeFileSync(path, text);
      expect(await problemOf(openFile().read())).toContain(words);
      expect(await problemOf(openFile().nextProposerId())).toContain(`cluster-map file ${path}: `);
      expect(await problemOf(openFile().compareAndSet(0, firstMap))).toContain(words);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
    writeFileSync(path, '{"lastProposerId": 4294967295, "map": null}');
    expect(await problemOf(openFile().nextProposerId())).toContain('used up');
    rmSync(directory, { recursive: true });
    expect(await problemOf(openFile().nextProposerId())).toContain('cannot open the lock file');
  });

  it('a watch reports a broken file once and goes on when it is whole again', async () => {
    await openFile().compareAndSet(0, firstMap);
    writeFileSync(path, 'broken');
    const errors: string[] = [];
    const maps: ClusterMap[] = [];
    const done = new Promise<void>((resolve) => {
      const error = (_fields: object, message: string): void => {
        errors.push(message);
        rmSync(path);
        void openFile().compareAndSet(0, firstMap);
      };
      openFile({ ...silentLog, error }).watch(0, (map) => {
        maps.push(map);
        resolve();
      });
    });
    await done;
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('not JSON');
    expect(maps).toEqual([firstMap]);
  });

  it('processes that race lose no change and share no proposer id', async () => {
    await openFile().compareAndSet(0, firstMap);
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
    expect((await answerOf(openFile().read()))?.namespaces[5]?.generation).toBe(31);
  });
});
