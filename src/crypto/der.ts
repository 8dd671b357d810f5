/*
 * Writes ASN.1 in DER, as far as certificates need it (ITU-T X.690). Each function returns a whole element: tag, length,
 * content.
 */

const BYTE_VALUES = 0x100;
const LONG_LENGTH = 0x80;

/** An element with a tag of one byte. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthBytes(content.length), content]);
}

export function sequence(...elements: readonly Uint8Array[]): Buffer {
  return element(0x30, ...elements);
}

export function set(...elements: readonly Uint8Array[]): Buffer {
  return element(0x31, ...elements);
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.of(value ? 0xff : 0));
}

/** A whole number that is not negative, from its bytes, the highest first. */
export function unsignedInteger(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.of(0) : bytes.subarray(first);
  return (digits[0] ?? 0) >= 0x80 ? element(0x02, Buffer.of(0), digits) : element(0x02, digits);
}

/** `1.2.840.10045.4.3.2` */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap(base128);
  return element(0x06, Buffer.of(40 * first + second, ...bytes));
}

export function octetString(content: Uint8Array): Buffer {
  return element(0x04, content);
}

/** The last `unusedBits` of `content` do not count. */
export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
  return element(0x03, Buffer.of(unusedBits), content);
}

export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text, 'utf8'));
}

/** A time as certificates want it: UTCTime through 2049, GeneralizedTime from then on; seconds. */
export function time(unixMs: number): Buffer {
  const digits = new Date(unixMs).toISOString().replace(/[-:T]|\.\d+/g, '');
  const isShort = digits < '2050';
  return isShort ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits));
}

/** [number] of a choice or of an optional part, around a whole element. */
export function explicit(number: number, content: Uint8Array): Buffer {
  return element(0xa0 + number, content);
}

function lengthBytes(length: number): Buffer {
  if (length < LONG_LENGTH) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / BYTE_VALUES)) bytes.unshift(rest % BYTE_VALUES);
  return Buffer.of(LONG_LENGTH + bytes.length, ...bytes);
}

/** Seven bits to a byte, the highest first; all but the last are marked. */
function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(128 + (rest % 128));
  return bytes;
}
