/** Of CONFIG SET, for both servers: low, so that short sequences cross them. */
export const SETTINGS: readonly string[] = [
  'hash-max-listpack-entries',
  '6',
  'hash-max-listpack-value',
  '12',
  'set-max-intset-entries',
  '6',
  'zset-max-listpack-entries',
  '6',
  'zset-max-listpack-value',
  '21',
];

/** About so many commands of each kind: RANDOM_COMMANDS of the environment, or those of a quick run. */
export const COMMANDS = Number(process.env['RANDOM_COMMANDS'] ?? '2400');

/**
 * Where the sequences come from: the same for the same commit, so that a failure is the commit's; `any` in RANDOM_SEED looks for
 * what no run has seen yet, a number there for what another saw.
 */
export const SEED = seedOf(process.env['RANDOM_SEED'] ?? '1');

function seedOf(asked: string): number {
  const seed = asked === 'any' ? Math.floor(Math.random() * 2 ** 31) : Number(asked);
  if (!Number.isSafeInteger(seed)) throw new Error(`RANDOM_SEED is a whole number, or any: ${asked}`);
  return seed;
}

/** For all of a kind. What is not answered ends the test much sooner; a machine that is busy with other things does not. */
export const MOST_MS = 300_000 + COMMANDS * 20;
