import { once } from 'node:events';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { Etcd3 } from 'etcd3';
import { READ_SHARE_OF_MIX, VALUE_PREFIX } from './commands.ts';
import { keyChooser, keyName, seededRandom } from './keys.ts';
import type { Load, LoadFigures } from './load-client.ts';

export type EtcdLoad = Omit<Load, 'endpoints' | 'pipeline' | 'waitForReplica'> & { readonly port: number };

/** What one thread of the load came to. */
export interface EtcdThreadFigures {
  readonly operations: number;
  readonly seconds: number;
  readonly errors: number;
  /** Microseconds of each request. */
  readonly latencies: RecordableHistogram;
}

/** gRPC costs its client about as much as etcd itself: one thread of Node would be the limit. */
const THREADS = 2;
/** Requests in flight share this many HTTP/2 connections per thread: more, or one alone, were slower. */
const CHANNELS = 3;
const FILL_KEYS_TOGETHER = 100;
const REQUEST_MS = 30_000;
const US_PER_MS = 1_000;

function connect(port: number): Etcd3 {
  return new Etcd3({
    hosts: `http://127.0.0.1:${port}`,
    // Without it all clients of a process would share one connection.
    grpcOptions: { 'grpc.use_local_subchannel_pool': 1 },
    defaultCallOptions: () => ({ deadline: Date.now() + REQUEST_MS }),
  });
}

/** `connections` requests in flight from this thread, for so long. */
export async function runEtcdThread(load: EtcdLoad, seed: number): Promise<EtcdThreadFigures> {
  const { port, operation, valueBytes, keyPattern, keys, connections, durationMs } = load;
  const clients = Array.from({ length: Math.min(CHANNELS, connections) }, () => connect(port));
  const value = Buffer.alloc(valueBytes, 'x');
  const latencies = createHistogram();
  let operations = 0;
  let errors = 0;
  const loop = async (client: Etcd3, endMs: number, random: () => number): Promise<void> => {
    const chooseKey = keyChooser(keyPattern, keys, random);
    let nowMs = performance.now();
    while (nowMs < endMs) {
      const startMs = nowMs;
      const key = Buffer.from(keyName(VALUE_PREFIX, chooseKey()));
      const reads = operation === 'GET' || (operation === 'MIX' && random() < READ_SHARE_OF_MIX);
      if (!reads) await client.kv.put({ key, value });
      else if ((await client.kv.range({ key })).kvs.length === 0) errors += 1;
      nowMs = performance.now();
      latencies.record(Math.max(1, Math.round((nowMs - startMs) * US_PER_MS)));
      operations += 1;
    }
  };
  const startMs = performance.now();
  try {
    await Promise.all(
      Array.from({ length: connections }, (_, i) => {
        const client = clients[i % clients.length];
        return client === undefined ? null : loop(client, startMs + durationMs, seededRandom(seed * connections + i));
      }),
    );
  } finally {
    for (const client of clients) client.close();
  }
  return { operations, errors, latencies, seconds: (performance.now() - startMs) / 1_000 };
}

/** Puts, gets or a mix from a few threads of this process. */
export async function runEtcdLoad(load: EtcdLoad): Promise<LoadFigures> {
  const threads = Math.min(THREADS, load.connections);
  const results = await Promise.all(
    Array.from({ length: threads }, async (_, i) => {
      const connections = Math.floor((load.connections + i) / threads);
      const workerData = { load: { ...load, connections }, seed: i + 1 };
      const worker = new Worker(new URL('./etcd-thread.ts', import.meta.url), { workerData });
      // An error within the thread rejects this.
      const [figures]: EtcdThreadFigures[] = await once(worker, 'message');
      if (figures === undefined) throw new Error('a thread of the etcd load said nothing');
      await worker.terminate();
      return figures;
    }),
  );
  const all = createHistogram();
  for (const { latencies } of results) all.add(latencies);
  const sum = (part: (figures: EtcdThreadFigures) => number): number =>
    results.reduce((total, figures) => total + part(figures), 0);
  return {
    perSecond: sum(({ operations, seconds }) => operations / seconds),
    p50Ms: all.percentile(50) / US_PER_MS,
    p99Ms: all.percentile(99) / US_PER_MS,
    errors: sum(({ errors }) => errors),
    operations: sum(({ operations }) => operations),
  };
}

/** Puts all keys, many to a transaction. */
export async function fillEtcd(port: number, keys: number, valueBytes: number): Promise<void> {
  const client = connect(port);
  const value = Buffer.alloc(valueBytes, 'x');
  try {
    for (let first = 0; first < keys; first += FILL_KEYS_TOGETHER) {
      const count = Math.min(FILL_KEYS_TOGETHER, keys - first);
      const success = Array.from({ length: count }, (_, i) => ({
        request_put: { key: Buffer.from(keyName(VALUE_PREFIX, first + i)), value },
      }));
      await client.kv.txn({ compare: [], success, failure: [] });
    }
  } finally {
    client.close();
  }
}
