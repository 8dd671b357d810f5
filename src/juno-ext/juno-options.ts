import { limits } from '../base/limits.ts';
import { argument, optionName } from '../proxy/commands/keyed-row.ts';
import { parseInteger } from '../resp/integer.ts';
import { ErrorReply, SYNTAX_ERROR } from '../resp/reply.ts';
import { parseRequestId } from './request-id.ts';

/** What a JUNO.* command was given behind its key and value. */
export interface JunoOptions {
  /** 0: none given. */
  readonly ttlMs: number;
  /** 16 bytes as latin1. */
  readonly requestId: string | undefined;
  /** Only this recordVersion... */
  readonly recordVersion: number | null;
  /** ...and only this incarnation of the key. */
  readonly creationTimeMs: number | null;
}

export type JunoOption = 'ttl' | 'requestid' | 'version' | 'created';

const BAD_TTL = new ErrorReply('BADPARAM the TTL is not a whole number from 0 on, or out of range');
const BAD_REQUEST_ID = new ErrorReply('BADPARAM the request id is not a UUID in text form');
const BAD_VERSION = new ErrorReply('BADPARAM the version is not a whole number from 1 on, or out of range');
const BAD_CREATED = new ErrorReply('BADPARAM the creation time is not a whole number from 1 on, or out of range');

/** Options from args[first] on, in any order, each at most once; what is not `allowed` is a syntax error. */
export function parseJunoOptions(
  args: readonly Buffer[],
  first: number,
  allowed: ReadonlySet<JunoOption>,
): JunoOptions | ErrorReply {
  let ttlMs: number | null = null;
  let requestId: string | undefined;
  let recordVersion: number | null = null;
  let creationTimeMs: number | null = null;
  for (let i = first; i < args.length; i += 2) {
    const name = optionName(argument(args, i));
    const given = args[i + 1];
    const option = name === 'pttl' ? 'ttl' : name;
    if (given === undefined || !isOption(option) || !allowed.has(option)) return SYNTAX_ERROR;
    switch (option) {
      case 'ttl':
        if (ttlMs !== null) return SYNTAX_ERROR;
        ttlMs = parseTtl(given, name === 'ttl' ? 1000 : 1);
        if (ttlMs === null) return BAD_TTL;
        break;
      case 'requestid': {
        if (requestId !== undefined) return SYNTAX_ERROR;
        const parsed = parseRequestId(given);
        if (parsed === null) return BAD_REQUEST_ID;
        requestId = parsed;
        break;
      }
      case 'version':
        if (recordVersion !== null) return SYNTAX_ERROR;
        recordVersion = parseCount(given);
        if (recordVersion === null) return BAD_VERSION;
        break;
      case 'created':
        if (creationTimeMs !== null) return SYNTAX_ERROR;
        creationTimeMs = parseCount(given);
        if (creationTimeMs === null) return BAD_CREATED;
        break;
    }
  }
  if (creationTimeMs !== null && recordVersion === null) return SYNTAX_ERROR;
  return { ttlMs: ttlMs ?? 0, requestId, recordVersion, creationTimeMs };
}

function isOption(name: string): name is JunoOption {
  return name === 'ttl' || name === 'requestid' || name === 'version' || name === 'created';
}

/** Milliseconds, or null. */
function parseTtl(given: Buffer, unitMs: number): number | null {
  const count = parseInteger(given);
  if (typeof count !== 'number' || count < 0) return null;
  const ms = count * unitMs;
  return ms <= limits.maxExpiresAtMs ? ms : null;
}

function parseCount(given: Buffer): number | null {
  const count = parseInteger(given);
  return typeof count === 'number' && count >= 1 ? count : null;
}
