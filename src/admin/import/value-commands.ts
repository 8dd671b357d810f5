import { limits } from '../../base/limits.ts';
import { prefixOfName } from '../../proxy/values/keyed-elements.ts';
import type { RdbValue } from '../../record/rdb/rdb-format.ts';
import type { Argument } from './redis-link.ts';

/**
 * Arguments of one command, and the bytes of elements. A sorted set's lie all over one of its two trees, whatever their
 * order, so that each command changes most pages of that: there should be few of them.
 */
const ARGUMENTS = { list: 1_024, set: 1_024, hash: 1_024, zset: 8_192 } as const;
const COMMAND_BYTES = 262_144;

const NO_BYTES = Buffer.alloc(0);
const NAMES = { list: 'RPUSH', set: 'SADD', hash: 'HSET', zset: 'ZADD' } as const;

/**
 * The commands that add a value's elements to what is at `key`, with their times; of a string the one that sets it. A list's
 * are in order; a hash's and a set's in that of the tree that they go to, so that each command changes few pages.
 */
export function valueCommands(key: Buffer, value: RdbValue): Argument[][] {
  if (value.kind === 'string') return [['SET', key, value.bytes]];
  const commands: Argument[][] = [];
  const step = value.kind === 'hash' ? 2 : 1;
  const order = value.kind === 'hash' || value.kind === 'set' ? treeOrder(value.items, step) : null;
  let args: Argument[] = [];
  let bytes = 0;
  for (let n = 0; n < value.items.length; n += step) {
    const i = order === null ? n : (order[n / step] ?? 0);
    if (args.length === 0 || args.length >= ARGUMENTS[value.kind] || bytes > COMMAND_BYTES) {
      args = [NAMES[value.kind], key];
      commands.push(args);
      bytes = 0;
    }
    if (value.kind === 'zset') args.push(scoreText(value.scores[i] ?? 0));
    for (let place = i; place < i + step; place++) {
      const item = value.items[place];
      if (item === undefined) continue;
      args.push(item);
      bytes += item.length;
    }
  }
  if (value.kind === 'hash') addTimes(commands, key, value);
  return commands;
}

/** The places of the names among `items`, one every `step`, in the order of the proxy's trees. */
function treeOrder(items: readonly Buffer[], step: number): number[] {
  const places: { readonly at: number; readonly prefix: number }[] = [];
  for (let at = 0; at < items.length; at += step) places.push({ at, prefix: prefixOfName(items[at] ?? NO_BYTES) });
  return places.sort((a, b) => a.prefix - b.prefix).map(({ at }) => at);
}

/** The commands that make fields expire, each for those of one moment. */
function addTimes(commands: Argument[][], key: Buffer, { items, times = [] }: RdbValue & { kind: 'hash' }): void {
  const fields = new Map<number, Buffer[]>();
  times.forEach((timeMs, i) => {
    const field = items[2 * i];
    if (timeMs === 0 || field === undefined) return;
    const same = fields.get(timeMs);
    if (same === undefined) fields.set(timeMs, [field]);
    else same.push(field);
  });
  for (const [timeMs, same] of fields) {
    for (let from = 0; from < same.length; from += ARGUMENTS.hash) {
      const some = same.slice(from, from + ARGUMENTS.hash);
      commands.push(['HPEXPIREAT', key, String(timeMs), 'FIELDS', String(some.length), ...some]);
    }
  }
}

/** A double so that it is read as the same one. */
export function scoreText(score: number): string {
  if (Object.is(score, -0)) return '-0';
  if (Number.isFinite(score)) return String(score);
  return score > 0 ? 'inf' : '-inf';
}

/** Whether a value goes as one payload. */
export function goesWhole(valueBytes: number, isString: boolean): boolean {
  return isString || valueBytes <= limits.importPartBytes;
}
