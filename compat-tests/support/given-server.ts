import { startJunokv } from './junokv-server.ts';
import type { Place } from './place.ts';
import { RawClient } from './raw-client.ts';

/**
 * The junokv that tests of a single server are to run against: COMPAT_SERVER in the environment, a place as JSON. Null: they start
 * their own. It need not be one process, so tests may not rely on two connections reaching the same proxy.
 */
export const givenServer: Place | null = readPlace(process.env['COMPAT_SERVER']);

export interface FoundServer {
  readonly place: Place;
  stop(): Promise<void>;
}

/** The given server, emptied, which goes on afterwards; or else one of our own, in memory. */
export async function givenOrStarted(): Promise<FoundServer> {
  if (givenServer !== null) {
    const client = await RawClient.connect(givenServer);
    await client.command(['FLUSHALL']);
    client.close();
    return { place: givenServer, stop: async () => {} };
  }
  const { port, stop } = await startJunokv({ engine: 'memory' });
  return { place: port, stop };
}

function readPlace(text: string | undefined): Place | null {
  if (text === undefined) return null;
  const place: Place = JSON.parse(text);
  return place;
}
