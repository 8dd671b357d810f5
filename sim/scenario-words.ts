import { assert } from '../src/base/assert.ts';
import type { Fsync } from '../src/storage/write-pipeline.ts';
import type { KeyOp } from './checker.ts';
import { expand } from './long-values.ts';
import type { PlainOp, PlannedTxn } from './plan.ts';
import { START_US } from './sim-clock.ts';
import { SMALL_PAGES } from './sim-limits.ts';
import type { WorldSetup } from './world.ts';

/**
 * An operation of a script: `incr k`, `setpxat k 1 +100` (milliseconds from the start), `cas k nil 1`. In a value `§`
 * stands for a long run of characters.
 */
export function parseOp(words: readonly string[]): { readonly key: string; readonly op: KeyOp } {
  const [kind = '', key = '', given = '', last = ''] = words;
  const value = expand(given);
  switch (kind) {
    case 'get':
    case 'incr':
    case 'del':
    case 'getdel':
    case 'persist':
      return { key, op: { kind } };
    case 'set':
    case 'setnx':
    case 'setxx':
    case 'getset':
    case 'append':
      return { key, op: { kind, value } };
    case 'setpxat':
      return { key, op: { kind, value, expiresAtMs: START_US / 1000 + Number(last) } };
    case 'cas':
      return { key, op: { kind, expected: value === 'nil' ? null : value, value: last } };
    case 'flush':
    case 'swap':
      return { key: '', op: { kind } };
    default:
      return { key, op: parsePlain(words) };
  }
}

/** Operations of which there is no other form. */
function parsePlain(words: readonly string[]): PlainOp {
  const [kind = '', , value = '', last = ''] = words;
  if (kind === 'getappend') return { kind, value: expand(value) };
  if (kind === 'pay') return { kind, amount: Number(value), value: last };
  throw new Error(`no such operation: ${words.join(' ')}`);
}

/**
 * `look a1 a2`, and operations that happen together: `all pay a1 -5 x / pay a2 5 x`, `all-or-none ...`. Null: no transaction.
 */
export function parseTxn(words: readonly string[]): Pick<PlannedTxn, 'mode' | 'parts'> | null {
  const [mode, ...rest] = words;
  if (mode === 'look') return { mode, parts: rest.map((key) => ({ key, op: { kind: 'get' } })) };
  if (mode !== 'all' && mode !== 'all-or-none') return null;
  const parts = rest
    .join(' ')
    .split(' / ')
    .map((text) => {
      const { key, op } = parseOp(text.split(' '));
      assert(op.kind !== 'flush' && op.kind !== 'swap' && op.kind !== 'juno', `${text} in a transaction`);
      return { key, op };
    });
  return { mode, parts };
}

/**
 * `cluster ZONES PROXIES [NAME=NUMBER]...`: nodes (to begin with) and spares per zone, shards, how many milliseconds those who
 * watch the config store learn of a new map after (0, the default: never), how many promises a node keeps, `fsync` as the product's, and bounds by
 * their names in src/base/limits.ts.
 */
export type ScenarioCluster = Pick<
  WorldSetup,
  | 'zones'
  | 'proxies'
  | 'nodesPerZone'
  | 'sparesPerZone'
  | 'shards'
  | 'watchDelayUs'
  | 'promiseCapacity'
  | 'fsync'
  | 'limits'
>;

export function parseCluster(line: string): ScenarioCluster {
  const [, zones = '3', proxies = '2', ...options] = line.split(' ');
  const given = new Map(
    options.map((option) => {
      const [name = '', value = ''] = option.split('=');
      return [name, value];
    }),
  );
  const fsync = fsyncOf(given.get('fsync') ?? 'always');
  given.delete('fsync');
  const take = (name: string, fallback: number): number => {
    const value = given.get(name);
    given.delete(name);
    return value === undefined ? fallback : Number(value);
  };
  return {
    zones: Number(zones),
    proxies: Number(proxies),
    nodesPerZone: take('nodes', 1),
    sparesPerZone: take('spares', 0),
    shards: take('shards', 1),
    watchDelayUs: take('watch', 0) * 1000,
    promiseCapacity: take('promises', 1_000),
    fsync,
    limits: { ...SMALL_PAGES, ...Object.fromEntries([...given].map(([name, value]) => [name, Number(value)])) },
  };
}

function fsyncOf(word: string): Fsync {
  assert(word === 'always' || word === 'everysec' || word === 'no', `fsync is always, everysec or no, not ${word}`);
  return word;
}
