import type { StreamCommand } from './stream-commands.ts';

/** What a command does to the expiry of its keys (of one: the first), 0 for none any more and null where it leaves it. */
export interface ExpiryEffect {
  readonly expiresAtMs: number | null;
  /** What the keys had before does not matter: they have what the command says. */
  readonly isWhole: boolean;
}

/** Milliseconds of one of its unit; whether it counts from now. */
interface Unit {
  readonly ms: number;
  readonly isRelative: boolean;
}

const UNITS: Readonly<Record<string, Unit>> = {
  ex: { ms: 1_000, isRelative: true },
  px: { ms: 1, isRelative: true },
  exat: { ms: 1_000, isRelative: false },
  pxat: { ms: 1, isRelative: false },
  expire: { ms: 1_000, isRelative: true },
  pexpire: { ms: 1, isRelative: true },
  expireat: { ms: 1_000, isRelative: false },
  pexpireat: { ms: 1, isRelative: false },
  setex: { ms: 1_000, isRelative: true },
  psetex: { ms: 1, isRelative: true },
};

const NEW: ExpiryEffect = { expiresAtMs: 0, isWhole: true };
const NONE: ExpiryEffect = { expiresAtMs: null, isWhole: false };

/** `beforeMs`: when the key expires before it, 0 for never. A source sends most of these with moments, older ones with times from now. */
export function expiryEffect({ name, args }: StreamCommand, beforeMs: number, nowMs: number): ExpiryEffect {
  switch (name) {
    case 'del':
    case 'unlink':
    case 'mset':
    case 'msetnx':
    case 'setnx':
    case 'getset':
      return NEW;
    case 'set':
      return effectOfSet(args, nowMs);
    case 'setex':
    case 'psetex':
      return { expiresAtMs: moment(args[2], UNITS[name], nowMs), isWhole: true };
    case 'restore':
      return effectOfRestore(args, nowMs);
    case 'persist':
      return { expiresAtMs: 0, isWhole: false };
    case 'expire':
    case 'pexpire':
    case 'expireat':
    case 'pexpireat': {
      const atMs = moment(args[2], UNITS[name], nowMs);
      // NX, XX, GT, LT: one or the other.
      const mayBeOld = args.length > 3 && atMs !== null && beforeMs !== 0;
      return { expiresAtMs: mayBeOld ? Math.min(beforeMs, atMs) : atMs, isWhole: false };
    }
    default:
      return NONE;
  }
}

/** SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL] */
function effectOfSet(args: readonly Buffer[], nowMs: number): ExpiryEffect {
  let expiresAtMs: number | null = 0;
  let isWhole = true;
  for (let i = 3; i < args.length; i++) {
    const word = args[i]?.toString('latin1').toLowerCase() ?? '';
    const unit = UNITS[word];
    if (unit !== undefined) expiresAtMs = moment(args[++i], unit, nowMs);
    else if (word === 'keepttl') [expiresAtMs, isWhole] = [null, false];
    else if (word !== 'nx' && word !== 'get') isWhole = false;
  }
  return { expiresAtMs, isWhole };
}

/** RESTORE key ttl payload [REPLACE] [ABSTTL] ... */
function effectOfRestore(args: readonly Buffer[], nowMs: number): ExpiryEffect {
  const isAbsolute = args.some((arg, i) => i > 3 && arg.toString('latin1').toLowerCase() === 'absttl');
  const isNever = Number(args[2]?.toString()) === 0;
  return { expiresAtMs: isNever ? 0 : moment(args[2], { ms: 1, isRelative: !isAbsolute }, nowMs), isWhole: true };
}

function moment(arg: Buffer | undefined, unit: Unit | undefined, nowMs: number): number | null {
  const number = Number(arg?.toString('latin1'));
  if (unit === undefined || !Number.isFinite(number)) return null;
  return Math.max(1, number * unit.ms + (unit.isRelative ? nowMs : 0));
}
