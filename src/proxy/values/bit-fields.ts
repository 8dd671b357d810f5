import { upToZero } from '../../base/c-text.ts';

/** What happens to a number that does not fit its field. */
export type Overflow = 'wrap' | 'sat' | 'fail';

/** An integer of some bits: i1 to i64, u1 to u63. */
export interface FieldType {
  readonly isSigned: boolean;
  readonly bits: number;
}

/** A field's type as Redis writes it, `i16` or `u8`; null if it is none. */
export function parseFieldType(bytes: Buffer): FieldType | null {
  const text = upToZero(bytes);
  const match = /^([iu])([1-9][0-9]?)$/.exec(text.length > 3 ? '' : text.toString('latin1'));
  if (match === null) return null;
  const isSigned = match[1] === 'i';
  const bits = Number(match[2]);
  return bits > (isSigned ? 64 : 63) ? null : { isSigned, bits };
}

/** The number that these bits are. */
export function fromBits(type: FieldType, bits: bigint): bigint {
  return type.isSigned ? BigInt.asIntN(type.bits, bits) : bits;
}

/** The number as the field holds it; null where it does not fit and must. */
export function fitted(type: FieldType, number: bigint, overflow: Overflow): bigint | null {
  const { isSigned, bits } = type;
  const max = (1n << BigInt(isSigned ? bits - 1 : bits)) - 1n;
  const min = isSigned ? -max - 1n : 0n;
  if (number >= min && number <= max) return number;
  if (overflow === 'fail') return null;
  if (overflow === 'sat') return number > max ? max : min;
  return isSigned ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number);
}
