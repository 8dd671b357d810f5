import { upToZero } from '../../base/c-text.ts';
import { limits } from '../../base/limits.ts';
import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { ArgumentDoc, CommandRow, Handler } from '../command.ts';
import { type ExpiryArgument, type ExpiryUnit, expiresAt, invalidExpireTime, parseExpiry } from '../values/expiry.ts';
import { argument, FAR_EXPIRY, KEY, keyOnly, ONE_KEY, optionName, ZERO } from './keyed-row.ts';

/** Which of the present expiries the new one may replace: none (nx), any (xx), a nearer (gt) or a farther one (lt). */
interface ExpireCondition {
  readonly nx: boolean;
  readonly xx: boolean;
  readonly gt: boolean;
  readonly lt: boolean;
}

const NO_CONDITION: ExpireCondition = { nx: false, xx: false, gt: false, lt: false };
const NX_AND_OTHERS = new ErrorReply('ERR NX and XX, GT or LT options at the same time are not compatible');
const GT_AND_LT = new ErrorReply('ERR GT and LT options at the same time are not compatible');
const EXPIRED: StepResult<Reply> = { reply: 1, change: { kind: 'delete' } };

/** Sets the expiry of a live record; a moment that is past deletes it. */
class ExpireStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'meta';
  readonly #expiry: ExpiryArgument;
  readonly #condition: ExpireCondition;
  readonly #invalidExpiry: ErrorReply;

  constructor(expiry: ExpiryArgument, condition: ExpireCondition, invalidExpiry: ErrorReply) {
    this.#expiry = expiry;
    this.#condition = condition;
    this.#invalidExpiry = invalidExpiry;
  }

  run(record: LiveRecord | null, { nowMs }: RunContext): StepResult<Reply> {
    const expiresAtMs = expiresAt(this.#expiry, nowMs);
    if (expiresAtMs === null) return { reply: this.#invalidExpiry, change: null };
    if (record === null || !allows(this.#condition, record.expiresAtMs, expiresAtMs)) return ZERO;
    if (expiresAtMs <= nowMs) return EXPIRED;
    // Written even if it is the same moment, for those who WATCH the key.
    return { reply: 1, change: { kind: 'expire', expiresAtMs } };
  }
}

/** Never expiring (0) counts as infinitely far away. */
function allows(condition: ExpireCondition, currentMs: number, nextMs: number): boolean {
  if (condition.nx && currentMs !== 0) return false;
  if (condition.xx && currentMs === 0) return false;
  if (condition.gt && (currentMs === 0 || nextMs <= currentMs)) return false;
  return !(condition.lt && currentMs !== 0 && nextMs >= currentMs);
}

function parseCondition(args: readonly Buffer[]): ExpireCondition | ErrorReply {
  if (args.length === 3) return NO_CONDITION;
  const condition = { nx: false, xx: false, gt: false, lt: false };
  for (let i = 3; i < args.length; i++) {
    const option = argument(args, i);
    const name = optionName(option);
    if (name !== 'nx' && name !== 'xx' && name !== 'gt' && name !== 'lt') return unsupported(option);
    condition[name] = true;
  }
  const { nx, xx, gt, lt } = condition;
  if (nx && (xx || gt || lt)) return NX_AND_OTHERS;
  return gt && lt ? GT_AND_LT : condition;
}

function unsupported(option: Buffer): ErrorReply {
  return new ErrorReply(`ERR Unsupported option ${upToZero(option).toString('utf8', 0, limits.quotedArgumentBytes)}`);
}

/** EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT: key, moment or span, conditions. */
function expireHandler(command: string, unit: ExpiryUnit, relative: boolean): Handler {
  const invalidExpiry = invalidExpireTime(command);
  return {
    kind: 'record',
    parse: (args) => {
      const condition = parseCondition(args);
      if (condition instanceof ErrorReply) return condition;
      const expiry = parseExpiry(argument(args, 2), unit, relative, command);
      if (expiry instanceof ErrorReply) return expiry;
      return { key: argument(args, 1), step: new ExpireStep(expiry, condition, invalidExpiry) };
    },
  };
}

const PERSIST_STEP: Step<Reply> = {
  access: 'write',
  needs: 'meta',
  run: (record) =>
    record === null || record.expiresAtMs === 0 ? ZERO : { reply: 1, change: { kind: 'expire', expiresAtMs: 0 } },
};

/** TTL and its kin: -2 if there is no record, -1 if it never expires. Seconds are rounded to the nearest. */
function remaining(unit: ExpiryUnit, relative: boolean): Step<Reply> {
  return {
    access: 'read',
    needs: 'meta',
    run: (record, { nowMs }) => {
      if (record === null) return { reply: -2, change: null };
      if (record.expiresAtMs === 0) return { reply: -1, change: null };
      const ms = relative ? Math.max(0, record.expiresAtMs - nowMs) : record.expiresAtMs;
      return { reply: unit === 'milliseconds' ? ms : Math.floor((ms + 500) / 1000), change: null };
    },
  };
}

const CONDITION: ArgumentDoc = {
  name: 'condition',
  type: 'oneof',
  since: '7.0.0',
  optional: true,
  arguments: [
    { name: 'nx', type: 'pure-token', token: 'NX' },
    { name: 'xx', type: 'pure-token', token: 'XX' },
    { name: 'gt', type: 'pure-token', token: 'GT' },
    { name: 'lt', type: 'pure-token', token: 'LT' },
  ],
};

function expireRow(
  row: Pick<CommandRow, 'name' | 'summary' | 'since'>,
  unit: ExpiryUnit,
  moment: ArgumentDoc,
): CommandRow {
  return {
    ...row,
    group: 'generic',
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'fast'],
    categories: ['@keyspace', '@write', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, moment, CONDITION],
    handler: expireHandler(row.name, unit, moment.type === 'integer'),
    difference: FAR_EXPIRY,
  };
}

function remainingRow(
  row: Pick<CommandRow, 'name' | 'summary' | 'since'>,
  unit: ExpiryUnit,
  relative: boolean,
): CommandRow {
  return {
    ...row,
    group: 'generic',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    categories: ['@keyspace', '@read', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(remaining(unit, relative)),
  };
}

/** Commands about the time to live of a key. */
export const expireCommands: readonly CommandRow[] = [
  expireRow({ name: 'expire', summary: "Set a key's time to live in seconds", since: '1.0.0' }, 'seconds', {
    name: 'seconds',
    type: 'integer',
  }),
  expireRow({ name: 'pexpire', summary: "Set a key's time to live in milliseconds", since: '2.6.0' }, 'milliseconds', {
    name: 'milliseconds',
    type: 'integer',
  }),
  expireRow(
    { name: 'expireat', summary: 'Set the expiration for a key as a UNIX timestamp', since: '1.2.0' },
    'seconds',
    { name: 'unix-time-seconds', type: 'unix-time' },
  ),
  expireRow(
    {
      name: 'pexpireat',
      summary: 'Set the expiration for a key as a UNIX timestamp specified in milliseconds',
      since: '2.6.0',
    },
    'milliseconds',
    { name: 'unix-time-milliseconds', type: 'unix-time' },
  ),
  remainingRow(
    { name: 'expiretime', summary: 'Get the expiration Unix timestamp for a key', since: '7.0.0' },
    'seconds',
    false,
  ),
  remainingRow(
    { name: 'pexpiretime', summary: 'Get the expiration Unix timestamp for a key in milliseconds', since: '7.0.0' },
    'milliseconds',
    false,
  ),
  remainingRow({ name: 'ttl', summary: 'Get the time to live for a key in seconds', since: '1.0.0' }, 'seconds', true),
  remainingRow(
    { name: 'pttl', summary: 'Get the time to live for a key in milliseconds', since: '2.6.0' },
    'milliseconds',
    true,
  ),
  {
    name: 'persist',
    group: 'generic',
    summary: 'Remove the expiration from a key',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'fast'],
    categories: ['@keyspace', '@write', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(PERSIST_STEP),
  },
];
