import { createHash } from 'node:crypto';
import { limits } from '../../base/limits.ts';
import { type LeafCursor, readBig } from '../../record/tree-node.ts';
import type { PageAccess } from '../../record/value.ts';
import { readScoreOrder, SCORE_BYTES, writeScoreOrder } from './score.ts';

/*
 * The elements of a sorted set in its tree by score:
 *
 *   key   = score:8 ( member | first472BytesOfMember sha256(member) )     ; score.ts; the latter of a long member
 *   value = nothing                                                       ; of a plain member
 *         | flags:u8 [ member ]                                           ; of a long one, or of a score of -0
 *
 * A key of the longest length is that of a long member. Long members of one score that begin with the same 472 bytes are in
 * the order of their hashes, not of their names.
 */

/** An element of a sorted set. */
export interface Scored {
  readonly member: Buffer;
  readonly score: number;
}

const LONGEST_PLAIN_MEMBER = limits.treeKeyBytes - SCORE_BYTES - 1;
const DIGEST_BYTES = 32;
const HEAD_BYTES = limits.treeKeyBytes - SCORE_BYTES - DIGEST_BYTES;
const NEGATIVE_ZERO = 1;
const NO_BYTES = Buffer.alloc(0);
const FLAGGED = Buffer.from([NEGATIVE_ZERO]);

export function scoredKeyOf(member: Buffer, score: number): Buffer {
  const isLong = member.length > LONGEST_PLAIN_MEMBER;
  const key = Buffer.allocUnsafe(isLong ? limits.treeKeyBytes : SCORE_BYTES + member.length);
  writeScoreOrder(key, score);
  if (!isLong) {
    key.set(member, SCORE_BYTES);
    return key;
  }
  member.copy(key, SCORE_BYTES, 0, HEAD_BYTES);
  key.set(createHash('sha256').update(member).digest(), SCORE_BYTES + HEAD_BYTES);
  return key;
}

export function scoredValueOf(member: Buffer, score: number): Buffer {
  const isNegativeZero = Object.is(score, -0);
  if (member.length <= LONGEST_PLAIN_MEMBER) return isNegativeZero ? FLAGGED : NO_BYTES;
  const value = Buffer.allocUnsafe(1 + member.length);
  value[0] = isNegativeZero ? NEGATIVE_ZERO : 0;
  value.set(member, 1);
  return value;
}

/** Not above any key of this score; with `isAfter`, above all of them and below those of higher scores. */
export function scoreBoundKey(score: number, isAfter: boolean): Buffer {
  const key = Buffer.allocUnsafe(SCORE_BYTES);
  writeScoreOrder(key, score);
  if (!isAfter) return key;
  for (let at = SCORE_BYTES - 1; at >= 0; at--) {
    const byte = ((key[at] ?? 0) + 1) & 0xff;
    key[at] = byte;
    if (byte !== 0) break;
  }
  return key;
}

/** May throw NeedPages, of a long member. */
export function scoredOf(element: LeafCursor, pages: PageAccess): Scored {
  const { bytes, keyStart, keyEnd, valueStart, end } = element;
  const score = readScoreOrder(bytes, keyStart);
  if (keyEnd - keyStart < limits.treeKeyBytes) {
    return { member: bytes.subarray(keyStart + SCORE_BYTES, keyEnd), score: end > valueStart ? -0 : score };
  }
  const value = element.isBig ? readBig(element.stored, pages) : element.stored;
  return { member: value.subarray(1), score: value[0] === NEGATIVE_ZERO ? -0 : score };
}

/** The order of a sorted set. */
export function compareScored(a: Scored, b: Scored): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  return a.member.compare(b.member);
}
