/** What a server of the benchmark's own does, each level with what those above it do: parts of junokv, and nothing in between. */
export const LEAST_LEVELS = {
  sockets: 'reads requests and writes +OK for each, without a look at them',
  front: 'junokv’s proxy in front of a Map: commands are read, run and answered',
  sealed: 'a write is encrypted, once',
  written: 'and written to three journals with RocksDB behind them, as storage nodes do; two answer',
} as const;

export type LeastLevel = keyof typeof LEAST_LEVELS;

export const LEAST_LEVEL_NAMES: readonly LeastLevel[] = Object.keys(LEAST_LEVELS).filter(isLeastLevel);

export function isLeastLevel(name: string): name is LeastLevel {
  return Object.hasOwn(LEAST_LEVELS, name);
}
