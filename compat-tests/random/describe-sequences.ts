import { afterAll, beforeAll, describe, it } from 'vitest';
import { ServerPairs } from '../harness.ts';
import { redisServerVersion } from '../support/redis-server.ts';
import { groupsOfCommands, ReplyCounts } from '../support/reply-counts.ts';
import type { Ports } from '../support/run-script.ts';
import { compareSequences, type SequenceKind } from './run-sequences.ts';
import { ServerPair } from './server-pair.ts';
import { COMMANDS, MOST_MS, SEED, SETTINGS } from './settings.ts';

/** One that is made from what the servers say. */
export interface LazyKind {
  readonly name: string;
  load(ports: Ports): Promise<SequenceKind>;
}

/** Tests of random sequences of these kinds on both servers; they say how much was compared. */
export function describeSequences(title: string, kinds: readonly (SequenceKind | LazyKind)[]): void {
  const redis = redisServerVersion();
  describe.skipIf(!redis.ok)(redis.ok ? title : `${title} (skipped: ${redis.reason})`, () => {
    const servers = new ServerPairs();
    const counts = new ReplyCounts();
    let pair: ServerPair;

    beforeAll(async () => {
      pair = new ServerPair(await servers.ports('plain'), SETTINGS, counts);
    }, 60_000);
    afterAll(async () => {
      console.log(`${title}, seed ${SEED}:\n${counts.table(await groupsOfCommands(await servers.ports('plain')))}`);
      pair.close();
      await servers.stop();
    });

    it.each(kinds)(
      '$name answer the same',
      async (kind) => {
        const known = 'load' in kind ? await kind.load(await servers.ports('plain')) : kind;
        await compareSequences(pair, known, COMMANDS, SEED);
      },
      MOST_MS,
    );
  });
}
