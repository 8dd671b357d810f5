import { assert } from '../base/assert.ts';

/** Decimal places of Redis's human-friendly long doubles (ld2string with "%.17Lf"). */
const DECIMALS = 17;
/** Redis copies the text into a buffer of 5 KiB first. */
const MAX_TEXT_LENGTH = 5_119;

/** Whole doubles below this need no other form. */
const PLAIN_INTEGERS = 2 ** 52;
/** Of a double, so that it reads back to the same. */
const SIGNIFICANT_DIGITS = 17;
/** That toExponential can show after the point. */
const MOST_DIGITS = 100;

const DECIMAL_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const HEX_TEXT = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITY_TEXT = /^([+-]?)inf(?:inity)?$/i;

// Bounds of an 80-bit long double: outside them Redis's strtold reports ERANGE.
const SIGNIFICAND_BITS = 64;
const MAX_BINARY_EXPONENT = 16_384;
const MIN_BINARY_EXPONENT = -16_446;
const MAX_DECIMAL_EXPONENT = 4_932;
const MIN_DECIMAL_EXPONENT = -4_951;
/** The least magnitude that rounds to infinity. */
const OVERFLOW = (2n ** 65n - 1n) * 2n ** BigInt(MAX_BINARY_EXPONENT - 65);
/** One over the largest magnitude that rounds to zero. */
const UNDERFLOW_INVERSE = 2n ** BigInt(-MIN_BINARY_EXPONENT);

/** `coefficient` x 10^`exponent`, exactly. */
export interface Decimal {
  readonly kind: 'finite';
  readonly coefficient: bigint;
  readonly exponent: number;
}

export interface Infinite {
  readonly kind: 'infinite';
  readonly negative: boolean;
}

export type FloatValue = Decimal | Infinite;

/** What INCRBYFLOAT makes of a value and an increment; the two errors are Redis's NOT_A_FLOAT and "NaN or Infinity". */
export type FloatSum =
  | { readonly kind: 'sum'; readonly text: string }
  | { readonly kind: 'not-a-float' }
  | { readonly kind: 'not-finite' };

/**
 * Adds two numbers in text form for INCRBYFLOAT (https://redis.io/docs/latest/commands/incrbyfloat/). `current` is null for
 * a missing key. Every step is rounded as Redis's 80-bit long doubles are on x86, so that the digits are the same.
 */
export function addFloats(current: Uint8Array | null, increment: Uint8Array): FloatSum {
  const left = current === null ? FINITE_ZERO : parseFloatText(current);
  const right = parseFloatText(increment);
  if (left === null || right === null) return { kind: 'not-a-float' };
  if (left.kind === 'infinite' || right.kind === 'infinite') return { kind: 'not-finite' };
  const sum = toLongDouble(addDecimals(toLongDouble(left), toLongDouble(right)));
  if (overflows(sum)) return { kind: 'not-finite' };
  return { kind: 'sum', text: formatDecimal(sum) };
}

/** The nearest x86 long double (64 bits of significand, ties to even), as the exact decimal that it is. */
export function toLongDouble(value: Decimal): Decimal {
  if (value.coefficient === 0n) return value;
  const scale = 10n ** BigInt(Math.abs(value.exponent));
  const numerator = value.exponent >= 0 ? value.coefficient * scale : value.coefficient;
  const denominator = value.exponent >= 0 ? 1n : scale;
  const magnitude = numerator < 0n ? -numerator : numerator;
  const atLeast = (power: number): boolean =>
    power >= 0 ? magnitude >= denominator << BigInt(power) : magnitude << BigInt(-power) >= denominator;
  let leading = bitLength(magnitude) - bitLength(denominator);
  if (!atLeast(leading)) leading--;
  // Below the smallest normal number there are fewer bits.
  const lowest = Math.max(leading - (SIGNIFICAND_BITS - 1), MIN_BINARY_EXPONENT + 1);
  const shift = BigInt(Math.abs(lowest));
  const significand =
    lowest >= 0 ? divideToEven(numerator, denominator << shift) : divideToEven(numerator << shift, denominator);
  if (lowest >= 0) return { kind: 'finite', coefficient: significand << shift, exponent: 0 };
  return { kind: 'finite', coefficient: significand * 5n ** shift, exponent: lowest };
}

function bitLength(magnitude: bigint): number {
  return magnitude.toString(2).length;
}

const FINITE_ZERO: Decimal = { kind: 'finite', coefficient: 0n, exponent: 0 };

/**
 * Reads a number as Redis's string2ld (strtold over the whole text) accepts it: decimal with optional sign, fraction and
 * exponent, C99 hexadecimal, "inf" and "infinity"; no spaces, no NaN, nothing outside the range of a long double. Null
 * when it is not one.
 */
export function parseFloatText(bytes: Uint8Array): FloatValue | null {
  if (bytes.length === 0 || bytes.length > MAX_TEXT_LENGTH) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

  const decimal = DECIMAL_TEXT.exec(text);
  if (decimal !== null) {
    const [, sign, whole = '', fraction = '', exponent = '0'] = decimal;
    return decimalValue(sign === '-', whole, fraction, exponent);
  }
  const hex = HEX_TEXT.exec(text);
  if (hex !== null) {
    const [, sign, whole = '', fraction = '', exponent = '0'] = hex;
    return hexValue(sign === '-', whole, fraction, exponent);
  }
  const infinity = INFINITY_TEXT.exec(text);
  if (infinity !== null) return { kind: 'infinite', negative: infinity[1] === '-' };
  return null;
}

function decimalValue(negative: boolean, whole: string, fraction: string, exponentText: string): Decimal | null {
  if (whole === '' && fraction === '') return null;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return FINITE_ZERO;
  const exponent = Number(exponentText) - fraction.length;
  const leading = exponent + digits.length - 1;
  if (leading > MAX_DECIMAL_EXPONENT || leading < MIN_DECIMAL_EXPONENT) return null;
  const magnitude = BigInt(digits);
  const value: Decimal = { kind: 'finite', coefficient: negative ? -magnitude : magnitude, exponent };
  if (leading === MAX_DECIMAL_EXPONENT && overflows(value)) return null;
  if (leading === MIN_DECIMAL_EXPONENT && magnitude * UNDERFLOW_INVERSE <= 10n ** BigInt(-exponent)) return null;
  return value;
}

function hexValue(negative: boolean, whole: string, fraction: string, exponentText: string): Decimal | null {
  if (whole === '' && fraction === '') return null;
  const magnitude = BigInt(`0x${whole}${fraction}`);
  if (magnitude === 0n) return FINITE_ZERO;
  const exponent = Number(exponentText) - 4 * fraction.length;
  const leading = exponent + magnitude.toString(2).length - 1;
  if (leading >= MAX_BINARY_EXPONENT || leading < MIN_BINARY_EXPONENT) return null;
  const coefficient = negative ? -magnitude : magnitude;
  const value: Decimal =
    exponent >= 0
      ? { kind: 'finite', coefficient: coefficient << BigInt(exponent), exponent: 0 }
      : { kind: 'finite', coefficient: coefficient * 5n ** BigInt(-exponent), exponent };
  if (overflows(value)) return null;
  const power = MIN_BINARY_EXPONENT - exponent;
  if (power >= 0 && magnitude <= 1n << BigInt(power)) return null;
  return value;
}

/** The exact sum. */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  const exponent = Math.min(left.exponent, right.exponent);
  const coefficient = scaleUp(left, exponent) + scaleUp(right, exponent);
  return { kind: 'finite', coefficient, exponent };
}

function scaleUp(value: Decimal, exponent: number): bigint {
  return value.exponent === exponent ? value.coefficient : value.coefficient * 10n ** BigInt(value.exponent - exponent);
}

/** True when Redis's long double would be infinite. */
function overflows(value: Decimal): boolean {
  const magnitude = value.coefficient < 0n ? -value.coefficient : value.coefficient;
  if (value.exponent >= 0) return magnitude * 10n ** BigInt(value.exponent) >= OVERFLOW;
  return magnitude >= OVERFLOW * 10n ** BigInt(-value.exponent);
}

/** Redis's ld2string with LD_STR_HUMAN: at most 17 decimals (ties to even), no trailing zeros, no exponent, no "-0". */
export function formatDecimal(value: Decimal): string {
  const shift = value.exponent + DECIMALS;
  const scaled =
    shift >= 0 ? value.coefficient * 10n ** BigInt(shift) : divideToEven(value.coefficient, 10n ** BigInt(-shift));
  if (scaled === 0n) return '0';
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(DECIMALS + 1, '0');
  const point = digits.length - DECIMALS;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === 48) end--;
  const text = end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
  return scaled < 0n ? `-${text}` : text;
}

function divideToEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const remainder = dividend % divisor;
  const twice = 2n * (remainder < 0n ? -remainder : remainder);
  const away = twice > divisor || (twice === divisor && quotient % 2n !== 0n);
  if (!away) return quotient;
  return dividend < 0n ? quotient - 1n : quotient + 1n;
}

/** A double as Redis 7.0 writes it in replies: C's "%.17g", so that it reads back to the same; "inf", "-inf", "nan", "-0". */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (Number.isInteger(value) && Math.abs(value) < PLAIN_INTEGERS) return String(value);

  const match = /^(-?)(\d)\.(\d+)e([+-]\d+)$/.exec(value.toExponential(SIGNIFICANT_DIGITS - 1));
  assert(match !== null, 'toExponential has one form');
  const [, sign = '', first = '', rest = '', exponentText = '0'] = match;
  const digits = first + rest;
  return sign + layOut(toEven(digits, value).replace(/0+$/, ''), Number(exponentText));
}

/** Where `value` lies in the middle of two such numbers C takes the even one, and toExponential the larger. */
function toEven(digits: string, value: number): string {
  const last = digits.charCodeAt(SIGNIFICANT_DIGITS - 1);
  if (last % 2 === 0 || !/5e/.test(value.toExponential(SIGNIFICANT_DIGITS))) return digits;
  const isMiddle = /^-?\d\.\d{16}50*e/.test(value.toExponential(MOST_DIGITS));
  return isMiddle ? digits.slice(0, -1) + String.fromCharCode(last - 1) : digits;
}

/** `digits` with the point after the first, x 10^`exponent`, as "%.17g" lays them out. */
function layOut(digits: string, exponent: number): string {
  if (exponent < -4 || exponent >= SIGNIFICANT_DIGITS) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${digits.charAt(0)}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const point = exponent + 1;
  if (digits.length <= point) return digits.padEnd(point, '0');
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}
