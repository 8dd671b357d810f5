import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerPairs } from './harness.ts';
import { knownDifferences } from './known-differences.ts';
import type { Place } from './support/place.ts';
import { RawClient } from './support/raw-client.ts';
import { redisServerVersion } from './support/redis-server.ts';
import { readReply, showReply } from './support/resp-reply.ts';
import type { Ports } from './support/run-script.ts';
import { type Step, toStep } from './support/script.ts';

const redis = redisServerVersion();
const title = redis.ok ? 'known differences' : `known differences (skipped: ${redis.reason})`;

async function answer(place: Place, before: readonly (string | Step)[], last: string | Step): Promise<string> {
  const client = await RawClient.connect(place);
  await client.command(['FLUSHALL']);
  let shown = '';
  for (const source of [...before, last]) {
    const step = toStep(source);
    if (step.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, step.pauseMs));
    void client.send(step.bytes);
    shown = showReply(readReply(await client.reply()) ?? expect.fail('half a reply'));
  }
  client.close();
  return shown;
}

describe.skipIf(!redis.ok)(title, () => {
  const pairs = new ServerPairs();
  let ports: Ports = { redis: 0, junokv: 0, password: null };
  beforeAll(async () => {
    ports = await pairs.ports('plain');
  }, 60_000);
  afterAll(() => pairs.stop());

  for (const difference of knownDifferences) {
    it(`${difference.name}: ${difference.reason}`, async () => {
      const theirs = await answer(ports.redis, difference.before, difference.step);
      const ours = await answer(ports.junokv, difference.before, difference.step);
      expect(theirs).toMatch(difference.redis);
      expect(ours).toMatch(difference.junokv);
      expect(ours).not.toBe(theirs);
    });
  }
});
