import { limits } from '../../base/limits.ts';
import { isInt64, parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER } from '../../resp/reply.ts';

/** A moment or a span as a client gave it, in milliseconds within int64: not yet set against a clock. */
export interface ExpiryArgument {
  readonly relative: boolean;
  readonly ms: number | bigint;
}

export type ExpiryUnit = 'seconds' | 'milliseconds';

/** Redis's text for a time out of range; `command` is the full name in lower case. */
export function invalidExpireTime(command: string): ErrorReply {
  return new ErrorReply(`ERR invalid expire time in '${command}' command`);
}

/** The argument of EXPIRE and its kin: any int64 that still fits as milliseconds. */
export function parseExpiry(
  argument: Buffer,
  unit: ExpiryUnit,
  relative: boolean,
  command: string,
): ExpiryArgument | ErrorReply {
  const given = parseInteger(argument);
  if (given === null) return NOT_AN_INTEGER;
  if (unit === 'milliseconds') return { relative, ms: given };
  const ms = typeof given === 'number' ? given * 1000 : Number.NaN;
  if (Number.isSafeInteger(ms)) return { relative, ms };
  const exact = BigInt(given) * 1000n;
  return isInt64(exact) ? { relative, ms: exact } : invalidExpireTime(command);
}

/** The argument of SET EX and its kin: as `parseExpiry`, but zero and below are errors. */
export function parsePositiveExpiry(
  argument: Buffer,
  unit: ExpiryUnit,
  relative: boolean,
  command: string,
): ExpiryArgument | ErrorReply {
  const expiry = parseExpiry(argument, unit, relative, command);
  return expiry instanceof ErrorReply || expiry.ms > 0 ? expiry : invalidExpireTime(command);
}

/**
 * The moment in wall-clock milliseconds, which may lie in the past. Null if it overflows int64, Redis's limit; a moment
 * beyond limits.maxExpiresAtMs becomes that.
 */
export function expiresAt(expiry: ExpiryArgument, nowMs: number): number | null {
  const { relative, ms } = expiry;
  if (typeof ms === 'number') return Math.min(relative ? nowMs + ms : ms, limits.maxExpiresAtMs);
  const moment = relative ? BigInt(nowMs) + ms : ms;
  if (!isInt64(moment)) return null;
  return moment < 0n ? -limits.maxExpiresAtMs : Math.min(Number(moment), limits.maxExpiresAtMs);
}
