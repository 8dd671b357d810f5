import { limits } from '../../base/limits.ts';
import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import { readDump } from '../../record/rdb/dump-payload.ts';
import type { RdbValue } from '../../record/rdb/rdb-format.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, OK, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { CommandRow, KeyedStep } from '../command.ts';
import { defaultConfigValues } from '../config-values.ts';
import type { Session } from '../session.ts';
import { expiresAt } from '../values/expiry.ts';
import { dumpBytes, dumpValue, type EncodingLimits, valueOfRdb } from '../values/value-rdb.ts';
import { argument, FAR_EXPIRY, KEY, keyOnly, NIL, ONE_KEY, optionName } from './keyed-row.ts';

const BUSYKEY = new ErrorReply('BUSYKEY Target key name already exists.');
const BAD_CHECKSUM = new ErrorReply('ERR DUMP payload version or checksum are wrong');
const BAD_FORMAT = new ErrorReply('ERR Bad data format');
const UNSUPPORTED = new ErrorReply('ERR Bad data format: streams and modules are not supported');
const NEGATIVE_TTL = new ErrorReply('ERR Invalid TTL value, must be >= 0');
const NEGATIVE_IDLETIME = new ErrorReply('ERR Invalid IDLETIME value, must be >= 0');
const BAD_FREQ = new ErrorReply('ERR Invalid FREQ value, must be >= 0 and <= 255');
const TOO_LARGE = new ErrorReply(
  `ERR the collection is too large for DUMP and RESTORE, which take ${limits.dumpCollectionBytes} bytes: read and write it in parts, as 'junokv import' does`,
);
const COLLECTION_BOUNDS = { bytes: limits.dumpCollectionBytes, items: limits.rdbItems };
const FREQ_MAX = 255;
const LONGEST_INTEGER = 20;

/** DUMP; also for MIGRATE. */
export const DUMP_STEP: Step<Reply> = {
  access: 'read',
  needs: 'value',
  run(record, { nowMs, pages }) {
    if (record === null) return NIL;
    const isString = record.value.type === ValueType.string;
    const isTooLarge = !isString && dumpBytes(record, nowMs, pages) > limits.dumpCollectionBytes;
    if (isTooLarge) return { reply: TOO_LARGE, change: null };
    return { reply: dumpValue(record, nowMs, pages), change: null };
  },
};

interface Restored {
  /** What is wrong with the arguments that Redis looks at only after it has looked for the key. */
  readonly value: RdbValue | ErrorReply;
  readonly ttlMs: number | bigint;
  readonly isAbsolute: boolean;
  readonly replace: boolean;
  readonly config: EncodingLimits;
}

class RestoreStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'meta';
  readonly #restored: Restored;

  constructor(restored: Restored) {
    this.#restored = restored;
  }

  run(record: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    const { value, ttlMs, isAbsolute, replace, config } = this.#restored;
    if (record !== null && !replace) return { reply: BUSYKEY, change: null };
    if (value instanceof ErrorReply) return { reply: value, change: null };
    const isForever = Number(ttlMs) === 0;
    // A moment beyond int64 has passed, in Redis.
    const expiresAtMs = isForever ? 0 : (expiresAt({ relative: !isAbsolute, ms: ttlMs }, nowMs) ?? 0);
    if (!isForever && expiresAtMs <= nowMs) return { reply: OK, change: record === null ? null : { kind: 'delete' } };
    const put = valueOfRdb(value, config, nowMs, pages);
    if (put === null) return { reply: OK, change: record === null ? null : { kind: 'delete' } };
    return { reply: OK, change: { kind: 'put', value: put, expiresAtMs } };
  }
}

interface RestoreOptions {
  replace: boolean;
  isAbsolute: boolean;
}

function parseOptions(args: readonly Buffer[]): RestoreOptions | ErrorReply {
  const options: RestoreOptions = { replace: false, isAbsolute: false };
  let hasIdletime = false;
  let hasFreq = false;
  for (let i = 4; i < args.length; i++) {
    const option = optionName(argument(args, i));
    const value = args[i + 1];
    if (option === 'replace') {
      options.replace = true;
    } else if (option === 'absttl') {
      options.isAbsolute = true;
    } else if (option === 'idletime' && value !== undefined && !hasFreq) {
      const seconds = parseInteger(value);
      if (seconds === null) return NOT_AN_INTEGER;
      if (seconds < 0) return NEGATIVE_IDLETIME;
      hasIdletime = true;
      i++;
    } else if (option === 'freq' && value !== undefined && !hasIdletime) {
      const frequency = parseInteger(value);
      if (frequency === null) return NOT_AN_INTEGER;
      if (frequency < 0 || frequency > FREQ_MAX) return BAD_FREQ;
      hasFreq = true;
      i++;
    } else {
      return SYNTAX_ERROR;
    }
  }
  return options;
}

function readPayload(payload: Buffer): RdbValue | ErrorReply {
  const value = readDump(payload, COLLECTION_BOUNDS);
  if (value === 'checksum') return BAD_CHECKSUM;
  if (value === 'malformed') return BAD_FORMAT;
  if (value === 'unsupported') return UNSUPPORTED;
  if (value === 'too-large') return TOO_LARGE;
  if (value.kind === 'string') return value;
  let bytes = 0;
  for (const item of value.items) bytes += item.length;
  return bytes > limits.dumpCollectionBytes ? TOO_LARGE : value;
}

/** RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency] */
function parseRestore(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply {
  const options = parseOptions(args);
  if (options instanceof ErrorReply) return options;
  const ttl = argument(args, 2);
  const ttlMs = ttl.length > LONGEST_INTEGER ? null : parseInteger(ttl);
  const problem = ttlMs === null ? NOT_AN_INTEGER : ttlMs < 0 ? NEGATIVE_TTL : null;
  const step = new RestoreStep({
    value: problem ?? readPayload(argument(args, 3)),
    ttlMs: ttlMs ?? 0,
    ...options,
    config: session?.proxy.config ?? defaultConfigValues(),
  });
  return { key: argument(args, 1), step };
}

/** Values in Redis's own form. */
export const dumpCommands: readonly CommandRow[] = [
  {
    name: 'dump',
    group: 'generic',
    summary: 'Return a serialized version of the value stored at the specified key.',
    since: '2.6.0',
    complexity:
      'O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).',
    arity: 2,
    flags: ['readonly'],
    categories: ['@keyspace', '@read', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(DUMP_STEP),
    difference:
      'Redis 7.0 loads it; that of a hash whose fields expire needs Redis 7.4. The bytes of a string up to 1 MiB are those of Redis; a collection is written element by element, and one of more than 64 MiB answers an error.',
  },
  {
    name: 'restore',
    group: 'generic',
    summary: 'Create a key using the provided serialized value, previously obtained using DUMP.',
    since: '2.6.0',
    complexity:
      'O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).',
    arity: -4,
    flags: ['write', 'denyoom'],
    categories: ['@keyspace', '@write', '@slow', '@dangerous'],
    keys: ONE_KEY,
    docArguments: [
      KEY,
      { name: 'ttl', type: 'integer' },
      { name: 'serialized-value', type: 'string' },
      { name: 'replace', type: 'pure-token', token: 'REPLACE', since: '3.0.0', optional: true },
      { name: 'absttl', type: 'pure-token', token: 'ABSTTL', since: '5.0.0', optional: true },
      { name: 'seconds', type: 'integer', token: 'IDLETIME', since: '5.0.0', optional: true },
      { name: 'frequency', type: 'integer', token: 'FREQ', since: '5.0.0', optional: true },
    ],
    handler: { kind: 'record', parse: parseRestore },
    difference: `Streams and modules are refused, and collections of more than 64 MiB. Payloads of Redis 7.2 and 7.4 are taken, too. IDLETIME and FREQ change nothing. ${FAR_EXPIRY}`,
  },
];
