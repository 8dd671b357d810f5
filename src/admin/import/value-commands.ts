import { limits } from '../../base/limits.ts';
import type { RdbValue } from '../../record/rdb/rdb-format.ts';
import type { Argument } from './redis-link.ts';

/** Elements of one command, and their bytes. */
const ELEMENTS = 1_024;
const COMMAND_BYTES = 262_144;

const NAMES = { list: 'RPUSH', set: 'SADD', hash: 'HSET', zset: 'ZADD' } as const;

/** The commands that add a value's elements to what is at `key`, in their order, with their times; of a string the one that sets it. */
export function valueCommands(key: Buffer, value: RdbValue): Argument[][] {
  if (value.kind === 'string') return [['SET', key, value.bytes]];
  const commands: Argument[][] = [];
  const step = value.kind === 'hash' ? 2 : 1;
  let args: Argument[] = [];
  let bytes = 0;
  for (let i = 0; i < value.items.length; i += step) {
    if (args.length === 0 || args.length >= ELEMENTS || bytes > COMMAND_BYTES) {
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
    for (let from = 0; from < same.length; from += ELEMENTS) {
      const some = same.slice(from, from + ELEMENTS);
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
