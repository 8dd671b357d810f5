import { afterAll, describe, expect, it } from 'vitest';
import { ServerPairs } from './harness.ts';
import { allScripts } from './scripts/all-scripts.ts';
import { givenServer } from './support/given-server.ts';
import { redisServerVersion } from './support/redis-server.ts';
import { groupsOfCommands, ReplyCounts } from './support/reply-counts.ts';
import { runScript } from './support/run-script.ts';

const redis = redisServerVersion();
const title = redis.ok ? `as redis-server ${redis.version}` : `as redis-server (skipped: ${redis.reason})`;

describe.skipIf(!redis.ok)(title, () => {
  const pairs = new ServerPairs();
  const counts = new ReplyCounts();
  afterAll(async () => {
    const table = counts.table(await groupsOfCommands(await pairs.ports('plain')));
    await pairs.stop();
    console.log(`${table}\n${counts.pairs} pairs of replies compared`);
  });

  // A given server has its own configuration, and is another one for each connection perhaps.
  const scripts = allScripts.filter(({ servers }) => givenServer === null || servers === 'plain');
  for (const script of scripts) {
    for (const protocol of script.protocols) {
      it(`${script.name}, RESP${protocol}`, async () => {
        const differences = await runScript(script, protocol, await pairs.ports(script.servers), counts);
        expect(differences.join('\n')).toBe('');
      });
    }
  }
});
