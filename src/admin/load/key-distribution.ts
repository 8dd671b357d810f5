import type { Random } from '../../base/random.ts';
import type { ParsedValue } from '../option.ts';
import { Zipf } from './zipf.ts';

export type KeyDistribution =
  | { readonly kind: 'uniform' | 'sequential' }
  | { readonly kind: 'zipf'; readonly theta: number }
  /** `share` of the requests go to key 0, the others are spread over all keys. */
  | { readonly kind: 'hot'; readonly share: number };

export const DEFAULT_THETA = 0.99;
const MAX_THETA = 10;

/** `uniform`, `sequential`, `zipf`, `zipf:THETA`, `hot`, `hot:SHARE`. */
export function parseKeyDistribution(text: string): ParsedValue<KeyDistribution> {
  if (text === 'uniform' || text === 'sequential') return { ok: true, value: { kind: text } };
  const match = /^(zipf|hot)(?::(\d{1,2}(?:\.\d{1,6})?))?$/.exec(text);
  if (match === null) return { ok: false };
  const given = match[2] === undefined ? null : Number(match[2]);
  if (given === 0) return { ok: false };
  if (match[1] === 'zipf') {
    const theta = given ?? DEFAULT_THETA;
    return theta > MAX_THETA ? { ok: false } : { ok: true, value: { kind: 'zipf', theta } };
  }
  const share = given ?? 1;
  return share > 1 ? { ok: false } : { ok: true, value: { kind: 'hot', share } };
}

/** As the option is written. */
export function keyDistributionText(distribution: KeyDistribution): string {
  switch (distribution.kind) {
    case 'zipf':
      return `zipf:${distribution.theta}`;
    case 'hot':
      return `hot:${distribution.share}`;
    default:
      return distribution.kind;
  }
}

/** A function that gives the index of the next key, from 0 to `keys` - 1. */
export function keyChooser(distribution: KeyDistribution, keys: number, random: Random): () => number {
  switch (distribution.kind) {
    case 'uniform':
      return () => random.below(keys);
    case 'sequential': {
      let next = 0;
      return () => {
        const index = next;
        next = index + 1 === keys ? 0 : index + 1;
        return index;
      };
    }
    case 'zipf': {
      const zipf = new Zipf(keys, distribution.theta, random);
      return () => zipf.next();
    }
    case 'hot': {
      const { share } = distribution;
      return () => (share === 1 || random.unit() < share ? 0 : random.below(keys));
    }
  }
}
