import { afterEach, describe, expect, it } from 'vitest';
import { ProxyHarness } from './testing/proxy-harness.ts';
import { encode, eventually, type RawClient } from './testing/raw-client.ts';

let harness: ProxyHarness;

async function connected(): Promise<RawClient> {
  harness = await ProxyHarness.start();
  const client = await harness.client();
  expect(await client.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
  return client;
}

afterEach(() => harness.stop());

describe('a proxy that stops', () => {
  it('answers every command that has arrived, also those that have not started', async () => {
    const client = await connected();
    harness.cluster.hold();
    const count = 1_200;
    const requests = Buffer.concat(new Array<Buffer>(count).fill(encode(['GET', 'none'])));
    const { stats } = harness.proxy.context;
    const before = stats.netInputBytes;
    client.send(requests);
    expect(await eventually(() => stats.netInputBytes === before + requests.length)).toBe(true);
    expect(harness.cluster.submitted).toBeLessThan(count);
    const stopped = harness.proxy.stop();
    harness.cluster.release();
    expect((await client.readToEnd()).length).toBe(count * '$-1\r\n'.length);
    await stopped;
  });

  it('waits for the rest of a request of which a part has arrived, and takes nothing after it', async () => {
    const client = await connected();
    const request = encode(['SET', 'k', 'v'.repeat(1_000)]);
    client.send(request.subarray(0, 100));
    const { clients } = harness.proxy.context;
    expect(await eventually(() => clients.queryBufferBytes > 0)).toBe(true);
    const stopped = harness.proxy.stop();
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.send(Buffer.concat([request.subarray(100), encode(['PING']), encode(['PING'])]));
    expect(await client.readToEnd()).toBe('+OK\r\n');
    await stopped;
    expect(clients.queryBufferBytes).toBe(0);
  });

  it('also when of the request only its count has arrived', async () => {
    const client = await connected();
    client.send('*1\r\n');
    await new Promise((resolve) => setTimeout(resolve, 30));
    const stopped = harness.proxy.stop();
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.send('$4\r\nPING\r\n');
    expect(await client.readToEnd()).toBe('+PONG\r\n');
    await stopped;
  });

  it('waits for nobody longer than shutdown-timeout says', async () => {
    const client = await connected();
    expect(harness.proxy.context.config.set([['shutdown-timeout', '0']])).toBeNull();
    client.send('*1\r\n$4\r\nPI');
    expect(await eventually(() => harness.proxy.context.clients.queryBufferBytes > 0)).toBe(true);
    await harness.proxy.stop();
    expect(await client.isClosed()).toBe(true);
  });

  it('accepts nobody, and closes idle connections at once', async () => {
    const client = await connected();
    const startedMs = Date.now();
    await harness.proxy.stop();
    expect(await client.readToEnd()).toBe('');
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    await expect(harness.client()).rejects.toThrow('ECONNREFUSED');
  });
});
