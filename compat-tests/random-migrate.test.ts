import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerPairs } from './harness.ts';
import { compareKeyspaces } from './random/keyspace.ts';
import { migrateSequences } from './random/migrate.ts';
import { compareSequences, type SequenceKind } from './random/run-sequences.ts';
import { ServerPair } from './random/server-pair.ts';
import { COMMANDS, MOST_MS, SEED, SETTINGS } from './random/settings.ts';
import { readCommandDocs } from './support/command-docs.ts';
import { sameEncodingAfterSort } from './support/comparisons.ts';
import { givenServer } from './support/given-server.ts';
import { redisServerVersion } from './support/redis-server.ts';
import { ReplyCounts } from './support/reply-counts.ts';

const redis = redisServerVersion();
const skipped = !redis.ok ? redis.reason : givenServer !== null ? 'it needs a junokv to go to' : null;
const DATABASES = ['0', '1'];

describe.skipIf(skipped !== null)(skipped === null ? 'MIGRATE' : `MIGRATE (skipped: ${skipped})`, () => {
  const [from, to] = [new ServerPairs(), new ServerPairs()];
  let sources: ServerPair;
  let targets: ServerPair;

  beforeAll(async () => {
    const [here, there] = await Promise.all([from.ports('plain'), to.ports('plain')]);
    const { junokv } = there;
    if (typeof junokv !== 'number') expect.fail('a server of our own has a port');
    const counts = new ReplyCounts();
    sources = new ServerPair(here, SETTINGS, counts, { theirs: there.redis, ours: junokv });
    targets = new ServerPair(there, SETTINGS, counts);
  }, 60_000);
  afterAll(async () => {
    sources.close();
    targets.close();
    await Promise.all([from.stop(), to.stop()]);
  });

  it(
    'with every option leaves the same at both ends',
    async () => {
      const docs = await readCommandDocs((await from.ports('plain')).redis);
      const kind: SequenceKind = {
        name: 'MIGRATE',
        databases: DATABASES,
        encoding: sameEncodingAfterSort,
        sequences: migrateSequences(docs.get('migrate') ?? expect.fail('there is a MIGRATE')),
        afterwards: async () => {
          const problem = await compareKeyspaces(targets, DATABASES, sameEncodingAfterSort);
          // What is left there goes when it is next asked.
          if (problem !== null) targets.close();
          return problem === null ? null : `at the target, ${problem}`;
        },
      };
      await compareSequences(sources, kind, COMMANDS, SEED);
    },
    MOST_MS,
  );
});
