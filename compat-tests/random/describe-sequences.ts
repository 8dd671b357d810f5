import { afterAll, beforeAll, describe, it } from 'vitest';
import { ServerPairs } from '../harness.ts';
import { redisServerVersion } from '../support/redis-server.ts';
import { groupsOfCommands, ReplyCounts } from '../support/reply-counts.ts';
import { compareSequences, type SequenceKind } from './run-sequences.ts';
import { ServerPair } from './server-pair.ts';
import { COMMANDS, SETTINGS } from './settings.ts';

/** Tests of random sequences of these kinds on both servers; they say how much was compared. */
export function describeSequences(title: string, kinds: readonly SequenceKind[]): void {
  const redis = redisServerVersion();
  describe.skipIf(!redis.ok)(redis.ok ? title : `${title} (skipped: ${redis.reason})`, () => {
    const servers = new ServerPairs();
    const counts = new ReplyCounts();
    let pair: ServerPair;

    beforeAll(async () => {
      pair = new ServerPair(await servers.ports('plain'), SETTINGS, counts);
    }, 60_000);
    afterAll(async () => {
      console.log(`${title}:\n${counts.table(await groupsOfCommands(await servers.ports('plain')))}`);
      pair.close();
      await servers.stop();
    });

    it.each(kinds)(
      '$name answer the same',
      async (kind) => {
        await compareSequences(pair, kind, COMMANDS);
      },
      60_000 + COMMANDS * 20,
    );
  });
}
