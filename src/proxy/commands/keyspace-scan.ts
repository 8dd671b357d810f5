import { upToZero } from '../../base/c-text.ts';
import { limits } from '../../base/limits.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { globMatches } from '../glob.ts';
import { namespaceNumber, type Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';

export const INVALID_CURSOR = new ErrorReply('ERR invalid cursor');
const TOO_MANY_KEYS = new ErrorReply('ERR KEYS would answer too many keys, use SCAN');
const DEFAULT_COUNT = 10;
/** What a key of the reply costs apart from its bytes. */
const KEY_OVERHEAD_BYTES = 64;
/** Zeros in front of the digits included. */
const LONGEST_CURSOR = 64;
const UINT64_MAX = 18_446_744_073_709_551_615n;

/**
 * A cursor as Redis's strtoul takes it: digits, a sign, up to 64 bits, what is before a zero byte; '' is 0. Null where Redis says "invalid cursor".
 * Ours are below 2^53: of any other there is nothing more to scan, which 'foreign' says.
 */
export function parseCursor(bytes: Buffer): string | 'foreign' | null {
  const digits = upToZero(bytes);
  if (digits.length > LONGEST_CURSOR) return null;
  const text = digits.toString('latin1');
  if (text === '') return '0';
  if (!/^[+-]?[0-9]+$/.test(text)) return null;
  const value = BigInt(text.replace(/^[+-]/, ''));
  if (value > UINT64_MAX) return null;
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || (text.startsWith('-') && value > 0n)) return 'foreign';
  return String(value);
}

/** What SCAN, HSCAN and the like have in common. */
export interface ScanOptions {
  readonly count: number;
  /** Null: every key. */
  readonly pattern: Buffer | null;
  readonly type: string | null;
}

/** `hasType`: SCAN's own option TYPE is taken. */
export function parseScanOptions(args: readonly Buffer[], first: number, hasType: boolean): ScanOptions | ErrorReply {
  let count = DEFAULT_COUNT;
  let pattern: Buffer | null = null;
  let type: string | null = null;
  for (let i = first; i < args.length; i += 2) {
    const value = args[i + 1];
    if (value === undefined) return SYNTAX_ERROR;
    switch (optionName(argument(args, i))) {
      case 'count': {
        const parsed = parseInteger(value);
        if (parsed === null) return NOT_AN_INTEGER;
        if (parsed < 1) return SYNTAX_ERROR;
        count = Number(parsed);
        break;
      }
      case 'match':
        pattern = value.length === 1 && value[0] === 0x2a ? null : value;
        break;
      case 'type':
        if (!hasType) return SYNTAX_ERROR;
        type = optionName(value);
        break;
      default:
        return SYNTAX_ERROR;
    }
  }
  return { count: Math.min(count, limits.scanCount), pattern, type };
}

/** SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]. An unknown type finds nothing, as in Redis 7.0. */
async function scan(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const cursor = parseCursor(argument(args, 1));
  if (cursor === null) return INVALID_CURSOR;
  const options = parseScanOptions(args, 2, true);
  if (options instanceof ErrorReply) return options;
  if (cursor === 'foreign') return ['0', []];
  const page = await session.proxy.cluster.scan(namespaceNumber(session), cursor, options.count);
  const { pattern, type } = options;
  const found: Buffer[] = [];
  for (const scanned of page.keys) {
    if (type !== null && scanned.type !== type) continue;
    if (pattern === null || globMatches(pattern, scanned.key)) found.push(scanned.key);
  }
  return [page.cursor, found];
}

/** KEYS pattern: the whole database, page by page. */
async function keys(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const pattern = argument(args, 1);
  const found: Buffer[] = [];
  let bytes = 0;
  let cursor = '0';
  do {
    const page = await session.proxy.cluster.scan(namespaceNumber(session), cursor, limits.keysScanBatch);
    for (const { key } of page.keys) {
      if (!globMatches(pattern, key)) continue;
      bytes += key.length + KEY_OVERHEAD_BYTES;
      if (bytes > limits.keysReplyBytes) return TOO_MANY_KEYS;
      found.push(key);
    }
    cursor = page.cursor;
  } while (cursor !== '0');
  return found;
}

function randomKey(session: Session): Promise<Reply> {
  return session.proxy.cluster.randomKey(namespaceNumber(session));
}

/** SCAN, KEYS and RANDOMKEY: what there is in a database. */
export const scanCommands: readonly CommandRow[] = [
  {
    name: 'keys',
    group: 'generic',
    summary: 'Find all keys matching the given pattern',
    since: '1.0.0',
    complexity:
      'O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.',
    arity: 2,
    flags: ['readonly'],
    categories: ['@keyspace', '@read', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'pattern', type: 'pattern' }],
    handler: { kind: 'waiting', run: keys },
    difference:
      'Not a snapshot: a key that is written meanwhile may or may not be listed. Replies above 512 MB of keys are refused.',
  },
  {
    name: 'scan',
    group: 'generic',
    summary: 'Incrementally iterate the keys space',
    since: '2.8.0',
    complexity:
      'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.',
    arity: -2,
    flags: ['readonly'],
    categories: ['@keyspace', '@read', '@slow'],
    keys: null,
    docArguments: [
      { name: 'cursor', type: 'integer' },
      { name: 'pattern', type: 'pattern', token: 'MATCH', optional: true },
      { name: 'count', type: 'integer', token: 'COUNT', optional: true },
      { name: 'type', type: 'string', token: 'TYPE', optional: true, since: '6.0.0' },
    ],
    handler: { kind: 'waiting', run: scan },
    difference: 'A cursor is valid on every proxy, and for as long as one likes. COUNT is at most 100000.',
  },
  {
    name: 'randomkey',
    group: 'generic',
    summary: 'Return a random key from the keyspace',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['readonly'],
    categories: ['@keyspace', '@read', '@slow'],
    keys: null,
    docArguments: [],
    handler: { kind: 'waiting', run: randomKey },
  },
];
