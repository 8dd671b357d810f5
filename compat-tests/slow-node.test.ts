import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JunokvCluster } from './support/junokv-cluster.ts';

const START_MS = 300_000;
const TEST_MS = 120_000;
/** Longer than a command waits for nodes that are gone, shorter than for nodes that are slow (limits.deadlineMs and deadlineWhenLateMs). */
const STOOD_STILL_MS = 3_500;

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

describe('a storage node that stands still while another zone is down', () => {
  let cluster: JunokvCluster;
  let client: Redis;
  beforeAll(async () => {
    cluster = await JunokvCluster.start(1);
    client = new Redis({ port: cluster.proxyPorts[0] ?? 0, maxRetriesPerRequest: 0, retryStrategy: null });
    await client.set('before', 'value');
    await cluster.killStorage(3);
    await client.get('before');
  }, START_MS);
  afterAll(async () => {
    client?.disconnect();
    await cluster?.stop();
  });

  const ask = (): Promise<unknown>[] => [
    client.get('before'),
    client.set('written', 'value'),
    client.incr('counter'),
    client.mset('one', '1', 'two', '2'),
    client.mget('one', 'two'),
  ];

  it('is waited for: commands are answered when it goes on', { timeout: TEST_MS }, async () => {
    const pid = cluster.pids.storage[1];
    if (pid === undefined) throw new Error('node 2 has no process');
    process.kill(pid, 'SIGSTOP');
    const answers = Promise.allSettled(ask());
    await pause(STOOD_STILL_MS);
    process.kill(pid, 'SIGCONT');
    expect((await answers).map((one) => (one.status === 'rejected' ? String(one.reason) : 'answered'))).toEqual(
      Array.from({ length: 5 }, () => 'answered'),
    );
    expect(await client.mget('before', 'written', 'counter', 'one', 'two')).toEqual(['value', 'value', '1', '1', '2']);
  });

  it('... not where its process is gone: nothing was changed', { timeout: TEST_MS }, async () => {
    await cluster.killStorage(2);
    const answers = await Promise.allSettled(ask());
    for (const one of answers)
      expect(one.status === 'rejected' ? String(one.reason) : 'answered').toMatch(/UNAVAILABLE/);
    await cluster.startStorage(2);
    expect(await client.mget('counter', 'one')).toEqual(['1', '1']);
  });
});
