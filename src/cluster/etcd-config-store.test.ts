import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Log, silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { withRaisedGenerations } from './cluster-map.ts';
import { updateClusterMap } from './config-store.ts';
import { answerOf, configStoreConformance, firstMap, problemOf, secondMap } from './config-store-conformance.ts';
import { EtcdClient, type EtcdClientOptions } from './etcd-client.ts';
import { EtcdConfigStore } from './etcd-config-store.ts';
import { ETCD_TEST_MS, EtcdServer, etcdProblem } from './testing/etcd-server.ts';
import { userStoreConformance } from './user-store-conformance.ts';

const clock = new SystemClock();
const random = new SystemRandom();
const NO_TLS = { ca: '', cert: '', key: '' };

let server: EtcdServer;
let prefixes = 0;
const skipReason = etcdProblem === null ? '' : ` (skipped: ${etcdProblem})`;

function open(changes: Partial<EtcdClientOptions> = {}): EtcdConfigStore {
  const log = changes.log ?? silentLog;
  const options = { urls: [server.url], prefix: `/p${prefixes}/`, tls: NO_TLS, auth: null, clock, log, ...changes };
  const store = new EtcdConfigStore({ client: new EtcdClient(options), clock, random, log });
  onTestFinished(() => store.close());
  return store;
}

function newPrefix(): void {
  prefixes += 1;
}

function logOf(lines: string[]): Log {
  const note = (_fields: object, message: string): void => {
    lines.push(message);
  };
  return { ...silentLog, warn: note, error: note };
}

describe.skipIf(etcdProblem !== null)(`with a real etcd${skipReason}`, () => {
  beforeAll(async () => {
    server = await EtcdServer.start();
  }, ETCD_TEST_MS);
  afterAll(async () => server?.stop());

  configStoreConformance(
    'EtcdConfigStore',
    async () => {
      newPrefix();
      return open();
    },
    async () => open(),
  );

  userStoreConformance(
    'the users of an EtcdConfigStore',
    async () => {
      newPrefix();
      return open().users;
    },
    async () => open().users,
  );

  it('keeps clusters under different prefixes apart', async () => {
    newPrefix();
    await open().compareAndSet(0, firstMap);
    newPrefix();
    expect(await answerOf(open().read())).toBeNull();
  });

  it('puts a whole cluster in at once, and never over another one', async () => {
    newPrefix();
    const store = open();
    const cluster = { map: secondMap, keystoreFingerprint: 'abc', lastProposerId: 41 };
    expect(await answerOf(store.keystoreFingerprint())).toBeNull();
    expect(await answerOf(store.create(cluster))).toEqual({ swapped: true, map: secondMap });
    expect(await answerOf(store.create({ ...cluster, map: firstMap }))).toEqual({ swapped: false, map: secondMap });
    expect(await answerOf(store.keystoreFingerprint())).toBe('abc');
    expect(await answerOf(store.nextProposerId())).toBe(42);
    expect(await answerOf(store.takeProposerIds(5))).toEqual({ first: 43, count: 5 });
    expect(await answerOf(open().nextProposerId())).toBe(48);
  });

  it('says what is wrong with what it finds, and leaves it alone', async () => {
    newPrefix();
    const store = open();
    await store.create({ map: firstMap, keystoreFingerprint: 'abc', lastProposerId: 0xffff_fffe });
    expect(await answerOf(store.takeProposerIds(9))).toEqual({ first: 0xffff_ffff, count: 1 });
    expect(await problemOf(store.nextProposerId())).toContain('used up');
    for (const text of ['{"', '{}', '{"stamp":"x","map":{}}']) {
      const read = await answerOf(store.client.get('map'));
      const condition = { key: 'map', modRevision: read?.modRevision ?? '' };
      await answerOf(store.client.putIf([condition], [{ key: 'map', text }]));
      const fresh = open();
      expect(await problemOf(fresh.read())).toContain('the cluster map in etcd cannot be used');
      expect(await problemOf(fresh.compareAndSet(1, secondMap))).toContain('cannot be used');
      expect((await answerOf(store.client.get('map')))?.text).toBe(text);
    }
  });

  it('goes on with another address where one does not answer', async () => {
    newPrefix();
    const store = open({ urls: ['http://127.0.0.1:1', server.url] });
    expect(await answerOf(store.compareAndSet(0, firstMap))).toEqual({ swapped: true, map: firstMap });
    expect(await answerOf(store.read())).toEqual(firstMap);
  });

  it(
    'fails in time while etcd is away, says so once, and goes on by itself when it is back',
    async () => {
      newPrefix();
      const lines: string[] = [];
      const store = open({ log: logOf(lines) });
      await answerOf(store.compareAndSet(0, firstMap));
      const epochs: number[] = [];
      const told = new Promise<void>((resolve) => {
        store.watch(1, (map) => {
          epochs.push(map.epoch);
          if (map.epoch === 3) resolve();
        });
      });
      await server.kill();
      const startMs = performance.now();
      expect(await store.read()).toMatchObject({ ok: false });
      expect(await store.compareAndSet(1, secondMap)).toMatchObject({ ok: false });
      expect(await store.nextProposerId()).toMatchObject({ ok: false });
      expect(performance.now() - startMs).toBeLessThan(20_000);
      await server.restart();
      const other = open();
      const swapped = await answerOf(updateClusterMap(other, (map) => withRaisedGenerations(map, [1])));
      await answerOf(updateClusterMap(other, (map) => (map.epoch < 3 ? withRaisedGenerations(map, [1]) : null)));
      await told;
      expect(swapped.epoch).toBeGreaterThan(1);
      expect(epochs.at(-1)).toBe(3);
      expect(lines).toEqual([
        expect.stringContaining('does not answer: serving goes on'),
        expect.stringContaining('answers again'),
      ]);
    },
    ETCD_TEST_MS,
  );

  it(
    'calls a change uncertain that etcd may have got',
    async () => {
      newPrefix();
      const store = open();
      await answerOf(store.compareAndSet(0, firstMap));
      await answerOf(store.read());
      server.hang();
      const result = await store.compareAndSet(1, secondMap);
      server.goOn();
      expect(result).toMatchObject({ ok: false, uncertain: true });
      // Whether it was done or not, nothing is broken by it.
      const map = await answerOf(updateClusterMap(open(), (now) => (now.epoch === 1 ? secondMap : null)));
      expect(map).toEqual(secondMap);
    },
    ETCD_TEST_MS,
  );
});
