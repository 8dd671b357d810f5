import {
  type Comparison,
  exactly,
  inAnyOrder,
  nearlySameNumbers,
  pairsInAnyOrder,
  sameEncoding,
  within,
} from '../support/comparisons.ts';
import { readReply } from '../support/resp-reply.ts';
import type { ServerPair } from './server-pair.ts';

/** Longest difference of times, in milliseconds: of two servers on a machine that stands still at times. */
export const TIME_TOLERANCE_MS = 20_000;

/** HyperLogLogs: those of one content may have other bytes. By the names of their keys. */
export function isCounter(key: string): boolean {
  return key.startsWith('hll');
}

/** Where distances are stored with all their digits, of which the last are those of a machine's sine and cosine. */
export const DISTANCES_KEY = 'distances';

/** How a whole value is read and compared, by its type. */
function readerOf(key: string, type: string): { words: string[]; compare: Comparison } {
  if (isCounter(key)) return { words: ['PFCOUNT', key], compare: exactly };
  switch (type) {
    case 'hash':
      return { words: ['HGETALL', key], compare: pairsInAnyOrder };
    case 'list':
      return { words: ['LRANGE', key, '0', '-1'], compare: exactly };
    case 'set':
      return { words: ['SMEMBERS', key], compare: inAnyOrder };
    case 'zset':
      return {
        words: ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
        compare: key === DISTANCES_KEY ? nearlySameNumbers : exactly,
      };
    default:
      return { words: ['GET', key], compare: exactly };
  }
}

/**
 * Compares all that is in these databases: names, types, encodings, times of expiry, contents; and what either server makes of
 * the other's DUMP. Deletes it, and returns what is wrong, or null.
 */
export async function compareKeyspaces(pair: ServerPair, databases: readonly string[], looseEncoding: Comparison) {
  await pair.send([['RESET']]);
  for (const database of databases) {
    const problem = await compareDatabase(pair, database, looseEncoding);
    if (problem !== null) return `at the end, database ${database}: ${problem}`;
  }
  return null;
}

async function compareDatabase(pair: ServerPair, database: string, looseEncoding: Comparison): Promise<string | null> {
  const [, listed] = await pair.send([
    ['SELECT', database],
    ['KEYS', '*'],
  ]);
  if (listed === undefined) throw new Error('KEYS has no answer');
  const unlike = inAnyOrder.differ(listed.theirs, listed.ours);
  if (unlike !== null) return `KEYS ${unlike}`;
  const keys = (readReply(listed.theirs)?.items ?? []).map(({ bytes }) => bytes?.toString('latin1') ?? '');
  if (keys.length === 0) return null;
  const about = await pair.compare(
    keys.flatMap((key) => [
      { words: ['TYPE', key], compare: exactly },
      { words: ['PEXPIRETIME', key], compare: within(TIME_TOLERANCE_MS) },
      { words: ['OBJECT', 'ENCODING', key], compare: looseEncoding },
    ]),
  );
  if (about !== null) return about;
  const types = await pair.send(keys.map((key) => ['TYPE', key]));
  const readers = keys.map((key, i) => readerOf(key, types[i]?.theirs.toString('latin1', 1).trimEnd() ?? ''));
  const problem = (await pair.compare(readers)) ?? (await exchangeAll(pair, keys, readers));
  await pair.send([['DEL', ...keys]]);
  return problem;
}

/** Restores every key from the other's DUMP of it, and compares what that makes of it. */
async function exchangeAll(
  pair: ServerPair,
  keys: readonly string[],
  readers: readonly { words: string[]; compare: Comparison }[],
): Promise<string | null> {
  const dumps = await pair.send(keys.map((key) => ['DUMP', key]));
  const restores = (side: 'theirs' | 'ours'): (string | Buffer)[][] =>
    keys.map((key, i) => ['RESTORE', key, '0', payloadOf(dumps[i]?.[side]), 'REPLACE']);
  const answers = await pair.sendApart(restores('ours'), restores('theirs'));
  const failed = answers.findIndex(({ theirs, ours }) => theirs[0] !== 0x2b || ours[0] !== 0x2b);
  if (failed >= 0) return `RESTORE ${keys[failed]}: ${answers[failed]?.theirs} and ${answers[failed]?.ours}`;
  const problem = await pair.compare([
    ...readers,
    ...keys.map((key) => ({ words: ['OBJECT', 'ENCODING', key], compare: sameEncoding })),
  ]);
  return problem === null ? null : `restored from the other's DUMP: ${problem}`;
}

/** What a reply to DUMP holds; empty for none. */
export function payloadOf(reply: Buffer | undefined): Buffer {
  return (reply === undefined ? null : readReply(reply)?.bytes) ?? Buffer.alloc(0);
}
