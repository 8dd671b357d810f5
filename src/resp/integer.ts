const MINUS = 45;
const ZERO = 48;
/** So many digits always fit a double exactly. */
const SAFE_DIGITS = 15;
/** "-9223372036854775808" */
const MAX_LENGTH = 20;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** True when `value` fits a signed 64-bit integer, the range of Redis's integers. */
export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/**
 * Reads `bytes` from `start` to `end` as Redis's string2ll does: decimal digits with an optional minus, no plus, no spaces,
 * no leading zeros, no "-0", within a signed 64-bit integer. Returns a number where it is exact (safe integers), a bigint
 * for the rest, null when it is not such an integer.
 */
export function parseInteger(bytes: Uint8Array, start = 0, end = bytes.length): number | bigint | null {
  const length = end - start;
  if (length <= 0 || length > MAX_LENGTH) return null;
  const negative = bytes[start] === MINUS;
  let at = negative ? start + 1 : start;
  if (at === end) return null;
  if (bytes[at] === ZERO) return length === 1 ? 0 : null;

  if (end - at > SAFE_DIGITS) return parseLong(bytes, start, at, end);
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

function parseLong(bytes: Uint8Array, start: number, firstDigit: number, end: number): number | bigint | null {
  let text = firstDigit > start ? '-' : '';
  for (let at = firstDigit; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < ZERO || byte > ZERO + 9) return null;
    text += String.fromCharCode(byte);
  }
  const value = BigInt(text);
  if (!isInt64(value)) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
