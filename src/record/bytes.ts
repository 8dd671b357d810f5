import { assert } from '../base/assert.ts';
import type { Ballot } from './ballot.ts';
import { NO_BALLOT } from './ballot.ts';

/** Time (8, big endian) and proposer (4). */
export const BALLOT_BYTES = 12;

const TWO_TO_32 = 4_294_967_296;
/** The high word of the largest safe integer. */
const SAFE_HIGH_WORD = 0x1f_ffff;

/** An unsigned 32-bit integer, big endian. Four stores cost half of what Buffer's own checked call costs. */
export function writeU32(target: Buffer, offset: number, value: number): number {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
  return offset + 4;
}

/** A safe, non-negative integer as 8 bytes, big endian. Returns the offset behind it. */
export function writeU64(target: Buffer, offset: number, value: number): number {
  assert(value >= 0 && value <= Number.MAX_SAFE_INTEGER, 'not a safe integer');
  return writeU32(target, writeU32(target, offset, (value / TWO_TO_32) | 0), value | 0);
}

/** Reads 8 bytes written by `writeU64`; -1 if they hold no safe integer. */
export function readU64(source: Buffer, offset: number): number {
  const high = source.readUInt32BE(offset);
  return high > SAFE_HIGH_WORD ? -1 : high * TWO_TO_32 + source.readUInt32BE(offset + 4);
}

/** Returns the offset behind it. */
export function writeBallot(target: Buffer, offset: number, ballot: Ballot): number {
  return writeU32(target, writeU64(target, offset, ballot.time), ballot.proposer | 0);
}

/** NO_BALLOT itself for zeros; null if the time is no safe integer. */
export function readBallot(source: Buffer, offset: number): Ballot | null {
  const time = readU64(source, offset);
  if (time < 0) return null;
  const proposer = source.readUInt32BE(offset + 8);
  return time === 0 && proposer === 0 ? NO_BALLOT : { time, proposer };
}

/** Bytes given as latin1 characters (record ids, page ids, request ids). Returns the offset behind them. */
export function writeLatin1(target: Buffer, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}
