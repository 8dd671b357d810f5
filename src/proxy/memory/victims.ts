import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { KeyUse } from '../key-use.ts';
import type { Candidate } from './memory-port.ts';

/** What decides between candidates: `volatile-` and `allkeys-` are not in it. */
export type Preference = 'lru' | 'lfu' | 'random' | 'ttl';

export interface Judge {
  readonly clock: Clock;
  readonly random: Random;
  readonly keyUse: KeyUse;
}

/** How a maxmemory-policy chooses; null: it evicts nothing. */
export function choiceOf(policy: string): { readonly expiring: boolean; readonly by: Preference } | null {
  const [kind, by] = policy.split('-');
  if (by !== 'lru' && by !== 'lfu' && by !== 'random' && by !== 'ttl') return null;
  return { expiring: kind === 'volatile', by };
}

/**
 * Those to be evicted first, at most `most` and as few as free `bytes`: the longest idle ones, the least often used, those that
 * expire soonest, or any. Idle times and frequencies are what this process knows, as OBJECT IDLETIME and FREQ show them.
 */
export function chooseVictims(
  candidates: readonly Candidate[],
  by: Preference,
  most: number,
  bytes: number,
  judge: Judge,
): Candidate[] {
  const wallMs = judge.clock.wallMs();
  const nowMs = judge.clock.monotonicMs();
  const scored = candidates.map((candidate) => ({ candidate, score: scoreOf(candidate, by, wallMs, nowMs, judge) }));
  scored.sort((a, b) => b.score - a.score);
  const victims: Candidate[] = [];
  let freed = 0;
  for (const { candidate } of scored) {
    if (victims.length >= most || freed >= bytes) break;
    victims.push(candidate);
    freed += candidate.bytes;
  }
  return victims;
}

/** The higher, the sooner it goes. */
function scoreOf(candidate: Candidate, by: Preference, wallMs: number, nowMs: number, judge: Judge): number {
  const { namespace, key, lastModifiedMs, expiresAtMs } = candidate;
  const ageMs = Math.max(0, wallMs - lastModifiedMs);
  switch (by) {
    case 'lru':
      return Math.min(ageMs / 1000, judge.keyUse.idleSeconds(namespace, key, nowMs) ?? ageMs / 1000);
    case 'lfu':
      return -judge.keyUse.frequency(namespace, key, nowMs, ageMs);
    case 'ttl':
      return expiresAtMs === 0 ? Number.NEGATIVE_INFINITY : -expiresAtMs;
    default:
      return judge.random.unit();
  }
}
