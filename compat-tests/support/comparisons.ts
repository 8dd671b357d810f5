import { type ReplyNode, readReply, showReply } from './resp-reply.ts';

/** What is wrong about junokv's reply beside Redis's, or null. Names what it overlooks. */
export interface Comparison {
  readonly name: string;
  differ(redis: Buffer, junokv: Buffer): string | null;
}

const SHOWN_CHARS = 600;

function shown(text: string): string {
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}... (${text.length} characters)` : text;
}

function sides(redis: string, junokv: string): string {
  return `\n    redis  ${shown(redis)}\n    junokv ${shown(junokv)}`;
}

function parse(bytes: Buffer): ReplyNode {
  const node = readReply(bytes);
  if (node === null) throw new Error('half a reply');
  return node;
}

/** Byte for byte. */
export const exactly: Comparison = {
  name: 'exactly',
  differ(redis, junokv) {
    if (redis.equals(junokv)) return null;
    return sides(JSON.stringify(redis.toString('latin1')), JSON.stringify(junokv.toString('latin1')));
  },
};

/** A comparison of texts made from the replies: both sides through the same `canonical`. */
function through(name: string, canonical: (node: ReplyNode) => string): Comparison {
  return {
    name,
    differ(redis, junokv) {
      const [a, b] = [canonical(parse(redis)), canonical(parse(junokv))];
      return a === b ? null : sides(a, b);
    },
  };
}

/** Integers (a bare one, or all in the same places of an array) that differ by at most this much: remaining times. */
export function within(tolerance: number): Comparison {
  return {
    name: `within ${tolerance}`,
    differ(redis, junokv) {
      const [a, b] = [showReply(parse(redis)), showReply(parse(junokv))];
      const [masked, mine] = [a, b].map((text) => text.replace(/\d{2,}/g, '#'));
      const [left, right] = [a, b].map((text) => (text.match(/\d{2,}/g) ?? []).map(Number));
      const near = (left ?? []).every((value, i) => Math.abs(value - (right?.[i] ?? Number.NaN)) <= tolerance);
      return masked === mine && near ? null : sides(a, b);
    },
  };
}

/** Bare integers that differ by one at most: seconds since something, which begin at another moment on each server. */
export const oneApart: Comparison = {
  name: 'one apart',
  differ(redis, junokv) {
    const [a, b] = [parse(redis), parse(junokv)];
    const [left, right] = [a, b].map(showReply);
    const isNear = a.type === ':' && b.type === ':' && Math.abs(Number(a.bytes) - Number(b.bytes)) <= 1;
    return isNear || left === right ? null : sides(left ?? '', right ?? '');
  },
};

/** The items of an array or set in any order; a map's pairs stay together. */
export const inAnyOrder: Comparison = through('in any order', (node) => {
  const items = node.items.map(showReply);
  const width = node.type === '%' ? 2 : 1;
  const groups = Array.from({ length: items.length / width }, (_, i) => items.slice(i * width, (i + 1) * width));
  return `${node.type}${groups
    .map((group) => group.join(' '))
    .sort()
    .join('\n')}`;
});

/** As `inAnyOrder` for a flat array of names and values: CONFIG GET under RESP2. */
export const pairsInAnyOrder: Comparison = through('pairs in any order', (node) => {
  const items = node.items.map(showReply);
  const pairs = Array.from({ length: items.length / 2 }, (_, i) => `${items[2 * i]}=${items[2 * i + 1]}`);
  return `${node.type}${pairs.sort().join('\n')}`;
});

function allSorted(node: ReplyNode): string {
  if (node.items.length === 0) return showReply(node);
  return `${node.type}[${node.items.map(allSorted).sort().join(' ')}]`;
}

/** Arrays in any order at every level: flags, categories. */
export const inAnyOrderAtAllLevels: Comparison = through('in any order at all levels', allSorted);

function shapeOf(node: ReplyNode): string {
  return node.items.length === 0 ? node.type : `${node.type}[${node.items.map(shapeOf).join('')}]`;
}

/** Numbers of many digits are the same as far as thirteen of them. */
export const nearlySameNumbers: Comparison = {
  name: 'numbers to 13 digits',
  differ(redis, junokv) {
    const [a, b] = [showReply(parse(redis)), showReply(parse(junokv))];
    const number = /\d+(?:\.\d+)?/g;
    const mine = (b.match(number) ?? []).map(Number);
    // Not by rounding: two that are nearly the same may lie on either side of where that goes up.
    const areNear = (a.match(number) ?? []).every((text, i) => {
      const [one, other] = [Number(text), mine[i] ?? Number.NaN];
      return Math.abs(one - other) <= Math.max(one, other) * 1e-13;
    });
    return areNear && a.replace(number, '#') === b.replace(number, '#') ? null : sides(a, b);
  },
};

/** Types and nesting, not values: TIME, RANDOMKEY. */
export const inShape: Comparison = through('in shape', shapeOf);

/** Only the kind of reply: a long text of the server's own. */
export const inType: Comparison = through('in type', (node) => node.type);

/** An error of the same first word, whatever it says further. */
export const inErrorCode: Comparison = through('in error code', (node) =>
  node.type === '-' ? showReply(node).split(' ', 1).join('') : showReply(node),
);

/** With each match replaced by its first group, or by #: ids, addresses, ages. */
export function masking(...patterns: readonly RegExp[]): Comparison {
  return through(`masking ${patterns.join(' ')}`, (node) =>
    patterns.reduce(
      (text, pattern) => text.replace(pattern, (_, kept) => (typeof kept === 'string' ? kept : '#')),
      showReply(node),
    ),
  );
}

/** Both texts contain all of these: INFO's fields. */
export function containing(...patterns: readonly RegExp[]): Comparison {
  return {
    name: `containing ${patterns.join(' ')}`,
    differ(redis, junokv) {
      const missing = patterns.flatMap((pattern) => [
        ...(pattern.test(redis.toString('latin1')) ? [] : [`redis lacks ${pattern}`]),
        ...(pattern.test(junokv.toString('latin1')) ? [] : [`junokv lacks ${pattern}`]),
      ]);
      return missing.length === 0 ? null : `${missing.join(', ')}${sides('', junokv.toString('latin1'))}`;
    },
  };
}

/** The items of an array each by its own comparison: what EXEC answers. */
export function oneByOne(comparisons: readonly Comparison[]): Comparison {
  return {
    name: 'one by one',
    differ(redis, junokv) {
      const [a, b] = [parse(redis), parse(junokv)];
      const isArray = a.type === '*' && b.type === '*' && a.items.length === comparisons.length;
      if (!isArray || b.items.length !== a.items.length) return exactly.differ(redis, junokv);
      let [startA, startB] = [redis.indexOf('\r\n') + 2, junokv.indexOf('\r\n') + 2];
      for (const [i, { end }] of a.items.entries()) {
        const endB = b.items[i]?.end ?? startB;
        const [left, right] = [redis.subarray(startA, end), junokv.subarray(startB, endB)];
        const problem = left.equals(right) ? null : (comparisons[i] ?? exactly).differ(left, right);
        if (problem !== null) return `item ${i + 1}: ${problem}`;
        [startA, startB] = [end, endB];
      }
      return null;
    },
  };
}

/** OBJECT ENCODING, where those of one group count as one. */
function encodingsAlike(name: string, ...groups: readonly (readonly string[])[]): Comparison {
  const groupOf = (reply: Buffer): number => groups.findIndex((group) => group.includes(String(parse(reply).bytes)));
  return {
    name,
    differ(redis, junokv) {
      const group = groupOf(redis);
      return group >= 0 && group === groupOf(junokv) ? null : exactly.differ(redis, junokv);
    },
  };
}

/** Whether Redis calls a string raw or embstr depends on how it was made. */
export const sameEncoding: Comparison = encodingsAlike('encodings of strings alike', ['raw', 'embstr', 'int']);

/** And SORT makes a skip list of a sorted set in Redis. */
export const sameEncodingAfterSort: Comparison = encodingsAlike(
  'encodings of strings alike, and of sorted sets',
  ['raw', 'embstr', 'int'],
  ['listpack', 'skiplist'],
);
