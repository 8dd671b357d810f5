import { upToZero } from '../../base/c-text.ts';
import { parseFloatText } from '../../resp/float.ts';

/*
 * Scores of sorted sets: doubles, without NaN. On disk a score is its eight bytes, the highest first; as the beginning of a
 * key the same with its bits so turned that the order of the bytes is that of the numbers. There 0 and -0 are the same.
 */

export const SCORE_BYTES = 8;

const DECIMAL_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITY_TEXT = /^([+-]?)inf(?:inity)?$/i;
/** A digit that is not zero before the exponent. */
const NOT_ZERO = /^[+-]?(?:0x[^p]*[1-9a-f]|[\d.]*[1-9])/i;
const LEADING_SPACE = /^[ \t\n\v\f\r]+/;
const OPENING = '(';

/** An end of a range of scores. */
export interface ScoreBound {
  readonly score: number;
  /** The score itself does not belong to the range. */
  readonly isExclusive: boolean;
}

/** A score as ZADD takes it; null where Redis says that it is not a valid float. */
export function parseScore(bytes: Buffer): number | null {
  const text = bytes.toString('latin1');
  const score = toDouble(text);
  if (score === null) return null;
  if (!Number.isFinite(score)) return INFINITY_TEXT.test(text) ? score : null;
  // Too small for a double.
  return score === 0 && NOT_ZERO.test(text) ? null : score;
}

/** A bound as ZRANGEBYSCORE takes it: C's strtod over all of the text up to a zero byte; null where it is none. */
export function parseScoreBound(bytes: Buffer): ScoreBound | null {
  const text = upToZero(bytes).toString('latin1');
  const isExclusive = text.startsWith(OPENING);
  const rest = isExclusive ? text.slice(1) : text;
  const score = rest === '' ? 0 : toDouble(rest.replace(LEADING_SPACE, ''));
  return score === null ? null : { score, isExclusive };
}

/** A number as SORT takes it: C's strtod over all of the text up to a zero byte, empty is 0; null where Redis says it is none. */
export function parseWeight(bytes: Buffer): number | null {
  const text = upToZero(bytes).toString('latin1');
  return text === '' ? 0 : parseScore(Buffer.from(text.replace(LEADING_SPACE, ''), 'latin1'));
}

/** The nearest double to a decimal or hexadecimal number, or infinity; null where the text is neither. */
function toDouble(text: string): number | null {
  if (DECIMAL_TEXT.test(text)) return Number(text);
  const infinity = INFINITY_TEXT.exec(text);
  if (infinity !== null) return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (!/^[+-]?0x/i.test(text)) return null;
  const value = parseFloatText(Buffer.from(text, 'latin1'));
  return value?.kind === 'finite' ? Number(`${value.coefficient}e${value.exponent}`) : null;
}

/** As an item of a packed sorted set, or as the value of its member in a tree. */
export function encodeScore(score: number): Buffer {
  const bytes = Buffer.allocUnsafe(SCORE_BYTES);
  bytes.writeDoubleBE(score, 0);
  return bytes;
}

export function decodeScore(bytes: Buffer, at = 0): number {
  return bytes.readDoubleBE(at);
}

/** Writes eight bytes whose order is that of the scores. */
export function writeScoreOrder(target: Buffer, score: number): void {
  target.writeDoubleBE(score === 0 ? 0 : score, 0);
  const high = target.readUInt32BE(0);
  const isNegative = high >= 0x80000000;
  target.writeUInt32BE((isNegative ? ~high : high | 0x80000000) >>> 0, 0);
  if (isNegative) target.writeUInt32BE(~target.readUInt32BE(4) >>> 0, 4);
}

/** The score of eight such bytes at `start`. */
export function readScoreOrder(bytes: Buffer, start: number): number {
  const high = bytes.readUInt32BE(start);
  const low = bytes.readUInt32BE(start + 4);
  const isNegative = high < 0x80000000;
  const plain = Buffer.allocUnsafe(SCORE_BYTES);
  plain.writeUInt32BE((isNegative ? ~high : high & 0x7fffffff) >>> 0, 0);
  plain.writeUInt32BE((isNegative ? ~low : low) >>> 0, 4);
  return plain.readDoubleBE(0);
}
