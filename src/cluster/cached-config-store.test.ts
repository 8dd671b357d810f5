import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Log, silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { CachedConfigStore, type ReservingStore } from './cached-config-store.ts';
import { withRaisedGenerations } from './cluster-map.ts';
import { readOrLast, type StoreResult } from './config-store.ts';
import { answerOf, configStoreConformance, firstMap, problemOf, secondMap } from './config-store-conformance.ts';
import { FileConfigStore } from './file-config-store.ts';
import type { ClusterMap } from './map.ts';
import { MemoryConfigStore } from './memory-config-store.ts';
import { openStateDirectory, type ProposerIds, type StateDirectory } from './state-directory.ts';

/** A store that can be taken away. */
class RemoteStore extends MemoryConfigStore implements ReservingStore {
  isAway = false;
  #lastId: number;

  constructor(map: ClusterMap | null = null, lastId = 0) {
    super(map);
    this.#lastId = lastId;
  }

  override async read(): Promise<StoreResult<ClusterMap | null>> {
    return this.isAway ? { ok: false, problem: 'away' } : super.read();
  }

  async takeProposerIds(count: number): Promise<StoreResult<ProposerIds>> {
    if (this.isAway) return { ok: false, problem: 'away' };
    this.#lastId += count;
    return { ok: true, value: { first: this.#lastId - count + 1, count } };
  }
}

let path = '';
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'junokv-state-'));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

function openState(): StateDirectory {
  const opened = openStateDirectory(path);
  return opened.ok ? opened.value : expect.fail(opened.problem);
}

function open(store: ReservingStore, log: Log = silentLog): CachedConfigStore {
  const cached = new CachedConfigStore({ store, state: openState(), log });
  onTestFinished(() => cached.close());
  return cached;
}

/** The map that the first slot keeps, once it is written. */
async function keptEpoch(epoch: number): Promise<void> {
  await expect.poll(() => readSlot('cluster-map.json'), { timeout: 5_000 }).toContain(`"epoch": ${epoch},`);
}

function readSlot(name: string): string {
  try {
    return readFileSync(join(path, 'slot-0', name), 'utf8');
  } catch {
    return '';
  }
}

configStoreConformance('CachedConfigStore', async () => open(new RemoteStore()), null);

describe('CachedConfigStore', () => {
  it('says when a map that was read is kept', async () => {
    const cached = open(new RemoteStore(firstMap));
    await cached.read();
    await cached.kept();
    expect(readSlot('cluster-map.json')).toContain(`"epoch": ${firstMap.epoch},`);
  });

  it('knows its last map when the store is away, after a restart too', async () => {
    const remote = new RemoteStore(firstMap);
    const before = open(remote);
    expect(before.lastMap()).toBeNull();
    await answerOf(before.read());
    await answerOf(before.compareAndSet(1, secondMap));
    await keptEpoch(2);
    before.close();
    const away = new RemoteStore();
    away.isAway = true;
    const after = open(away);
    expect(after.lastMap()).toEqual(secondMap);
    expect(await problemOf(after.read())).toBe('away');
    expect(await answerOf(readOrLast(after))).toEqual(secondMap);
    expect(await problemOf(readOrLast(away))).toBe('away');
  });

  it('keeps what its watches see, and of many maps the last', async () => {
    const remote = new RemoteStore(firstMap);
    const cached = open(remote);
    const seen: number[] = [];
    cached.watch(0, (map) => seen.push(map.epoch));
    let map = firstMap;
    for (let i = 0; i < 20; i++) {
      const next = withRaisedGenerations(map, [0]);
      await remote.compareAndSet(map.epoch, next);
      map = next;
    }
    await keptEpoch(21);
    expect(seen.at(-1)).toBe(21);
  });

  it('gives ids of its reserve while the store is away, each once over restarts, until there are none', async () => {
    const remote = new RemoteStore(firstMap, 100);
    const first = open(remote);
    expect(await answerOf(first.nextProposerId())).toBe(101);
    expect(await answerOf(first.nextProposerId())).toBe(102 + limits.proposerReserve);
    first.close();
    remote.isAway = true;
    const given: number[] = [];
    for (let start = 0; start < limits.proposerReserve; start++) {
      const again = open(remote);
      given.push(await answerOf(again.nextProposerId()));
      again.close();
    }
    expect(given).toEqual(Array.from({ length: limits.proposerReserve }, (_, i) => 102 + i));
    const last = open(remote);
    expect(await problemOf(last.nextProposerId())).toBe('away');
    remote.isAway = false;
    expect(await answerOf(last.nextProposerId())).toBe(103 + limits.proposerReserve);
  });

  it('gives no id that it cannot note as used', async () => {
    const lines: string[] = [];
    const remote = new RemoteStore(firstMap);
    const note = (_fields: object, message: string): void => {
      lines.push(message);
    };
    const cached = open(remote, { ...silentLog, error: note });
    await answerOf(cached.nextProposerId());
    remote.isAway = true;
    rmSync(join(path, 'slot-0', 'proposer-ids.json'));
    mkdirSync(join(path, 'slot-0', 'proposer-ids.json'));
    expect(await problemOf(cached.nextProposerId())).toBe('away');
    expect(lines).toEqual([`cannot write to the state directory ${path}`]);
  });

  it('says once that the store went back to an older map, and keeps the newer one', async () => {
    const lines: string[] = [];
    const warn = (_fields: object, message: string): void => {
      lines.push(message);
    };
    const seen = open(new RemoteStore(secondMap));
    await answerOf(seen.read());
    await keptEpoch(2);
    seen.close();
    const cached = open(new RemoteStore(firstMap), { ...silentLog, warn });
    await answerOf(cached.read());
    await answerOf(cached.read());
    expect(lines).toEqual([expect.stringContaining('older cluster map')]);
    expect(cached.lastMap()).toEqual(secondMap);
  });
});

describe('a state directory', () => {
  it('has a slot for each process that shares it, and shows all of them the newest map', async () => {
    const one = openState();
    const two = openState();
    expect(await one.saveMap(firstMap)).toBeNull();
    expect(await two.saveMap(secondMap)).toBeNull();
    expect(await two.saveIds({ first: 5, count: 3 })).toBeNull();
    one.release();
    const again = openState();
    expect(again.map).toEqual(secondMap);
    expect(again.ids).toEqual({ first: 0, count: 0 });
    two.release();
    expect(openState().ids).toEqual({ first: 5, count: 3 });
    expect(statSync(join(path, 'slot-1')).mode & 0o077).toBe(0);
  });

  it('takes damaged files for none', async () => {
    const state = openState();
    await state.saveMap(secondMap);
    state.release();
    writeFileSync(join(path, 'slot-0', 'cluster-map.json'), '{"lastProposerId": 0, "map": {');
    writeFileSync(join(path, 'slot-0', 'proposer-ids.json'), '{"first":1,"cou');
    const opened = openState();
    expect(opened.map).toBeNull();
    expect(opened.ids.count).toBe(0);
  });

  it('keeps maps in files that a cluster can be moved from', async () => {
    const state = openState();
    await state.saveIds({ first: 5, count: 3 });
    await state.saveMap(secondMap);
    const copy = join(path, 'copy.json');
    cpSync(join(path, 'slot-0', 'cluster-map.json'), copy);
    const clock = new SystemClock();
    const store = new FileConfigStore({ path: copy, clock, random: new SystemRandom(), log: silentLog });
    onTestFinished(() => store.close());
    expect(await answerOf(store.read())).toEqual(secondMap);
    expect(await answerOf(store.nextProposerId())).toBe(8 + limits.proposerIdGap);
  });

  it('says what stands in its way', () => {
    writeFileSync(join(path, 'file'), '');
    expect(openStateDirectory(join(path, 'file'))).toMatchObject({
      ok: false,
      problem: expect.stringContaining('cannot use the state directory'),
    });
  });
});
