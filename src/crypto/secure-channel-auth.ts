import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { sodium } from './sodium.ts';

/*
 * Both ends of an rpc connection prove that they hold the cluster secret, without sending it:
 *
 *   each end     -> other    challenge: 32 random bytes
 *   each end     -> other    answer = BLAKE2b-256(key = BLAKE2b-256("junokv cluster secret" secret),
 *                                     "junokv rpc" role:u8 challengeOfAnswerer challengeOfVerifier contextLength:u32 context)
 *
 * The role and the order of the challenges make a reflected answer fail, fresh challenges a recorded one. It proves who the
 * ends are when the connection is made; what follows is protected only by TLS.
 */

/** Which end of a connection: the one that connected, or the one that listened. Number on the wire. */
export const ChannelRole = { client: 1, server: 2 } as const;
export type ChannelRole = (typeof ChannelRole)[keyof typeof ChannelRole];

export const CHALLENGE_BYTES = 32;
export const ANSWER_BYTES = 32;

const SECRET_LABEL = Buffer.from('junokv cluster secret');
const ANSWER_LABEL = Buffer.from('junokv rpc');

/** Null if the secret is good enough, else what is wrong with it. */
export function clusterSecretProblem(secret: Uint8Array): string | null {
  if (secret.length >= limits.clusterSecretMinBytes) return null;
  return `the cluster secret must have at least ${limits.clusterSecretMinBytes} bytes`;
}

/** 32 random bytes, to be used for one connection. `random` must be cryptographically strong. */
export function makeChallenge(random: Random): Buffer {
  const challenge = Buffer.alloc(CHALLENGE_BYTES);
  random.fill(challenge);
  return challenge;
}

/**
 * What the end with `role` sends to prove that it knows `secret`. `context` is what both ends must agree on besides, such
 * as the cluster's id and the protocol version.
 */
export function answer(
  secret: Uint8Array,
  role: ChannelRole,
  myChallenge: Uint8Array,
  peerChallenge: Uint8Array,
  context: Uint8Array,
): Buffer {
  assert(clusterSecretProblem(secret) === null, 'the cluster secret is too short');
  assert(myChallenge.length === CHALLENGE_BYTES, 'a challenge has 32 bytes');
  assert(peerChallenge.length === CHALLENGE_BYTES, 'a challenge has 32 bytes');
  const key = Buffer.alloc(32);
  sodium().crypto_generichash(key, Buffer.concat([SECRET_LABEL, secret]));
  const contextLength = Buffer.alloc(4);
  contextLength.writeUInt32BE(context.length);
  const parts = [ANSWER_LABEL, Buffer.of(role), myChallenge, peerChallenge, contextLength, context];
  const result = Buffer.alloc(ANSWER_BYTES);
  sodium().crypto_generichash(result, Buffer.concat(parts), key);
  return result;
}

/**
 * Does the peer, which has `peerRole`, know the secret? `received` is its answer, of any length. Constant time. False also
 * if the peer sent our own challenge back, or one of another length.
 */
export function verify(
  secret: Uint8Array,
  peerRole: ChannelRole,
  myChallenge: Uint8Array,
  peerChallenge: Uint8Array,
  context: Uint8Array,
  received: Uint8Array,
): boolean {
  if (received.length !== ANSWER_BYTES || peerChallenge.length !== CHALLENGE_BYTES) return false;
  if (sodium().sodium_memcmp(myChallenge, peerChallenge)) return false;
  return sodium().sodium_memcmp(received, answer(secret, peerRole, peerChallenge, myChallenge, context));
}
