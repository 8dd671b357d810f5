import { givenServer } from './support/given-server.ts';
import { startJunokv } from './support/junokv-server.ts';
import { RawClient } from './support/raw-client.ts';
import { type RunningServer, startRedis } from './support/redis-server.ts';
import type { Ports } from './support/run-script.ts';
import type { Script } from './support/script.ts';

type Kind = Script['servers'];

const PASSWORD = 'secret';
const REDIS_OPTIONS: Readonly<Record<Kind, readonly string[]>> = {
  plain: ['--enable-debug-command', 'yes'],
  cluster: ['--cluster-enabled', 'yes'],
  password: ['--requirepass', PASSWORD],
};
const JUNOKV_OPTIONS: Readonly<Record<Kind, readonly string[]>> = {
  plain: ['--enable-debug-command', 'yes'],
  cluster: ['--cluster-enabled', 'yes'],
  password: ['--requirepass', PASSWORD],
};

/** Real Redis servers and junokvs in pairs of like configuration, started when first asked for; the plain junokv may be given. */
export class ServerPairs {
  readonly #pairs = new Map<Kind, Promise<Ports>>();
  readonly #servers: RunningServer[] = [];

  ports(kind: Kind): Promise<Ports> {
    let pair = this.#pairs.get(kind);
    if (pair === undefined) {
      pair = this.#start(kind);
      this.#pairs.set(kind, pair);
    }
    return pair;
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#pairs.values());
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  async #start(kind: Kind): Promise<Ports> {
    const redis = await startRedis(REDIS_OPTIONS[kind]);
    this.#servers.push(redis);
    if (kind === 'cluster') await takeAllSlots(redis.port);
    if (kind === 'plain' && givenServer !== null) return { redis: redis.port, junokv: givenServer, password: null };
    const junokv = await startJunokv({ engine: 'memory', more: JUNOKV_OPTIONS[kind] });
    this.#servers.push(junokv);
    return { redis: redis.port, junokv: junokv.port, password: kind === 'password' ? PASSWORD : null };
  }
}

/** Makes a lone redis-server a whole Redis Cluster. */
async function takeAllSlots(port: number): Promise<void> {
  const client = await RawClient.connect(port);
  await client.command(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
  const endMs = performance.now() + 10_000;
  for (;;) {
    const info = await client.command(['CLUSTER', 'INFO']);
    if (info.includes('cluster_state:ok')) break;
    if (performance.now() > endMs) throw new Error('the Redis Cluster does not come up');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  client.close();
}
