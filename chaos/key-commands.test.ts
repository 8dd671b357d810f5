import { describe, expect, it } from 'vitest';
import { outcomeOf } from './key-commands.ts';

const DESTROY = { kind: 'juno', call: 'destroy' } as unknown as Parameters<typeof outcomeOf>[0];

describe('what an error says of an operation', () => {
  it('is nothing, where the connection has gone: also before ioredis has heard of it', () => {
    for (const message of [
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
      "Stream isn't writeable and enableOfflineQueue options is false",
    ]) {
      expect(outcomeOf(DESTROY, message)).toEqual({ outcome: { kind: 'unknown' }, problem: false });
    }
  });

  it('is a problem, where no fault explains it', () => {
    expect(outcomeOf(DESTROY, 'ERR something else')).toMatchObject({ problem: true });
  });
});
