import type { TransactionKey } from '../src/quorum/transaction.ts';

/** Two databases that are swapped in some runs; all other keys are in database 0. */
export const SWAPPED_DATABASES = [2, 3] as const;
/** `s1` is a key of the first of them, `s1@3` the key of the same name in the second. */
const SWAPPED_KEY = /^(s\d+)(@3)?$/;

/** Where the key of a plan is. */
export function placeOf(name: string): TransactionKey {
  const [, key, second] = SWAPPED_KEY.exec(name) ?? [];
  if (key === undefined) return { namespace: 0, key: Buffer.from(name, 'latin1') };
  const namespace = SWAPPED_DATABASES[second === undefined ? 0 : 1];
  return { namespace, key: Buffer.from(key, 'latin1') };
}

/** What the two keys of one name have in common; null for a key of another database. */
export function pairOf(name: string): string | null {
  return SWAPPED_KEY.exec(name)?.[1] ?? null;
}
