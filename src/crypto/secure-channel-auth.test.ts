import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { SystemRandom } from '../base/system-random.ts';
import { answer, ChannelRole, clusterSecretProblem, makeChallenge, verify } from './secure-channel-auth.ts';

const random = new SystemRandom();
const secret = Buffer.from('a shared cluster secret');
const context = Buffer.from('cluster-1');
const mine = makeChallenge(random);
const peers = makeChallenge(random);

describe('proving the cluster secret', () => {
  it('works both ways', () => {
    const fromServer = answer(secret, ChannelRole.server, peers, mine, context);
    expect(verify(secret, ChannelRole.server, mine, peers, context, fromServer)).toBe(true);
    const fromClient = answer(secret, ChannelRole.client, mine, peers, context);
    expect(verify(secret, ChannelRole.client, peers, mine, context, fromClient)).toBe(true);
  });

  it('has pinned bytes', () => {
    const bytes = answer(secret, ChannelRole.client, Buffer.alloc(32, 1), Buffer.alloc(32, 2), context);
    expect(bytes.toString('hex')).toBe('391b668a17e153d62261042d1587a17a9faac8e6bb11831859e72743a33a2dce');
  });

  it('fails with another secret, role, challenge or context', () => {
    const good = answer(secret, ChannelRole.server, peers, mine, context);
    const other = makeChallenge(random);
    const another = Buffer.from('another cluster secret');
    expect(verify(another, ChannelRole.server, mine, peers, context, good)).toBe(false);
    expect(verify(secret, ChannelRole.client, mine, peers, context, good)).toBe(false);
    expect(verify(secret, ChannelRole.server, other, peers, context, good)).toBe(false);
    expect(verify(secret, ChannelRole.server, mine, other, context, good)).toBe(false);
    expect(verify(secret, ChannelRole.server, mine, peers, Buffer.from('cluster-2'), good)).toBe(false);
    expect(verify(secret, ChannelRole.server, peers, mine, context, good)).toBe(false);
  });

  it('fails for a reflected answer', () => {
    const own = answer(secret, ChannelRole.client, mine, peers, context);
    expect(verify(secret, ChannelRole.server, mine, peers, context, own)).toBe(false);
    // An attacker who also sends the challenge back.
    const mirrored = answer(secret, ChannelRole.server, mine, mine, context);
    expect(verify(secret, ChannelRole.server, mine, mine, context, mirrored)).toBe(false);
  });

  it('fails for any changed byte and any other length', () => {
    const good = answer(secret, ChannelRole.server, peers, mine, context);
    for (let i = 0; i < good.length; i++) {
      const changed = Buffer.from(good);
      changed[i] = (changed[i] ?? 0) ^ 0x80;
      expect(verify(secret, ChannelRole.server, mine, peers, context, changed)).toBe(false);
      expect(verify(secret, ChannelRole.server, mine, peers, context, good.subarray(0, i))).toBe(false);
    }
    const longer = Buffer.concat([good, Buffer.alloc(1)]);
    expect(verify(secret, ChannelRole.server, mine, peers, context, longer)).toBe(false);
    expect(verify(secret, ChannelRole.server, mine, peers.subarray(1), context, good)).toBe(false);
  });

  it('never makes the same challenge twice', () => {
    expect(makeChallenge(random).equals(makeChallenge(random))).toBe(false);
  });

  it('refuses a short secret', () => {
    expect(clusterSecretProblem(Buffer.alloc(limits.clusterSecretMinBytes))).toBeNull();
    const short = Buffer.alloc(limits.clusterSecretMinBytes - 1);
    expect(clusterSecretProblem(short)).toContain('at least 16 bytes');
    expect(() => answer(short, ChannelRole.client, mine, peers, context)).toThrow('too short');
  });
});
