import type { Place } from './place.ts';
import { RawClient } from './raw-client.ts';

/** Somebody there answers PING, be it with a demand for a password. */
export async function answersPing(place: Place): Promise<boolean> {
  let client: RawClient | null = null;
  try {
    client = await RawClient.connect(place);
    const reply = (await client.command(['PING'], 1_000)).toString('latin1');
    return reply === '+PONG\r\n' || reply.startsWith('-NOAUTH');
  } catch {
    return false;
  } finally {
    client?.close();
  }
}
